"""Where processes that a test starts put their lines as well, for the test to read. (`logkit.testing`)

A variable of the environment names the file and the process that reads it. It is heeded in `dev` and `test` only.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "LOGKIT_CAPTURE"


def announced(path: Path) -> str:
    """The variable's value for the children of this process."""
    return f"{os.getpid()}:{path}"


def own_path() -> Path | None:
    """The file that this process reads, if it has announced one."""
    reader, path = _announcement()
    return path if reader == os.getpid() else None


def path_to_write() -> Path | None:
    """The file that a process above this one reads, if there is one."""
    reader, path = _announcement()
    return path if reader != os.getpid() else None


def _announcement() -> tuple[int | None, Path | None]:
    reader, separator, path = os.environ.get(VARIABLE, "").partition(":")
    if not separator or not path or not reader.isdigit():
        return None, None
    return int(reader), Path(path)
