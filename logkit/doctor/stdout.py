"""Standard output led into a pipe for a while: to read back what arrives there, and to keep a report free of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from logkit.pipeline import configure, current_settings, shutdown

_PATIENCE = 5.0  # seconds


@dataclass(slots=True)
class Diverted:
    """What was written to descriptor 1 meanwhile; complete when the block has ended."""

    data: bytes = b""


@contextmanager
def diverted_stdout() -> Iterator[Diverted]:
    """Descriptor 1 is a pipe inside the block, which somebody reads; the settings in force are the same afterwards.

    The block has to `configure()` anew, because writers keep the descriptor that they found.
    """
    diverted, before = Diverted(), current_settings()
    sys.stdout.flush()
    kept, (reading, writing) = os.dup(1), os.pipe()
    os.dup2(writing, 1)
    os.close(writing)
    reader = threading.Thread(target=_read, args=(reading, diverted), daemon=True)
    reader.start()
    try:
        yield diverted
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        if before is None:
            shutdown()
        else:
            # Twice: somebody in the block may have configured the same, to whom one swap would be none.
            configure(replace(before, release=f"{before.release} again"))
            configure(before)
        reader.join(_PATIENCE)  # until the last writer of the block is closed, and with it the pipe


def _read(descriptor: int, diverted: Diverted) -> None:
    with os.fdopen(descriptor, "rb") as pipe:
        diverted.data = pipe.read()
