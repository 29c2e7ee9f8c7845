"""Where a trail is, for the command line: from the environment, or a copy that `--dir` names."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from logkit.audit.emit import emit
from logkit.audit.ledger import Ledger
from logkit.audit.notices import Alert, Emit, ignore
from logkit.audit.trail import AuditTrail, install, installed
from logkit.audit.trail.ledgers import file_ledger
from logkit.context import bound_context, get_context
from logkit.errors import ConfigError, LogkitError
from logkit.parsers import STREAMS
from logkit.redact import Redactor
from logkit.settings import AuditSettings, LogSettings


class NotLive(LogkitError):  # noqa: N818 - an answer to the person at the terminal
    """What was asked for changes the trail, but the directory is only a copy of one."""


@dataclass(frozen=True, slots=True)
class Place:
    """One trail. `settings` is None for a copy, which nobody writes to and whose reading leaves no record."""

    root: Path
    key_directory: Path | None
    settings: LogSettings | None = None
    retention: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return self.settings is not None

    def streams(self, wanted: list[str] | None = None) -> list[Path]:
        """The directories of the streams that are there, or of those wanted.

        Raises `LogkitError` when there is none, or one that is wanted is not there.
        """
        if wanted:
            missing = [name for name in wanted if not (self.root / name).is_dir()]
            if missing:
                raise LogkitError(f"there is no stream {missing[0]!r} in {self.root}: {self._there()}")
            return [self.root / name for name in wanted]
        found = self._found()
        if not found:
            raise LogkitError(f"there is no audit trail in {self.root}: {self._there()}")
        return found

    def key_path(self, stream: str) -> Path | None:
        return self.key_directory / f"{stream}.key" if self.key_directory else None

    def ledger(self, stream: str, alert: Alert = ignore) -> Ledger:
        """The stream's ledger, to seal and to expire. Raises `NotLive` for a copy."""
        return file_ledger(self.live().audit, stream, alert=alert, emit=self.emitter())

    def live(self) -> LogSettings:
        if self.settings is None:
            raise NotLive(
                f"{self.root} is a copy, or not the trail that AUDIT_DIR names: only the live trail can be changed"
            )
        return self.settings

    def emitter(self) -> Emit:
        """How the command states an event in the live trail; of a copy nothing is stated.

        What it returns raises `AuditUnavailable` when the trail takes nothing: then the command must not go on.
        """
        if self.settings is None:
            return ignore
        return _emitter(self.settings)

    def _found(self) -> list[Path]:
        with suppress(OSError):
            names = {path.name for path in self.root.iterdir() if path.is_dir()}
            known = [name for name in STREAMS if name in names]
            return [self.root / name for name in known]
        return []

    def _there(self) -> str:
        if not self.root.exists():
            return "the directory does not exist; set AUDIT_DIR or give --dir DIR"
        try:
            names = sorted(path.name for path in self.root.iterdir() if path.is_dir())
        except PermissionError:
            return "the directory cannot be read by this user; members of AUDIT_GROUP can"
        return f"it has {', '.join(names)}" if names else "it is empty"


def find_place(directory: Path | None, key_directory: Path | None, environ: Mapping[str, str]) -> Place:
    """The trail that the environment names, or the one in `directory`: live when it is the same.

    Raises `ConfigError` when neither says where.
    """
    try:
        settings = LogSettings.from_env(environ)
    except ConfigError as error:
        if directory is None:
            raise LogkitError(f"{error}\nor give --dir DIR to look at a copy of a trail") from error
        return Place(directory, key_directory, None, dict(AuditSettings().retention))
    retention = {stream: settings.audit.retention_of(stream) for stream in STREAMS}
    if directory is None or _is_same(directory, settings.audit.directory):
        keys = key_directory or settings.audit.key_directory
        return Place(settings.audit.directory, keys, settings, retention)
    return Place(directory, key_directory, None, retention)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _emitter(settings: LogSettings) -> Emit:
    """Through the trail of this process where there is one (`manage.py logkit`), else through one of our own."""

    if installed() is None:
        redactor = Redactor(extra_keys=settings.redact_keys, allow_keys=settings.redact_allow)
        install(AuditTrail(settings, redactor, report=_to_stderr))

    def state(name: str, detail: Mapping[str, object]) -> None:
        emit(name, detail=detail)

    return state


@contextmanager
def as_operator() -> Iterator[None]:
    """The person at the terminal as the actor of what is stated, unless the context knows better.

    A trail that was made for it is left at the end.
    """
    with ExitStack() as stack:
        stack.callback(_leave, installed())
        if "user_id" not in get_context():
            name = os.environ.get("SUDO_USER") or _user()
            stack.enter_context(bound_context(user_id=f"os:{name}", actor_type="staff"))
        yield


def _leave(before: AuditTrail | None) -> None:
    ours = installed()
    if ours is not None and ours is not before:
        ours.close()
        install(before)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _to_stderr(level: str, message: str, fields: Mapping[str, object]) -> None:
    if (
        level in ("ERROR", "CRITICAL") and message != "audit.bypassed"
    ):  # a command has no Loguru sink to bypass
        sys.stderr.write(f"logkit audit: {message} {dict(fields)}\n")
