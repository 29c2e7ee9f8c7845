"""The story as text: a heading, the common time axis, one row for each thing that happened, the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from logkit.console import Style
from logkit.console.values import shortened, value_text
from logkit.story.axis import OFFSET, Axis, milliseconds, span_text
from logkit.story.collect import Moment
from logkit.story.node import Node
from logkit.story.rows import Item, Raised, Row, rows
from logkit.story.words import Words
from logkit.terminal import BOLD, DIM, GREEN, RED, clip, fold, paint, safe, visible_length

_WIDE, _NARROW = 120, 90  # columns of a terminal from which the axis has its full and its half width
_AXIS = 24  # columns
_LEAST_GAP_MS = 100.0
_GAP_SHARE = 0.1  # of the whole story
_LEAST_PART = 8  # columns in which the beginning of a part still says something
_LEAST = 24  # columns of text, however narrow the terminal is


class _Gap(NamedTuple):
    start: datetime
    end: datetime
    why: str


class Drawing:
    """Draws one story in one style."""

    def __init__(self, roots: list[Node], style: Style) -> None:
        self._roots = roots
        self._style = style
        self._colour = style.colour
        self._words = Words(style)
        self._nodes = [node for root in roots for node in root.walk()]
        self._moments = sorted(_all_moments(self._nodes), key=lambda moment: moment.time)
        starts = [node.waited[0] if node.waited else node.start for node in self._nodes]
        begin = min([*starts, self._moments[0].time])
        end = max([self._moments[-1].time, *(node.end for node in self._nodes)])
        total = max(milliseconds(begin, end), 0.001)
        self._axis = Axis(begin, total, _axis_columns(style.width), style.colour)

    def text(self) -> str:
        drawn = [row for root in self._roots for row in rows(root, expand=self._style.expand)]
        gaps = self._gaps()
        lines = [*self._heading(), "", self._axis.scale()]
        for row in drawn:
            for gap in [gap for gap in gaps if gap.end <= row.time]:
                gaps.remove(gap)
                lines.append(self._gap(gap, row))
            lines += self._row(row)
        lines += ["", *self._verdict()]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _heading(self) -> list[str]:
        root, begin = self._roots[0], self._axis.start
        begin = begin.astimezone() if self._style.local_time else begin
        kinds = [node.kind for node in self._nodes]
        audit = sum(moment.is_audit for moment in self._moments)
        parts = [f"{begin:%Y-%m-%d %H:%M:%S}.{begin.microsecond // 1000:03d}", span_text(self._axis.total_ms)]
        parts.append(_count(len(self._moments) - audit, "line"))
        for number, noun in ((kinds.count("task"), "task"), (kinds.count("attempt"), "attempt")):
            parts += [_count(number, noun)] if number else []
        parts += [_count(audit, "audit event")] if audit else []
        parts += self._who()
        named = f" {safe(root.name)}" if root.name else ""
        title = paint(f"{root.kind}{named} {safe(root.id)}", BOLD, self._colour)
        facts = paint("  ".join(parts), DIM, self._colour)
        return [title, *(fold(facts, self._style.width) if self._style.width else [facts])]

    def _who(self) -> Iterator[str]:
        """Whose it was: said once, because every line knows it."""
        for key, words in (("user_id", "user"), ("on_behalf_of", "on behalf of"), ("client_ip", "from")):
            for moment in self._moments:
                context = moment.event.get("context")
                if isinstance(context, dict) and (value := context.get(key)) is not None:
                    short = shortened(value) if isinstance(value, str) else ""
                    yield f"{words} {short or value_text(value)}"
                    break

    def _row(self, row: Row) -> list[str]:
        """The row, and below it what it has to say besides: an exception that does not fit, a traceback."""
        place = paint(row.branch, RED if row.is_bad else DIM, self._colour)
        place += paint("✗ ", BOLD + RED, self._colour) if row.is_bad else ""
        lead = f"{self._axis.offset(row.time)}  {self._axis.bar(row.pieces)}  {place}"
        beneath, parts, exception = (
            self._beneath(row.below),
            self._words.parts(row.item),
            _exception(row.item),
        )
        if self._style.width is None:
            shown = ["  ".join(parts)]
        else:
            room = max(self._style.width - visible_length(lead), _LEAST)
            shown = fold("  ".join(parts), room) if exception else [_within(parts, room)]
        lines = [lead + shown[0], *(beneath + part for part in shown[1:])]
        if exception and self._style.expand:
            lines += [beneath + line.lstrip() for line in self._words.traceback(exception)]
        return lines

    def _beneath(self, branch: str) -> str:
        return " " * (OFFSET + self._axis.columns + 4) + paint(branch, DIM, self._colour)

    def _gaps(self) -> list[_Gap]:
        """Where nothing was logged or begun for long, and no bar says why; the earliest first."""
        least = max(_LEAST_GAP_MS, self._axis.total_ms * _GAP_SHARE)
        times = {node.start for node in self._nodes if node.has_run}
        times.update(moment.time for moment in _all_moments(self._nodes, with_steps=self._style.expand))
        found = []
        for start, end in pairwise(sorted(times)):
            if milliseconds(start, end) >= least and (why := self._why(start, end)) is not None:
                found.append(_Gap(start, end, why))
        return found

    def _gap(self, gap: _Gap, row: Row) -> str:
        text = f"┄ {span_text(milliseconds(gap.start, gap.end))}{gap.why} ┄"
        branch = row.branch.replace("├─", "│ ").replace("└─", "│ ").replace("╵", "│")
        line = f"{self._beneath(branch)}{paint(text, DIM, self._colour)}"
        return clip(line, self._style.width) if self._style.width else line

    def _why(self, start: datetime, end: datetime) -> str | None:
        """What went on while nothing was logged; None where the bar of a waiting task shows it already."""
        leaves = [node for node in self._nodes if not node.attempts]
        running = [node for node in leaves if node.canonical and node.start <= start and end <= node.end]
        if running:
            return f" in {self._called(running[-1])}"
        if any(node.waited and _covers(node.waited, start, end) for node in leaves):
            return None
        pending = [((node.sent, node.start), node) for node in leaves if node.sent]
        for node in self._nodes:
            pending += [((before.end, again.start), again) for before, again in pairwise(node.attempts)]
        for span, node in pending:
            if _covers(span, start, end):
                return f" until {self._called(node)} was due"
        return ""

    def _called(self, node: Node) -> str:
        if node.kind != "attempt":
            return self._words.name(node)
        task = next(above for above in self._nodes if any(child is node for child in above.children))
        return f"{self._words.name(task)}{safe(node.name)}"

    def _verdict(self) -> list[str]:
        failed = [node for node in self._nodes if node.failed and node.kind != "attempt"]
        if not failed:
            open_ends = [node for node in self._nodes if node.canonical is None and not node.children]
            ended = "nothing failed" + (f"; {_count(len(open_ends), 'end')} not seen" if open_ends else "")
            return [paint(f"✓ {ended}", GREEN, self._colour)]
        lines = []
        for node in failed:
            why = f"  {self._words.exception(node.exception)}" if node.exception else ""
            tried = f" after {_count(len(node.attempts), 'attempt')}" if node.attempts else ""
            name = safe(node.name) or self._words.name(node)
            said = f"✗ {node.kind} {name} failed{tried}"
            line = paint(said, BOLD + RED, self._colour) + why
            lines += fold(line, self._style.width) if self._style.width else [line]
        return lines


def _exception(item: Item) -> object:
    """What was raised there, for rows about an exception."""
    moment = item.moment if isinstance(item, Raised) else item
    return moment.event.get("exception") if isinstance(moment, Moment) and not moment.is_audit else None


def _axis_columns(width: int | None) -> int:
    if width is None or width >= _WIDE:
        return _AXIS
    return _AXIS // 2 if width >= _NARROW else _AXIS // 3


def _within(parts: list[str], room: int) -> str:
    """As many parts as fit, the first one always; an ellipsis says that there is more."""
    text = clip(parts[0], room)
    for number, part in enumerate(parts[1:], start=2):
        left = room - visible_length(text) - 2
        if visible_length(part) > left - (2 if number < len(parts) else 0):
            return f"{text}  {clip(part, left)}" if left >= _LEAST_PART else clip(f"{text} …", room)
        text += f"  {part}"
    return text


def _covers(span: tuple[datetime, datetime], start: datetime, end: datetime) -> bool:
    """Does `span` cover most of the time from `start` to `end`?"""
    shared = milliseconds(max(span[0], start), min(span[1], end))
    return shared >= 0.8 * milliseconds(start, end)


def _all_moments(nodes: list[Node], *, with_steps: bool = True) -> Iterator[Moment]:
    for node in nodes:
        yield from node.moments
        yield from node.steps if with_steps else ()
        if node.canonical is not None:
            yield node.canonical


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
