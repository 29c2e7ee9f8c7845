"""What a test may ask of events, whatever they are: of the log, or of the audit trail.

An expectation is a name and fields that the event must have; see `logkit.testing.expectation` for what agrees.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from logkit.testing.expectation import Line, agrees
from logkit.testing.failures import Kind, many, missing, unwanted

_POLL = 0.02  # seconds between two looks at what other processes wrote


class Questions(ABC):
    """Events, and the questions. Thread-safe as far as `events` is."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._arrived = threading.Condition()
        self.asked: set[str] = set()  # names that the test has asked for: it knows of these events

    @property
    @abstractmethod
    def events(self) -> Sequence[Line]:
        """Every event so far, oldest first."""

    def find(self, event: str, /, **fields: object) -> list[Line]:
        """The events of this name with `fields`."""
        self.asked.add(event)
        return [line for line in self.events if self._agrees(line, event, fields)]

    def has(self, event: str, /, **fields: object) -> Line:
        """The first event of this name with `fields`. Raises `AssertionError` that shows the nearest ones."""
        __tracebackhide__ = True
        if found := self.find(event, **fields):
            return found[0]
        raise AssertionError(missing(self._kind, self.events, event, fields))

    def only(self, event: str, /, **fields: object) -> Line:
        """The one event of this name, which has `fields`. Raises `AssertionError` for none and for several."""
        __tracebackhide__ = True
        found = self.find(event)
        if len(found) > 1:
            raise AssertionError(many(self._kind, found, event, fields))
        return self.has(event, **fields)

    def none(self, event: str | None = None, /, *, level: str | None = None, **fields: object) -> None:
        """No event of this name (or of any), with these fields, of `level` and above.

        Raises `AssertionError` that shows those there are, and `ValueError` for a level that there is not.
        """
        __tracebackhide__ = True
        least = self._kind.least(level)
        found = [
            line
            for line in self.events
            if self._agrees(line, event, fields) and self._kind.rank(line) >= least
        ]
        if found:
            raise AssertionError(unwanted(self._kind, found, event, level, fields))

    def wait_for(self, event: str, /, *, timeout: float = 5.0, **fields: object) -> Line:
        """The event, as soon as any thread or process has written it.

        Raises `AssertionError` after `timeout` seconds, which shows the nearest ones.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + timeout
        while not (found := self.find(event, **fields)):
            rest = deadline - time.monotonic()
            if rest <= 0:
                told = missing(self._kind, self.events, event, fields)
                raise AssertionError(f"after {timeout:g} s: {told}")
            with self._arrived:
                self._arrived.wait(min(rest, _POLL))
        return found[0]

    def __len__(self) -> int:
        return len(self.events)

    def __bool__(self) -> bool:
        return True  # `assert logs` asks nothing

    def __repr__(self) -> str:
        names = ", ".join(self._kind.name(line) for line in self.events) or "none"
        return f"<{type(self).__name__}: {names}>"

    def _agrees(self, line: Line, event: str | None, fields: dict[str, object]) -> bool:
        kind = self._kind
        return (event is None or kind.name(line) == event) and all(
            agrees(expected, kind.field(line, name)) for name, expected in fields.items()
        )
