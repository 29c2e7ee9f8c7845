"""Opening the trail with a process's first event, and leaving it with the process: what the trail says of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from logkit.audit.events import Actor, AuditEvent
from logkit.audit.files.locks import alone
from logkit.audit.trail.policy import NAME as POLICY_NAME
from logkit.audit.trail.policy import changed_policy, digest_of, policy_of
from logkit.audit.trail.presence import Presence
from logkit.settings import AuditSettings

if TYPE_CHECKING:
    from logkit.audit.ledger import Ledger

_STREAM = "compliance"  # of the events about the trail
_LOCK = ".policy.lock"  # one process at a time opens the trail, or leaves it
_PATIENCE = 2.0  # seconds to wait for another process that does the same
_TRY_AGAIN_AFTER = 10.0  # seconds, when that one took longer


class Opening:
    """Opens and leaves the trail of `settings`. `state` writes an event, `open_ledger` opens a ledger of our own.

    Both may raise `AuditUnavailable` or `OSError`. Without a `presence` only the policy is looked at.
    """

    def __init__(
        self,
        settings: AuditSettings,
        presence: Presence | None,
        *,
        state: Callable[[AuditEvent], None],
        open_ledger: Callable[[str], Ledger],
    ) -> None:
        self.presence = presence
        self._settings = settings
        self._state = state
        self._open_ledger = open_ledger
        self._not_before = 0.0

    def open(self) -> bool:
        """Say what is to be said; False when another process has been at it for too long.

        Raises `OSError` and `AuditUnavailable` when the trail cannot be written.
        """
        if time.monotonic() < self._not_before:
            return False
        from logkit.audit.ledger.writer import make_directory  # with its sealing; see `file_ledger`

        directory = self._settings.directory
        make_directory(directory, self._settings.file_mode, self._settings.group)
        with alone(directory / _LOCK, patience=_PATIENCE) as is_alone:
            if not is_alone:
                self._not_before = time.monotonic() + _TRY_AGAIN_AFTER
                return False
            if self.presence is not None:
                is_new = not (directory / POLICY_NAME).exists()
                with self.presence.arriving(is_new=is_new) as previous_end:
                    if previous_end is not None:
                        self._state(self._started(previous_end))
            with changed_policy(self._settings) as change:
                if change is not None:
                    self._state(change)
        return True

    def leave(self) -> None:
        """Let go of the trail, and say that it is closed when nobody else has it open. Raises like `open`."""
        if self.presence is None or not self.presence.is_held:
            return
        with alone(self._settings.directory / _LOCK, patience=_PATIENCE) as is_alone:
            if not is_alone:
                return
            with self.presence.leaving() as is_last:
                if is_last:
                    reason = "last_process_left"
                    self._state(AuditEvent("audit.log.stopped", reason=reason, actor=Actor.system()))

    def _started(self, previous_end: str) -> AuditEvent:
        ledger = self._open_ledger(_STREAM)
        try:
            segment = ledger.segment()
        finally:
            ledger.close()
        detail = {
            "segment": f"{_STREAM}/{segment}",
            "config_sha256": digest_of(policy_of(self._settings)),
            "previous_end": previous_end,
        }
        return AuditEvent("audit.log.started", actor=Actor.system(), detail=detail)
