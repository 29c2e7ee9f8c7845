"""A desk: a trail with real ledgers behind a real Loguru handler, what it wrote and what it reported."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from loguru import logger

from logkit.audit import trail as trails
from logkit.audit.emit.deferred import Deferred
from logkit.audit.trail import AuditTrail
from logkit.redact import Redactor
from logkit.settings import LogSettings

OPENING = ("audit.log.started", "audit.log.stopped")


class Desk:
    """A trail, what it wrote and what it reported."""

    def __init__(self, root: Path, **environ: str) -> None:
        self.root = root
        folders = {
            name: str(root / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
        }
        given = {"LOG_ENVIRONMENT": "test", "AUDIT_FSYNC": "never", **folders, **environ}
        self.reports: list[tuple[str, str, dict[str, object]]] = []
        self.trail = AuditTrail(LogSettings.from_env(given), Redactor(), report=self._report)
        with contextlib.suppress(TypeError, ValueError):
            logger.level("AUDIT", no=60)
        self.handler = logger.add(
            lambda message: None,
            level="AUDIT",
            filter=self.trail.take,
            format="",
            diagnose=False,
            backtrace=False,
        )

    def _report(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        self.reports.append((level, message, dict(fields)))

    def reported(self, message: str) -> list[dict[str, object]]:
        return [fields for _, found, fields in self.reports if found == message]

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """Every event in the ledgers, in the order in which they were stated.

        What the trail says of being opened and closed comes only when it is asked for.
        """
        found = []
        for path in sorted((self.root / "audit_dir").rglob("*-*.jsonl")):
            found += [orjson.loads(line) for line in path.read_bytes().splitlines()]
        found.sort(key=lambda line: line["id"])
        if event is not None:
            return [line for line in found if line["event"] == event]
        return [line for line in found if not line["event"].startswith(OPENING)]

    def raw(self) -> bytes:
        """Every byte below the trail's directories."""
        return b"".join(path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file())

    def break_disk(self) -> None:
        """Make ledger and spool unusable: a plain file stands where their directories should be."""
        self.trail.close()
        for name in ("audit_dir", "audit_spool_dir"):
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            if path.exists():
                path.rename(path.with_suffix(".kept"))
            path.write_text("")

    def mend_disk(self) -> None:
        for name in ("audit_dir", "audit_spool_dir"):
            path = self.root / name
            path.unlink()
            if path.with_suffix(".kept").exists():
                path.with_suffix(".kept").rename(path)


@contextlib.contextmanager
def opened(root: Path, **environ: str) -> Iterator[Desk]:
    """A desk whose trail is the installed one for a while."""
    desk = Desk(root, **environ)
    before = trails.install(desk.trail)
    try:
        yield desk
    finally:
        trails.install(before)
        with contextlib.suppress(ValueError):
            logger.remove(desk.handler)
        desk.trail.close()


class FakeTransaction:
    """What a database does to callbacks, without a database."""

    def __init__(self) -> None:
        self.hooks: list[Deferred] | None = None

    def open(self) -> "FakeTransaction | None":
        return None if self.hooks is None else self

    def relay(self, older_than: timedelta) -> int:
        return 0

    def defer(self, waiting: Deferred) -> None:
        assert self.hooks is not None
        self.hooks.append(waiting)

    def begin(self) -> None:
        self.hooks = []

    def commit(self) -> None:
        hooks, self.hooks = self.hooks or [], None
        while hooks:
            hooks.pop(0)()

    def rollback(self) -> None:
        self.hooks = None
