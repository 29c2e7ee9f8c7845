"""What the machine gives: permissions, room on its disks, a clock, and whether files are rotated as they should be."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logkit.audit.files.checkpoints import last_checkpoint
from logkit.audit.files.head import read_head
from logkit.audit.files.segments import Segment, list_segments
from logkit.audit.ledger.filesystem import filesystem_of, refuse_network
from logkit.errors import AuditUnavailable
from logkit.findings import Finding, note, ok, problem, warning
from logkit.parsers import STREAMS
from logkit.settings import AuditSettings, LogSettings
from logkit.writers.archive import rotated

_LITTLE_ROOM, _NO_ROOM = 2_000_000_000, 100_000_000  # bytes
_LITTLE_SHARE = 0.05  # of the disk, or of its inodes
_TOLERANCE = timedelta(seconds=2)
_PAST = datetime(2025, 1, 1, tzinfo=UTC)  # no clock that is set says less
_UNSEALED_FOR = timedelta(minutes=15)
_OVERDUE = timedelta(days=2)  # beyond its time in a trail whose retention is applied daily
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_MOUNTS, _SHARED = Path("/proc/self/mountinfo"), Path("/dev/shm")  # noqa: S108 - looked at only


def permissions(settings: LogSettings) -> Iterator[Finding]:
    """May this user write where the service will? Whose are the files?"""
    for about, path in _places(settings):
        there = _nearest(path)
        if not there.is_dir() and there != settings.file:
            yield problem(about, f"{there} is not a directory.", "Give another path.")
            continue
        if not os.access(there, os.W_OK | (os.X_OK if there.is_dir() else 0)):
            yield problem(
                about,
                f"{there} is not writable for this user.",
                "Give it to the service's user, or give another path.",
            )
            continue
        status = there.stat()
        if path.exists() and status.st_uid != os.geteuid():
            yield warning(
                about,
                f"{path} belongs to user {status.st_uid}, and this is user {os.geteuid()}.",
                "Run the service and its commands as one user: files that another one begins cannot be continued.",
            )
            continue
        begun = (
            f"mode {stat.S_IMODE(status.st_mode):04o}" if path.exists() else "not there yet; it can be made"
        )
        yield ok(about, f"{path}, {begun}")
    if settings.stdout and not os.access(_SHARED, os.W_OK | os.X_OK):
        yield warning(
            "stdout",
            f"{_SHARED} is not writable: processes that share a pipe cannot wait for each other.",
            "Mount a tmpfs there; until then the lock is in the directory for temporary files, or lines to a pipe are "
            "shortened to 4096 bytes.",
        )


def disk(settings: LogSettings) -> Iterator[Finding]:
    """Room, inodes, and the kind of file system, once for each disk that is written to."""
    seen: dict[int, str] = {}
    mounts = _MOUNTS.read_text(errors="replace") if _MOUNTS.exists() else ""
    for about, path in _places(settings):
        there = _nearest(path if path.is_dir() else path.parent)
        kind = filesystem_of(there.resolve(), mounts)
        if about.startswith("audit"):
            yield from _file_system(about, there, kind)
        device = there.stat().st_dev
        if device not in seen:
            seen[device] = about
            yield _room(there, kind)


def _file_system(about: str, directory: Path, kind: str) -> Iterator[Finding]:
    try:
        refuse_network(directory)
    except AuditUnavailable as error:
        yield problem(about, str(error), "The trail refuses to open there.")
    if kind in ("tmpfs", "ramfs"):
        yield warning(
            about, f"{directory} is on {kind}: it is gone after a restart.", "Give it a disk, or a volume."
        )
    if kind == "overlay":
        yield warning(
            about, f"{directory} is inside the container: it goes with it.", "Mount a volume there."
        )


def _room(path: Path, kind: str) -> Finding:
    room = os.statvfs(path)
    free, total = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
    text = f"{free / 1e9:.1f} of {total / 1e9:.0f} GB free ({kind}), at {path}"
    if room.f_flag & os.ST_RDONLY:
        return problem("disk", f"{path} is mounted read-only.", "Remount it, or give another path.")
    if free < _NO_ROOM:
        return problem(
            "disk", f"Nearly full: {text}.", "Make room; without it the trail refuses, and lines are lost."
        )
    if room.f_files and room.f_favail < _LITTLE_SHARE * room.f_files:
        return warning(
            "disk", f"{room.f_favail:,} of {room.f_files:,} inodes free, at {path}.", "Remove small files."
        )
    if free < _LITTLE_ROOM or free < _LITTLE_SHARE * total:
        return warning("disk", f"Little room: {text}.", "Make room, or shorten the retention.")
    return ok("disk", text)


def clock(settings: LogSettings) -> Iterator[Finding]:
    """Is it set, kept in step, and not behind what the trail has recorded?"""
    now = datetime.now(UTC)
    if now < _PAST:
        yield problem(
            "clock", f"It is {now:%Y-%m-%d} here.", "Set the clock; the order of all lines depends on it."
        )
        return
    if (last := _last_written(settings.audit)) and last > now + _TOLERANCE:
        yield problem(
            "clock",
            f"It is {now:%Y-%m-%d %H:%M:%S} UTC, before the trail's last write at {last:%Y-%m-%d %H:%M:%S} UTC.",
            "Set the clock; the trail goes on, and its times would go back.",
        )
        return
    if _is_synchronised() is False:
        yield note(
            "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC; the kernel knows of nobody who keeps it in step (NTP)"
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC, kept in step")


def _is_synchronised() -> bool | None:
    """What adjtimex(2) says; None where it cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(512))  # struct timex, modes 0: ask only
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _last_written(audit: AuditSettings) -> datetime | None:
    times = [
        segments[-1].path.stat().st_mtime
        for stream in STREAMS
        if audit.enabled and (segments := _segments(audit.directory / stream))
    ]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def rotation(settings: LogSettings) -> Iterator[Finding]:
    """Rotated log files and their age; of each stream, what is unsealed and what is overdue."""
    if settings.file is not None and settings.file.exists():
        files = rotated(settings.file)
        size = settings.file.stat().st_size
        limit = settings.file_rotation.size
        if limit and size > 2 * limit:
            text = f"{settings.file} has {size / 1e6:,.0f} MB and should be rotated at {limit / 1e6:g} MB."
            yield warning("rotation", text, "Its directory must be writable for the service.")
        else:
            text = f"{settings.file.name}: {size / 1e6:,.1f} MB now, {len(files)} rotated files"
            yield ok("rotation", text)
    if settings.audit.enabled:
        for stream in STREAMS:
            yield from _stream(settings.audit, stream)


def _stream(audit: AuditSettings, stream: str) -> Iterator[Finding]:
    directory, now = audit.directory / stream, datetime.now(UTC)
    segments = _segments(directory)
    if not segments:
        return
    about = f"audit {stream}"
    due = now - audit.retention_of(stream) - _OVERDUE
    if len(segments) > 1 and segments[1].started < due:
        text = f"{segments[0].name} is past its {audit.retention_of(stream).days} days."
        yield warning(
            about, text, "Run logkit audit retention --apply from cron or beat; a hold may keep it."
        )
    (head, _), seal = read_head(directory), last_checkpoint(directory)
    unsealed = head.next_seq - (seal.next if seal else 1) if head else 0
    age = now - datetime.fromtimestamp(segments[-1].path.stat().st_mtime, UTC)
    if unsealed > 0 and age > _UNSEALED_FOR:
        text = f"its last {unsealed:,} lines are unsealed for {int(age.total_seconds() // 60):,} min"
        yield note(
            about, text, "Run logkit audit seal from cron or beat, to bound what an attacker could rewrite."
        )


def _segments(directory: Path) -> list[Segment]:
    try:
        return list_segments(directory)
    except OSError:
        return []


def _places(settings: LogSettings) -> Iterator[tuple[str, Path]]:
    """Everything that is written to, with its name."""
    audit = settings.audit
    if settings.file is not None:
        yield "log file", settings.file
        yield "log directory", settings.file.parent
    if audit.enabled:
        yield "audit trail", audit.directory
        yield "audit spool", audit.spool_directory
        yield "audit keys", audit.key_directory


def _nearest(path: Path) -> Path:
    """The nearest directory above that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
