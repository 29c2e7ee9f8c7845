"""The catalog: every event type with its severity, stream, delivery, fields and place in other schemas.

A project adds its own types in one place, the module that holds its audit helpers, at import:
`catalog.declare(EventType("letter.sealed", "A letter was sealed.", stream="security", ...))`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from logkit.errors import AuditSchemaError

Severity = Literal["info", "notice", "warning", "high", "critical"]
Stream = Literal["security", "compliance", "access"]
Delivery = Literal["closed", "durable", "best_effort"]

SEVERITIES: tuple[Severity, ...] = ("info", "notice", "warning", "high", "critical")
COMMON_DETAIL = frozenset({"coalesced"})  # what logkit itself may add to any event


@dataclass(frozen=True, slots=True)
class Ocsf:
    """Place in OCSF 1.8.0; `v1_9` is the type id of 1.9 where that differs. https://schema.ocsf.io/1.8.0"""

    class_uid: int
    activity_id: int
    activity_name: str
    v1_9: int | None = None

    @property
    def type_uid(self) -> int:
        return self.class_uid * 100 + self.activity_id

    @property
    def category_uid(self) -> int:
        return self.class_uid // 1000


@dataclass(frozen=True, slots=True)
class Ecs:
    """`event.category` and `event.type` of the Elastic Common Schema."""

    category: tuple[str, ...]
    type: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventType:
    """What one type of event means and must say.

    `delivery`: `closed` events are written before what they speak of happens, or it does not happen; `durable` ones
    are on disk when `emit()` returns (successes inside a transaction: at commit); `best_effort` ones may be lost and
    are counted. `closed_for` names actor types for which the type is closed all the same.
    `required` and `optional` name fields: top-level or dotted where the envelope has them, else in `detail`; other
    detail is dropped. `later` names required fields that only the outcome of an action can know; `sums` names
    numbers that add up when repeats within one request are written as one event.
    """

    name: str
    meaning: str
    stream: Stream
    severity: Severity
    delivery: Delivery
    ocsf: Ocsf
    ecs: Ecs
    closed_for: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    owasp: str | None = None
    core: bool = True
    rank: int = field(init=False, compare=False, repr=False)  # 0 for info to 4 for critical
    detail_names: frozenset[str] = field(init=False, compare=False, repr=False)  # what `detail` may hold
    must_tell: frozenset[str] = field(init=False, compare=False, repr=False)  # required of `detail`
    must_know: bool = field(init=False, compare=False, repr=False)  # is more required than that?

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", SEVERITIES.index(self.severity))
        object.__setattr__(self, "detail_names", COMMON_DETAIL.union(self.required, self.optional))
        must_tell = frozenset(name for name in self.required if name != "reason" and "." not in name)
        object.__setattr__(self, "must_tell", must_tell)
        object.__setattr__(self, "must_know", len(must_tell) < len(self.required))

    def is_closed(self, actor_type: str) -> bool:
        return self.delivery == "closed" or actor_type in self.closed_for


_types: dict[str, EventType] = {}


def declare(*types: EventType) -> None:
    """Add event types. Declaring the same one again is fine; another one of the same name is an error.

    Raises `AuditSchemaError`.
    """
    for kind in types:
        if strangers := set(kind.later) - set(kind.required):
            raise AuditSchemaError(f"{kind.name}: later names {sorted(strangers)}, which required does not")
        known = _types.setdefault(kind.name, kind)
        if known != kind:
            raise AuditSchemaError(
                f"{kind.name} is in the catalog already, declared differently: {known.meaning}"
            )


def find(name: str) -> EventType | None:
    """The type called `name`, or None."""
    return _types.get(name)


def every() -> Iterator[EventType]:
    """Every known type, by name."""
    return (_types[name] for name in sorted(_types))


def unknown(name: str) -> EventType:
    """What stands in for a type that nobody declared, so that its event is not lost."""
    return EventType(
        name,
        "Not in the catalog.",
        stream="security",
        severity="warning",
        delivery="durable",
        ocsf=Ocsf(6003, 99, "Other"),
        ecs=Ecs(("api",), ("info",)),
    )
