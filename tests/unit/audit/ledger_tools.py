"""What the ledger's tests share: making one, filling it, reading it back as an auditor would."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from logkit.audit.ledger import Ledger
from logkit.audit.segments import list_segments, read_lines
from logkit.parsers import Rotation


class Heard(list[tuple[str, dict[str, object]]]):
    """Alerts or emitted events, in order."""

    def __call__(self, name: str, detail: Mapping[str, object]) -> None:
        self.append((name, dict(detail)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self]


def make_ledger(root: Path, stream: str = "security", **given: object) -> Ledger:
    options: dict[str, object] = {
        "rotation": Rotation(size=50_000_000),
        "fsync": "never",
        "file_mode": 0o640,
        "group": None,
        "key_directory": root / "keys",
        "spool_directory": root / "spool",
    }
    return Ledger(root / "audit", stream=stream, **{**options, **given})  # type: ignore[arg-type]


def body(number: int, **members: object) -> bytes:
    return orjson.dumps({"id": f"event-{number}", "time": "2026-11-23T12:00:00.000000Z", **members})


def lines_of(directory: Path) -> list[bytes]:
    return [line for segment in list_segments(directory) for line in read_lines(segment)]


def ids_of(directory: Path) -> list[str]:
    return [orjson.loads(line)["id"] for line in lines_of(directory)]


def assert_chained(directory: Path) -> int:
    """Check numbers and hashes as the format document says, by other means than the code under test."""
    from hashlib import sha256

    prev, seq = "0" * 64, 0
    for line in lines_of(directory):
        seq += 1
        assert line.startswith(b'{"seq":%d,"prev":"%s",' % (seq, prev.encode())), (seq, line[:100])
        assert line.endswith(b"}\n")
        prev = sha256(b"\0" + line).hexdigest()
    return seq


def in_child(run: Callable[[], None], *, uid: int | None = None) -> int:
    """Run `run` in a forked child, as user `uid` when given; the child's pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if uid is not None:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        run()
        code = 0
    except BaseException as error:
        print(f"child: {error!r}", file=sys.stderr)
    finally:
        os._exit(code)


def wait_for(pid: int) -> int:
    """The child's exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
