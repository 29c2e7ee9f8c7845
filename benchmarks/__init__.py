"""Side-by-side runs against other logging stacks: `make bench`."""
