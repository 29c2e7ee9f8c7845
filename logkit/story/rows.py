"""The tree to rows, in the order of time: each node, its lines, what it started; what repeats is told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from logkit.story.axis import AUDIT, POINT, RUN, WAIT, Piece
from logkit.story.collect import Moment
from logkit.story.node import Node, is_error, is_loud
from logkit.terminal import CYAN, DIM, GREEN, MAGENTA, RED, YELLOW

_REPEATS = 4  # lines of one event in a row that become one row
_ALIKE = 6  # tasks of one name that become one row, when nothing is to be said of any


@dataclass(frozen=True, slots=True)
class Repeat:
    """Lines of one event that follow each other."""

    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one name that all ended well, and did nothing else."""

    nodes: list[Node]


@dataclass(frozen=True, slots=True)
class Raised:
    """The exception with which a node ended; its row says the rest of its canonical line."""

    moment: Moment


Item = Node | Moment | Repeat | Group | Raised


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the drawing: what it is about, its place in the tree, its stretches on the axis."""

    time: datetime
    item: Item
    branch: str
    below: str  # what stands in the tree's place on lines that continue the row
    pieces: list[Piece]
    is_bad: bool


def rows(node: Node, *, expand: bool, lead: str = "", below: str = "") -> Iterator[Row]:
    """A node's row, then those of its lines and of what it started. `expand` leaves nothing out."""
    inner = items(node, expand=expand)
    yield Row(node.start, node, lead, below + ("│  " if inner else "   "), pieces(node), node.failed)
    for item in inner:
        is_last = item is inner[-1]
        if isinstance(item, Node | Group):
            fork, beneath = below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  ")
        else:
            fork, beneath = below + ("╵  " if is_last else "│  "), below + ("   " if is_last else "│  ")
        if isinstance(item, Node):
            yield from rows(item, expand=expand, lead=fork, below=beneath)
        elif isinstance(item, Group):
            spans = [piece for member in item.nodes for piece in pieces(member)]
            yield Row(item.nodes[0].start, item, fork, beneath, spans, False)
        else:
            yield _leaf(item, fork, beneath)


def _leaf(item: Moment | Repeat | Raised, fork: str, beneath: str) -> Row:
    match item:
        case Repeat():
            moments = item.moments
        case Raised():
            moments = [item.moment]
        case _:
            moments = [item]
    first = moments[0]
    mark, sgr = (AUDIT, MAGENTA) if first.is_audit else (POINT, RED if is_error(first) else "")
    points = [Piece(moment.time, moment.time, mark, sgr) for moment in moments]
    return Row(first.time, item, fork, beneath, points, False)


def items(node: Node, *, expand: bool) -> list[Item]:
    """What belongs below a node, in the order of time."""
    moments = [*node.moments, *(node.steps if expand else ())]
    found: list[Item] = [*sorted(moments, key=lambda moment: moment.time), *_grouped(node.children, expand)]
    if node.canonical is not None and node.canonical.event.get("exception"):
        found.append(Raised(node.canonical))
    found.sort(key=_time_of)
    return found if expand else [*_repeats(found)]


def pieces(node: Node) -> list[Piece]:
    """How a node stands on the axis: light while it waited, heavy while it ran."""
    if node.attempts:
        return [piece for attempt in node.attempts for piece in pieces(attempt)]
    sgr = RED if node.failed else YELLOW if node.ended_oddly else GREEN if node.kind != "request" else CYAN
    waited = [Piece(*node.waited, WAIT, DIM)] if node.waited else []
    if node.has_run:
        return [*waited, Piece(node.start, node.end, RUN, sgr)]
    # Without an end it still waits, for all that these files tell.
    return waited if node.canonical else [Piece(node.start, datetime.max.replace(tzinfo=UTC), WAIT, DIM)]


def _grouped(children: list[Node], expand: bool) -> list[Node | Group]:
    if expand:
        return [*children]
    by_name: dict[str, list[Node]] = {}
    for child in children:
        by_name.setdefault(child.name if _is_plain(child) else child.id, []).append(child)
    return [
        member for alike in by_name.values() for member in ([Group(alike)] if len(alike) >= _ALIKE else alike)
    ]


def _is_plain(node: Node) -> bool:
    """Is there nothing to say of a task but that it ended well?"""
    return (
        node.kind == "task"
        and not node.children
        and node.message == "task.succeeded"
        and not any(is_loud(moment) for moment in node.moments)
    )


def _repeats(found: list[Item]) -> Iterator[Item]:
    for (message, _), run in groupby(found, key=_alike):
        same = list(run)
        moments = [item for item in same if isinstance(item, Moment)]
        if message is not None and len(moments) >= _REPEATS:
            yield Repeat(moments)
        else:
            yield from same


def _alike(item: Item) -> tuple[object, object]:
    """Equal for lines that say the same; audit events and exceptions are never alike."""
    if not isinstance(item, Moment) or item.is_audit or item.event.get("exception"):
        return None, id(item)
    return item.event.get("message"), item.event.get("level")


def _time_of(item: Item) -> datetime:
    match item:
        case Node():
            return item.start
        case Group():
            return item.nodes[0].start
        case Repeat():
            return item.moments[0].time
        case Raised():
            return item.moment.time
        case Moment():
            return item.time
