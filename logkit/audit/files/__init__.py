"""The files of a stream: their formats, and how they are read. Nothing here decides or waits."""
