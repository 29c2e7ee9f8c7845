"""The trail: takes sealed envelopes to the ledger through Loguru, and acknowledges them.

An event travels as a Loguru record of level AUDIT that carries nothing of it; the event itself waits here, in its
thread, until the handler asks for it. Whatever happened to Loguru, `write()` sees whether the ledger took the event,
and else gives it to the ledger itself.
"""

from __future__ import annotations

import os
import threading
import weakref
from asyncio import _get_running_loop
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loguru import logger

from logkit.audit.events import Actor, AuditEvent, Receipt
from logkit.audit.events.envelope import Envelope, Sealer
from logkit.audit.events.surroundings import Redacts
from logkit.audit.notices import ALERT_LEVELS
from logkit.audit.trail.ledgers import Appended, Ledger, Ledgers, Opener, file_ledger, file_ledgers
from logkit.audit.trail.losses import Losses
from logkit.audit.trail.opening import Opening
from logkit.audit.trail.presence import Presence
from logkit.audit.trail.report import Report, report_line
from logkit.audit.trail.upkeep import Upkeep, if_alive
from logkit.context import EMPTY
from logkit.errors import AuditUnavailable, raise_if_asynchronous
from logkit.parsers import SEVERITIES
from logkit.settings import RELAXED_ENVIRONMENTS, LogSettings

if TYPE_CHECKING:
    import loguru

    from logkit.audit.ledger import Ledger as FileLedger

LEVEL = "AUDIT"


class _Pending:
    """An event on its way to its ledger."""

    ledger: Ledger | None = None
    appended: Appended | None = None
    error: AuditUnavailable | None = None

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope


class _Thread(threading.local):
    """What one thread is about."""

    pending: _Pending | None = None


class AuditTrail:
    """One per process, made by the pipeline from the settings.

    `take` is the filter of its Loguru handler of level AUDIT, `seal_up` makes an envelope of an event. `ledgers` opens
    the ledger of a stream (tests give one in memory); `report` writes an operational line: level, message, fields.
    """

    def __init__(
        self,
        settings: LogSettings,
        redactor: Redacts,
        *,
        ledgers: Opener | None = None,
        report: Report = report_line,
    ) -> None:
        self.settings = settings.audit
        self.enabled = settings.audit.enabled
        self.report = report
        self._least_rank = SEVERITIES.index(settings.audit.level)
        service = {"name": settings.service, "environment": settings.environment}
        service |= {"release": settings.release} if settings.release else {}
        strict = settings.environment in RELAXED_ENVIRONMENTS
        self.seal_up = Sealer(redactor, service, strict=strict).seal_up
        self._upkeep = Upkeep()
        self._ledgers = Ledgers(
            ledgers
            or file_ledgers(
                settings.audit, alert=self.alert, emit=self._state_of_ledger, aside=self._upkeep.aside
            )
        )
        place = Presence(settings.audit.directory, file_mode=settings.audit.file_mode)
        self._opening = Opening(
            settings.audit,
            place if ledgers is None else None,  # those that are given from outside are in no directory
            state=self._state,
            open_ledger=self.open_ledger,
        )
        self._losses = Losses()
        self._bypassed = ""
        self._is_open = self._has_blocked = self._has_said_closed = False
        self._thread = _Thread()
        os.register_at_fork(after_in_child=if_alive(weakref.WeakMethod(self.forget)))

    # What Loguru is given.

    def take(self, record: loguru.Record | None) -> bool:
        """Loguru's filter: append the event that this thread's record stands for, then decline the record.

        Here and not in a sink, because a ledger that is busy must not be waited for under Loguru's handler lock.
        Never raises; `write()` sees what happened.
        """
        pending = self._thread.pending
        if pending is not None and pending.appended is None:
            self._append(pending)
        return False

    # What stating an event uses.

    def records(self, envelope: Envelope) -> bool:
        """Is the event severe enough for AUDIT_LEVEL? Closed ones always are."""
        return envelope.closed or envelope.kind.rank >= self._least_rank

    def write(self, envelope: Envelope, *, durable: bool = True) -> Receipt:
        """Take the event to the ledger; wait for the disk when `durable`.

        Raises `AuditUnavailable` when neither the ledger nor its spool takes it.
        """
        if not self._is_open:
            self.open()
        if not self._has_blocked and _get_running_loop() is not None:
            self._has_blocked = True  # said once: it is a fault of the code, not of the moment
            self.report("WARNING", "audit.event_loop_blocked", {"audit_event": envelope.kind.name})
        pending, thread = _Pending(envelope), self._thread
        outer, thread.pending = thread.pending, pending  # there is an outer one in a signal handler
        try:
            trouble = _through_loguru()
            is_bypassed = pending.appended is None and pending.error is None
            if is_bypassed:
                self._append(pending)
            receipt = self._acknowledged(pending, durable=durable)
        finally:
            thread.pending = outer
        if is_bypassed:
            self._report_bypass(trouble or "no handler took it")
        elif self._bypassed:
            self._bypassed = ""
        if self._losses.waiting:
            self.report_losses()
        return receipt

    def write_directly(self, envelope: Envelope) -> Receipt:
        """The same without Loguru: for code that may run where Loguru's locks are held, such as a finaliser."""
        pending, thread = _Pending(envelope), self._thread
        outer, thread.pending = thread.pending, pending
        try:
            self._append(pending)
            receipt = self._acknowledged(pending, durable=True)
        finally:
            thread.pending = outer
        if self._losses.waiting:
            self.report_losses()
        return receipt

    @property
    def busy(self) -> bool:
        """Is this thread on its way to the ledger? Only finalisers and signal handlers can find it so."""
        return self._thread.pending is not None

    def fails_open(self) -> bool:
        """Is break-glass in force? (`AUDIT_FAIL_OPEN_UNTIL`)"""
        until = self.settings.fail_open_until
        return until is not None and datetime.now(UTC) < until

    def count_loss(self, envelope: Envelope) -> None:
        """Remember that an event is lost, for `audit.gap`, and say so at once."""
        cause = "break_glass" if self.fails_open() else "unwritable"
        self._losses.count(envelope, cause)
        kind = envelope.kind
        fields = {"audit_event": kind.name, "event_id": envelope.id, "stream": kind.stream, "cause": cause}
        self.report("CRITICAL", "audit.event_lost", fields)

    def report_losses(self) -> None:
        """Write what was lost into the trail; what cannot be written now is kept for the next time."""
        for key, loss in self._losses.take():
            pending = _Pending(self.seal_up(loss.gap(*key), EMPTY))
            self._append(pending)
            try:
                self._acknowledged(pending, durable=True)
            except AuditUnavailable:
                self._losses.put_back(key, loss)

    def open_ledger(self, stream: str) -> FileLedger:
        """A further ledger of `stream`, whose upkeep is done in the caller: for chores. The caller closes it."""
        return file_ledger(self.settings, stream, alert=self.alert, emit=self._state_of_ledger)

    def open(self) -> None:
        """Say that the trail is open now, when no other process said so, and what changed of its policy.

        Happens with the first event of a process at the latest. A trail that cannot be written is tried again.
        """
        if not self._is_open:
            self._is_open = True
            try:
                self._is_open = self._opening.open()
            except (OSError, AuditUnavailable) as error:
                self._is_open = False
                self._report_closed(error)

    def leave(self) -> None:
        """This process ends: say what is unsaid, and, when no other process has the trail open, that it is closed.

        Never raises. An event that comes later opens the trail again.
        """
        self.report_losses()
        self._is_open = False
        with suppress(OSError, AuditUnavailable):
            self._opening.leave()

    def close(self) -> None:
        """Leave the trail, unless another one took our place, and close the ledgers.

        An event that comes later opens them again.
        """
        if _installed is None or _installed is self or not _installed._shares_place(self):
            self.leave()
        else:
            self.report_losses()
        self._upkeep.wait()
        self._ledgers.close()

    def forget(self) -> None:
        """Let go of what is the parent's to say or to hold. Called in the child of every fork."""
        self._ledgers.forget()
        self._losses = Losses()
        presence = self._opening.presence
        self._is_open = self._is_open and (presence is None or presence.is_held)

    # How.

    def _shares_place(self, other: AuditTrail) -> bool:
        presence = self._opening.presence
        return presence is not None and presence is other._opening.presence

    def _succeed(self, before: AuditTrail) -> None:
        """Take the place of `before` in this process: a trail of the same directory stays open."""
        theirs = before._opening.presence
        if theirs and self._opening.presence and self.settings.directory == before.settings.directory:
            self._opening.presence = theirs

    def _state(self, event: AuditEvent) -> None:
        """What the trail says of itself, whatever AUDIT_LEVEL is. Raises `AuditUnavailable`."""
        self.write_directly(self.seal_up(event, EMPTY))

    def _append(self, pending: _Pending) -> None:
        """To the ledger, or its spool; `pending` says which, or what went wrong."""
        envelope = pending.envelope
        try:
            pending.ledger = ledger = self._ledgers.of(envelope.kind.stream)
            pending.appended = ledger.append(envelope.body)
        except AuditUnavailable as error:
            pending.error = error
        except Exception as error:  # noqa: BLE001  a full disk, a permission: the caller is told, whatever it was
            raise_if_asynchronous(error)
            pending.error = AuditUnavailable(
                f"the audit stream {envelope.kind.stream!r} failed: {type(error).__name__}: {error}"
            )

    def _acknowledged(self, pending: _Pending, *, durable: bool) -> Receipt:
        """Have the ledger sync the event, or only tend its stream. Raises `AuditUnavailable`."""
        envelope, ledger, appended = pending.envelope, pending.ledger, pending.appended
        if ledger is None or appended is None:
            if ledger is not None:
                ledger.tend()
            raise pending.error or AuditUnavailable("the audit trail did not take the event")
        try:
            if durable:
                ledger.sync(appended)
            else:
                ledger.tend()
        except OSError as error:
            raise AuditUnavailable(f"the audit trail cannot be made durable: {error}") from error
        return Receipt(envelope.id, envelope.kind.stream, appended.seq, appended.state)

    def alert(self, name: str, detail: Mapping[str, object]) -> None:
        """What a ledger says of itself in the operational log."""
        self.report(ALERT_LEVELS.get(name, "ERROR"), name, detail)

    def _state_of_ledger(self, name: str, detail: Mapping[str, object]) -> None:
        """What a ledger says of itself in the trail. Refused events are left out: `count_loss` knows which matter."""
        if detail.get("cause") != "unavailable":
            self._state(AuditEvent(name, actor=Actor.system(), detail=detail))

    def _report_closed(self, error: Exception) -> None:
        """Once: the events may get through all the same. What a ledger could not take it has reported itself."""
        if isinstance(error, OSError) and not self._has_said_closed:
            self._has_said_closed = True
            self.report("ERROR", "audit.opening_failed", {"error": str(error)})

    def _report_bypass(self, cause: str) -> None:
        """Once, until an event gets through Loguru again."""
        if self._bypassed != cause:
            self._bypassed = cause
            self.report("ERROR", "audit.bypassed", {"cause": cause})


def _through_loguru() -> str | None:
    """Send the record that stands for this thread's event; the name of what went wrong, if anything raised."""
    try:
        logger.log(LEVEL, "audit")  # logkit: ignore[LK103] no line, but the way to the ledger
    except Exception as error:  # noqa: BLE001  a foreign patcher or sink must not cost the event
        raise_if_asynchronous(error)
        return type(error).__name__
    return None


_installed: AuditTrail | None = None


def install(trail: AuditTrail | None) -> AuditTrail | None:
    """Make `trail` the one in use; returns the one before it, which the caller may close. For the pipeline."""
    global _installed
    before, _installed = _installed, trail
    if before is not None and trail is not None:
        trail._succeed(before)
    return before


def installed() -> AuditTrail | None:
    """The trail in use, if there is one."""
    return _installed


def current() -> AuditTrail:
    """The trail in use. Raises `AuditUnavailable` when logkit is not configured."""
    if _installed is None:
        raise AuditUnavailable(
            "there is no audit trail yet: logkit.configure() makes it, or Django's LOGGING"
        )
    return _installed
