"""What a stream has to say about itself, until it is said: to the operational log, and to the trail."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from logkit.audit.files.checkpoints import Checkpoint
from logkit.audit.notices import Alert, Emit, Notice, gap, utc_text
from logkit.audit.seal.schedule import sealed_detail


class Reports:
    """Any thread may add; one at a time delivers, with no lock of the ledger held."""

    def __init__(self, stream: str, alert: Alert, emit: Emit | None) -> None:
        self.is_waiting = False
        self._stream = stream
        self._alert = alert
        self._emit = emit
        self._notices: deque[Notice] = deque()
        self._closed: deque[Checkpoint] = deque()
        self._unsaid: deque[tuple[str, Mapping[str, object]]] = deque()  # what the trail could not take yet
        self._refused, self._refused_since = 0, ""

    def add(self, *notices: Notice) -> None:
        self._notices.extend(notices)
        self.is_waiting = True

    def closed(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Segments that are sealed to their end."""
        self._closed.extend(checkpoints)
        self.is_waiting = True

    def refused(self, ledger: str, spool: str) -> None:
        """A record that neither could take, and why. Once records get through again, a gap says how many."""
        self._refused += 1
        self._refused_since = self._refused_since or utc_text(datetime.now(UTC))
        detail = {"stream": self._stream, "ledger": ledger, "spool": spool, "refused": self._refused}
        self.add(Notice("audit.unavailable", detail))

    def deliver(self, found: Iterable[Notice] = ()) -> None:
        """Hand over everything, with what the writer `found`; a receiver that fails stops nothing."""
        self.is_waiting = False
        notices = list(found)
        while self._notices:
            notices.append(self._notices.popleft())
        is_refusing = any(notice.name == "audit.unavailable" for notice in notices)
        if self._refused and not is_refusing:
            refused, since = self._refused, self._refused_since
            self._refused, self._refused_since = 0, ""
            detail = gap(lost=refused, since=since, cause="unavailable", stream=self._stream)
            notices.append(Notice("audit.gap", detail, gap=detail))
        for notice in notices:
            with suppress(Exception):
                self._alert(notice.name, notice.detail)
            if notice.gap is not None:
                self._unsaid.append(("audit.gap", notice.gap))
        while self._closed:
            self._unsaid.append(("audit.segment.sealed", sealed_detail(self._closed.popleft())))
        if self._emit is not None and not is_refusing:
            with suppress(Exception):  # the trail hears of it later
                while self._unsaid:
                    self._emit(*self._unsaid[0])
                    self._unsaid.popleft()
        self.is_waiting |= bool(self._refused or (self._unsaid and self._emit is not None))
