"""`Capture`: a sink that remembers what would be written, after redaction, as data of schema v1, and can be asked.

Events of other processes come through a file: of forked children, which have the sink itself, and of processes that
are started anew, which are told the file's name in their environment. (`logkit.captured`)
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from logkit.captured import VARIABLE, announced, own_path
from logkit.errors import LogkitError
from logkit.parsers import LEVELS
from logkit.pipeline import add_sink, configure, current_settings, remove_sink, shutdown
from logkit.testing.expectation import Line, logged
from logkit.testing.failures import Kind
from logkit.testing.questions import Questions

QUIET = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off"}
_time = itemgetter("timestamp")


def _heading(line: Line) -> str:
    source = line["source"]
    return f"{line['level']:<8} {line['message']}   {source['file']}:{source['line']}"


def _shown(line: Line) -> Mapping[str, Any]:
    error = line.get("exception")
    told = {"exception": f"{error['type']}: {error['message']}"} if error else {}
    return {**line["context"], **told}


LOG = Kind(
    noun="event",
    name=itemgetter("message"),
    field=logged,
    heading=_heading,
    shown=_shown,
    ranks=LEVELS,
    rank=lambda line: LEVELS.get(line["level"], 0),
)


class Capture(Questions):
    """The events of a test: of this process, in order, and of others, by their time."""

    def __init__(self, processes: Path | None = None) -> None:
        super().__init__(LOG)
        self._lines: list[Line] = []
        self._pid = os.getpid()
        self._processes = processes
        self._followed = [_Followed(processes)] if processes else []

    def __call__(self, line: Line) -> None:
        if os.getpid() != self._pid:
            self._pass_on(line)
            return
        with self._arrived:
            self._lines.append(line)
            self._arrived.notify_all()

    @property
    def events(self) -> list[Line]:
        """Every event so far, oldest first."""
        theirs = [line for followed in self._followed for line in followed.read()]
        with self._arrived:
            if theirs:
                self._lines = sorted([*self._lines, *theirs], key=_time)
            return list(self._lines)

    def follow(self, path: Path | str) -> None:
        """Hear what another process writes to this file as well: its LOG_FILE, or where its stdout goes."""
        self._followed.append(_Followed(Path(path)))

    def errors(self, *, but: frozenset[str] = frozenset()) -> list[Line]:
        """Events at ERROR and above that the test has not asked for, and that are none of `but`."""
        known = self.asked | but
        return [
            line for line in self.events if LOG.rank(line) >= LEVELS["ERROR"] and line["message"] not in known
        ]

    def clear(self) -> None:
        """Forget what was logged so far."""
        self.events  # noqa: B018 - what others wrote until now is forgotten, too
        with self._arrived:
            self._lines.clear()

    def _pass_on(self, line: Line) -> None:
        """In a forked child the list is a copy that nobody reads."""
        if self._processes is not None:
            with contextlib.suppress(OSError, orjson.JSONEncodeError):
                file = os.open(self._processes, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                os.write(file, orjson.dumps(line) + b"\n")
                os.close(file)


class _Followed:
    """The lines that come to a file from now on. What is no line of schema v1 is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def read(self) -> list[Line]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return [line for raw in data[:whole].splitlines() if (line := _parsed(raw)) is not None]


def _parsed(raw: bytes) -> Line | None:
    try:
        line = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    is_line = isinstance(line, dict) and {"timestamp", "level", "message", "context", "source"} <= line.keys()
    return line if is_line else None


@contextmanager
def capture(level: str = "TRACE") -> Iterator[Capture]:
    """A `Capture` of a block, of this process and of those that are started in it.

    Where logging is not configured yet, it is, writing nothing else. Afterwards it is configured as it was before,
    whatever the block did.
    """
    before = current_settings()
    if before is None:
        configure(QUIET)
    with processes() as path:
        captured = Capture(path)
        sink_id = add_sink(captured, level=level, name="capture")
        try:
            yield captured
        finally:
            captured.events  # noqa: B018 - the file of the others may go now
            with contextlib.suppress(LogkitError):  # the block took logging down by itself
                remove_sink(sink_id)
            if before is None:
                shutdown()
            else:
                configure(before)


@contextmanager
def processes() -> Iterator[Path]:
    """The file to which processes that are started in this block put their lines as well."""
    if (present := own_path()) is not None:
        yield present
        return
    path = Path(tempfile.gettempdir()) / f"logkit-{os.getpid()}-{secrets.token_hex(16)}.jsonl"
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = announced(path)
    try:
        yield path
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        for left in (path, path.with_name(f".{path.name}.lock")):
            left.unlink(missing_ok=True)
