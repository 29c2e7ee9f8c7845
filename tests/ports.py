"""Ports for servers that tests start."""

from __future__ import annotations

import contextlib
import secrets
import socket

# Below the ports that the kernel gives to clients: one of those could take a port between our look and the server's.
_LOWEST, _HIGHEST = 15_000, 30_000


def free_port() -> int:
    """A port of the loopback that nobody has, of so many that two processes hardly ever ask for the same."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
