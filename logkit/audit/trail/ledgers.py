"""The ledgers of one process: one for each stream, opened at the first event of its stream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from logkit.audit.events import State
from logkit.audit.notices import Alert, Aside, Emit, at_once
from logkit.settings import AuditSettings

if TYPE_CHECKING:
    from logkit.audit.ledger import Ledger as FileLedger


class Appended(Protocol):
    """Where a ledger put an event."""

    @property
    def seq(self) -> int | None: ...

    @property
    def state(self) -> State: ...


class Ledger(Protocol):
    """What the trail needs of one stream's ledger; see `logkit.audit.ledger`."""

    def append(self, body: bytes, /) -> Any: ...

    def sync(self, appended: Any, /) -> None: ...

    def tend(self) -> None: ...

    def close(self) -> None: ...


Opener = Callable[[str], Ledger]


class Ledgers:
    """Ledgers by stream. Thread-safe."""

    __slots__ = ("_lock", "_of", "_open")

    def __init__(self, open_: Opener) -> None:
        self._open = open_
        self._of: dict[str, Ledger] = {}
        self._lock = threading.Lock()

    def of(self, stream: str) -> Ledger:
        """The ledger of `stream`. Raises what opening it raises."""
        ledger = self._of.get(stream)
        if ledger is None:
            with self._lock:
                ledger = self._of.get(stream) or self._open(stream)
                self._of[stream] = ledger
        return ledger

    def close(self) -> None:
        """Close them all; an event that comes later opens its ledger again."""
        with self._lock:
            ledgers, self._of = list(self._of.values()), {}
        for ledger in ledgers:
            ledger.close()

    def forget(self) -> None:
        """In a forked child: nobody holds the lock there."""
        self._lock = threading.Lock()


def file_ledgers(settings: AuditSettings, *, alert: Alert, emit: Emit, aside: Aside) -> Opener:
    """Opens the ledgers that `settings` describe."""
    return lambda stream: file_ledger(settings, stream, alert=alert, emit=emit, aside=aside)


def file_ledger(
    settings: AuditSettings, stream: str, *, alert: Alert, emit: Emit, aside: Aside = at_once
) -> FileLedger:
    """The ledger of `stream` that `settings` describe; the one place where they become one."""
    from logkit.audit.ledger import Ledger  # its sealing needs cryptography, which takes a while

    return Ledger(
        settings.directory,
        stream=stream,
        rotation=settings.rotation,
        fsync=settings.fsync,
        file_mode=settings.file_mode,
        group=settings.group,
        key_directory=settings.key_directory,
        spool_directory=settings.spool_directory,
        alert=alert,
        emit=emit,
        aside=aside,
    )
