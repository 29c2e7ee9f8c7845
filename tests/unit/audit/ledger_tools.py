"""What the ledger's tests share: making one, filling it, reading it back as an auditor would."""

from __future__ import annotations

import codecs
import os
import shutil
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints
from logkit.audit.files.segments import list_segments, read_lines
from logkit.audit.ledger import Ledger
from logkit.audit.verify import Question, verify_stream
from logkit.audit.verify.verdicts import StreamReport
from logkit.parsers import Rotation

# A user whom modes bind: root has to become one, anybody else is one.
SOMEBODY_ELSE = 65534 if os.geteuid() == 0 else None


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
            codecs.lookup("ascii")  # both loaded while this machine's Python can still be read
            datetime.strptime("2026", "%Y").astimezone()
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        run()
        code = 0
    except BaseException as error:
        traceback.print_exception(error)
    finally:
        os._exit(code)


def let_in(path: Path) -> None:
    """Let somebody else through to `path`, where pytest keeps others out."""
    if SOMEBODY_ELSE is not None:
        for parent in [path, *path.parents][:4]:
            if parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)


def wait_for(pid: int) -> int:
    """The child's exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def make_trail(root: Path, *, records: int = 120, size: int = 6_000, seal_every: int = 25) -> Path:
    """A stream of several segments, sealed every few records, its last records unsealed; its directory."""
    ledger = make_ledger(root, rotation=Rotation(size=size))
    for number in range(1, records + 1):
        ledger.append(body(number, event="keep.viewed", actor={"type": "user", "id": str(number % 7)}))
        if number % seal_every == 0 and number + seal_every // 2 < records:
            ledger.seal()
    ledger.close()
    return root / "audit/security"


def verified(directory: Path, **question: Any) -> StreamReport:
    """What verification says, with the first key pinned and the key file at hand."""
    root = directory.parent.parent
    pin = question.pop("pin", None) or first_key(directory)
    key_path = question.pop("key_path", root / "keys" / f"{directory.name}.key")
    return verify_stream(directory, Question(**question), pin=pin, key_path=key_path)


def first_key(directory: Path) -> bytes | None:
    lines = list(read_checkpoints(directory))
    return parse_checkpoint(lines[0]).pk if lines else None


def copy_of(directory: Path, to: Path) -> Path:
    """A copy of a whole trail, keys included, to be attacked; the stream's directory in it."""
    root = directory.parent.parent
    shutil.copytree(root, to)
    return to / directory.relative_to(root)


def found(report: StreamReport) -> list[tuple[str, str | None, int | None, int | None]]:
    """The findings that matter: verdict, segment, first and last line."""
    return [(each.verdict, each.segment, each.first, each.last) for each in report.findings if each.code]


class Emitter:
    """Writes what the ledger emits into the compliance stream, as the wiring does."""

    def __init__(self, root: Path) -> None:
        self.ledger = make_ledger(root, stream="compliance")
        self.sent: list[tuple[str, dict[str, object]]] = []
        self.now: datetime | None = None

    def __call__(self, name: str, detail: Mapping[str, object]) -> None:
        self.sent.append((name, dict(detail)))
        time = (self.now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        record = {
            "id": f"emitted-{len(self.sent)}-{os.urandom(4).hex()}",
            "time": time,
            "event": name,
            "detail": detail,
        }
        self.ledger.record(orjson.dumps(record))
