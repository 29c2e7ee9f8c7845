"""One module per thing that is measured; each function sets a stack up and returns the call to time."""
