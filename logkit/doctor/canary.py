"""A canary through every sink, and back: what was sent is looked for where the sink writes.

Each canary carries a password that nobody has. It must arrive once, and the password must not.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from logkit.audit import Actor, emit
from logkit.audit.cli.place import as_operator
from logkit.audit.query import Filter, search
from logkit.errors import LogkitError
from logkit.findings import Finding, ok, problem, warning
from logkit.parsers import LEVELS, STREAMS
from logkit.pipeline import current_sinks, flush
from logkit.settings import AuditSettings, LogSettings

EVENT = "logkit.canary"
_PASSWORD = "canary-password-that-nobody-has"  # noqa: S105 - it must be hidden, and is looked for
_NEWEST_BYTES = 1 << 20  # of a log file, where a line that was just written is
_WHO_ELSE = (
    "Look for a handler, filter or patcher of somebody else: `logger.add`, `LOGGING`, `logging.disable`."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """The canaries: one through Loguru, one through the standard library; and what is known of the others already."""

    loguru: str
    stdlib: str
    findings: tuple[Finding, ...]


def send(settings: LogSettings) -> Sent:
    """Send a canary to every sink of the pipeline, and an event to every stream of the trail."""
    failures = {sink.name: sink.failures for sink in current_sinks()}
    loguru, stdlib, level = _name(), _name(), _level(settings)
    # logkit: ignore[LK201] nobody has this password, and it has to be hidden
    logger.bind(canary=loguru, password=_PASSWORD).log(level, "logkit.canary")
    extra = {"canary": stdlib, "password": _PASSWORD}
    logging.getLogger(__name__).log(LEVELS[level], "logkit.canary", extra=extra)
    flush()
    findings = [_of_sink(sink.name, sink.failures - failures.get(sink.name, 0)) for sink in current_sinks()]
    if settings.audit.enabled:
        findings += [_of_stream(settings.audit, stream) for stream in STREAMS]
    return Sent(loguru, stdlib, tuple(findings))


def judged(settings: LogSettings, sent: Sent, stdout: bytes) -> Iterator[Finding]:
    """Which canaries came back? `stdout` is what was written to descriptor 1 since they were sent."""
    if settings.stdout:
        yield _of_lines("stdout", stdout, sent, "a pipe")
    if settings.file is not None:
        yield _of_file(settings.file, sent)
    yield from sent.findings


def _name() -> str:
    return f"canary-{secrets.token_hex(8)}"


def _level(settings: LogSettings) -> str:
    """The least level that passes everywhere, so that nobody is woken by it."""
    least = [settings.level, *(level for name, level in settings.levels if __name__.startswith(name))]
    numbers = [*(LEVELS[name] for name in least), *(sink.level_no for sink in current_sinks())]
    return next(name for name, number in LEVELS.items() if number >= max(numbers))


def _of_lines(about: str, data: bytes, sent: Sent, place: str) -> Finding:
    """Did both canaries come, once each, without the password?"""
    if _PASSWORD.encode() in data:
        return problem(about, f"The canary's password is in {place}: redaction did not happen.", _WHO_ELSE)
    for way, canary in (("Loguru", sent.loguru), ("the standard library", sent.stdlib)):
        times = data.count(canary.encode())
        if times == 0:
            text = f"The canary sent through {way} did not arrive in {place}."
            return problem(about, text, _WHO_ELSE)
        if times > 1:
            return problem(about, f"The canary sent through {way} came {times} times.", _WHO_ELSE)
    return ok(about, f"both canaries arrived in {place}, once each, without their password")


def _of_file(path: Path, sent: Sent) -> Finding:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _NEWEST_BYTES, 0))
            return _of_lines("file", file.read(2 * _NEWEST_BYTES), sent, str(path))
    except OSError as error:
        return problem("file", f"{path} cannot be read back: {error.strerror}.", "Look at its permissions.")


def _of_sink(name: str, failures: int) -> Finding:
    if failures:
        return problem("sink", f"{name} raised at the canary.", "Look for logkit.sink_failed in the log.")
    return ok("sink", f"{name} took the canaries")


def _of_stream(settings: AuditSettings, stream: str) -> Finding:
    """State an event of the stream, and read it back from its segment."""
    about, directory = f"audit {stream}", settings.directory / stream
    if (owner := _other_owner(directory)) is not None:
        text = f"No canary: {directory} belongs to user {owner}, who could not continue what this user begins there."
        return warning(about, text, f"Run it as that user: sudo -u '#{owner}' …")
    detail = {"canary": _name()}
    try:
        with as_operator():
            receipt = emit(f"audit.{stream}.checked", actor=Actor.system("logkit doctor"), detail=detail)
        found = [*search([directory], Filter(ids=(receipt.id,)))]
    except LogkitError as error:
        return problem(about, f"The trail did not take the canary: {error}", "What must be audited fails.")
    except OSError as error:
        return problem(about, f"{directory} cannot be read back: {error}", "Look at its permissions.")
    if receipt.state == "spooled":
        text = f"The canary is in the spool: {directory} cannot be written."
        return problem(about, text, "Look at its permissions and its disk.")
    if len(found) != 1:
        text = f"Line {receipt.seq} was acknowledged, and {directory} has it {len(found)} times."
        return problem(about, text, "Run logkit audit verify.")
    return ok(about, f"line {receipt.seq} of {found[0].segment} came back")


def _other_owner(directory: Path) -> int | None:
    """The user to whom the stream or the trail belongs, where it is there and that is another one."""
    for path in (directory, directory.parent):
        if path.exists():
            owner = path.stat().st_uid
            return None if owner == os.geteuid() else owner
    return None
