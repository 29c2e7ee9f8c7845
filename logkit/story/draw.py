"""The tree as text: offset, a bar on the common time axis, the branch, what happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from logkit.console import Style, short_id
from logkit.console.renderer import Renderer
from logkit.console.values import id_colour, value_text
from logkit.stacktext import Look, raised_at
from logkit.story.collect import Moment
from logkit.story.tree import Node, is_error
from logkit.terminal import BOLD, CYAN, DIM, GREEN, MAGENTA, RED, YELLOW, clip, paint, safe

_BAR = 24  # columns of the time axis
_LEAST_GAP_MS = 100.0
_GAP_SHARE = 0.1  # of the whole story
_MOST_TARGETS = 3
_OFFSET = 9  # columns of "+999.9 ms"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the drawing; a node has a span, a moment only a start."""

    time: datetime
    end: datetime | None
    branch: str
    text: str
    sgr: str
    failed: bool = False
    mark: str = "·"
    below: tuple[str, ...] = ()


class Drawing:
    """Draws one story in one style."""

    def __init__(self, roots: list[Node], style: Style) -> None:
        self._roots = roots
        self._style = style
        self._colour = style.colour
        self._renderer = Renderer(style)
        self._start = min(node.start for root in roots for node in root.walk())
        self._colour_of = roots[0].id  # tasks have the colour of the request above them
        moments = [moment for root in roots for node in root.walk() for moment in node.moments]
        ends = [moment.time for moment in moments] + [node.end for root in roots for node in root.walk()]
        self._total_ms = max(_milliseconds(self._start, max(ends)), 0.001)

    def text(self) -> str:
        rows = [row for root in self._roots for row in self._rows(root, "", "")]
        gaps = self._gaps(rows)
        lines = [self._heading(), "", self._axis()]
        for row in rows:
            if row.time in gaps:
                lines.append(self._gap(gaps.pop(row.time)))
            lines.append(self._line(row))
            lines += [" " * (_OFFSET + _BAR + 4) + part for part in row.below]
        lines += ["", *self._verdict()]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _heading(self) -> str:
        nodes = [node for root in self._roots for node in root.walk()]
        moments = [moment for node in nodes for moment in node.moments]
        canonical = sum(node.canonical is not None for node in nodes)
        audit = sum(moment.is_audit for moment in moments)
        tasks = sum(node.kind == "task" for node in nodes)
        attempts = sum(node.kind == "attempt" for node in nodes)
        counts = [_count(len(moments) - audit + canonical, "line")]
        counts += [_count(tasks, "task")] if tasks else []
        counts += [_count(attempts, "attempt")] if attempts else []
        counts += [_count(audit, "audit event")] if audit else []
        begin = self._start.astimezone() if self._style.local_time else self._start
        when = f"{begin:%Y-%m-%d %H:%M:%S}.{begin.microsecond // 1000:03d}"
        name = (
            f"{self._roots[0].kind if self._roots[0].kind != 'other' else 'trace'} {safe(self._roots[0].id)}"
        )
        counted = paint(", ".join(counts), DIM, self._colour)
        return f"{paint(name, BOLD, self._colour)}  {when}  {_span(self._total_ms)}  {counted}"

    def _axis(self) -> str:
        scale = _span(self._total_ms)
        return paint(f"{' ' * _OFFSET}  0{scale.rjust(_BAR - 1)}", DIM, self._colour)

    def _rows(self, node: Node, lead: str, below: str) -> Iterator[Row]:
        """The rows of a node: itself, then its moments and children as they came."""
        yield Row(node.start, node.end, lead, self._title(node), self._node_colour(node), node.failed, "━")
        inner: list[Moment | Node] = [*node.moments, *node.children]
        if node.failed and node.canonical is not None and node.canonical.event.get("exception"):
            inner.append(node.canonical)
        inner.sort(key=_time_of)
        for item in inner:
            is_last = item is inner[-1]
            branch = below + ("╵  " if is_last else "│  ")
            if isinstance(item, Node):
                fork = below + ("└─ " if is_last else "├─ ")
                yield from self._rows(item, fork, below + ("   " if is_last else "│  "))
            elif item is node.canonical:
                exception = item.event["exception"]
                text, more = self._exception(exception), self._traceback(exception, branch)
                yield Row(item.time, None, branch, text, RED, below=more)
            else:
                yield self._moment(item, branch)

    def _moment(self, moment: Moment, branch: str) -> Row:
        if moment.is_audit:
            return Row(moment.time, None, branch, self._audit(moment.event), MAGENTA, mark="◆")
        sgr = RED if is_error(moment) else ""
        text = self._renderer.brief(moment.event)
        exception = moment.event.get("exception")
        if exception:
            text += "  " + self._exception(exception)
        return Row(moment.time, None, branch, text, sgr, below=self._traceback(exception, branch))

    def _exception(self, exception: object) -> str:
        kind = exception.get("type") if isinstance(exception, dict) else None
        text = exception.get("message") if isinstance(exception, dict) else exception
        phrase = " ".join(f"{str(kind or '').rpartition('.')[2]}: {text or ''}".split()).strip(": ")
        place = raised_at(exception, Look(root=self._style.root))
        return paint(safe(phrase), RED, self._colour) + (
            paint(f"  at {place}", DIM, self._colour) if place else ""
        )

    def _traceback(self, exception: object, branch: str) -> tuple[str, ...]:
        if not exception or not self._style.expand:
            return ()
        lead = " " * len(branch)
        return tuple(lead + line for line in self._renderer.traceback_lines(exception))

    def _title(self, node: Node) -> str:
        event = node.canonical.event if node.canonical else None
        if node.kind in ("request", "other"):
            self._colour_of = node.id
            shown = paint(f"{_kind(node)} {short_id(node.id)}", BOLD + id_colour(node.id), self._colour)
        elif node.kind == "task":
            name = safe(node.name).rpartition(".")[2] or "task"
            shown = paint(f"↳ {name}", BOLD + id_colour(self._colour_of), self._colour)
        else:
            shown = paint(f"attempt {safe(node.name)}", BOLD, self._colour)
        parts = [shown]
        if event is not None:
            context = event.get("context") or {}
            if node.kind in ("task", "attempt"):
                parts.append(self._outcome(node))
                if isinstance(queue := context.get("queue_ms"), int | float) and queue >= 1:
                    parts.append(paint(f"queued {_span(queue)}", DIM, self._colour))
            parts += self._renderer.canonical_parts(event)
        elif node.attempts:
            text = f"{_count(len(node.attempts), 'attempt')} in {_span(_milliseconds(node.start, node.end))}"
            parts.append(paint(text, DIM, self._colour))
        else:
            parts.append(paint("no end in these files", YELLOW, self._colour))
        if node.led_to_failure and not node.failed:
            parts.append(paint("led to a failure", RED, self._colour))
        return "  ".join(parts)

    def _outcome(self, node: Node) -> str:
        word = node.message.partition(".")[2]
        sgr = RED if node.failed else YELLOW if node.is_retried else GREEN
        return paint(safe(word), sgr, self._colour)

    def _node_colour(self, node: Node) -> str:
        return RED if node.failed else YELLOW if node.is_retried else CYAN

    def _audit(self, event: dict[str, Any]) -> str:
        """`auth.login.failed  failure: bad_password  user 12 -> circle 7`."""
        outcome = str(event.get("outcome") or "")
        sgr = RED if outcome == "failure" else YELLOW if outcome in ("denied", "unknown") else GREEN
        parts = [paint(safe(str(event.get("event") or "?")), MAGENTA, self._colour)]
        stage = event.get("stage")
        reason = f": {event['reason']}" if event.get("reason") else ""
        parts.append(paint(safe(f"{outcome}{reason}"), sgr, self._colour))
        if stage and stage != "single":
            parts.append(paint(safe(str(stage)), DIM, self._colour))
        targets = event.get("target")
        if isinstance(targets, list):
            named = [
                f"{value_text(t.get('type'))} {short_id(str(t.get('id')))}"
                for t in targets
                if isinstance(t, dict)
            ]
            parts.append(", ".join(named[:3]) + ("…" if len(named) > 3 else ""))
        if event.get("tx") == "rolled_back":
            parts.append(paint("rolled back", YELLOW, self._colour))
        return "  ".join(part for part in parts if part)

    def _line(self, row: Row) -> str:
        offset = _offset(_milliseconds(self._start, row.time)).rjust(_OFFSET)
        failed = paint("✗ ", BOLD + RED, self._colour) if row.failed else ""
        line = (
            f"{paint(offset, DIM, self._colour)}  {self._bar(row)}  "
            f"{paint(row.branch, RED if row.failed else DIM, self._colour)}{failed}{row.text}"
        )
        return clip(line, self._style.width) if self._style.width else line

    def _bar(self, row: Row) -> str:
        first = self._column(row.time)
        length = 1 if row.end is None else max(self._column(row.end) - first + 1, 1)
        drawn = paint(row.mark * length, row.sgr or DIM, self._colour)
        return " " * first + drawn + " " * (_BAR - first - length)

    def _column(self, time: datetime) -> int:
        return min(int(_milliseconds(self._start, time) / self._total_ms * _BAR), _BAR - 1)

    def _gaps(self, rows: list[Row]) -> dict[datetime, float]:
        """Where nothing was logged for long: the time that ended the silence, and how long it was."""
        times = sorted({row.time for row in rows})
        least = max(_LEAST_GAP_MS, self._total_ms * _GAP_SHARE)
        found = ((after, _milliseconds(before, after)) for before, after in pairwise(times))
        return {after: gap for after, gap in found if gap >= least}

    def _gap(self, milliseconds: float) -> str:
        text = f"┄ {_span(milliseconds)} ┄"
        return paint(" " * (_OFFSET + _BAR + 4) + text, DIM, self._colour)

    def _verdict(self) -> list[str]:
        nodes = [node for root in self._roots for node in root.walk()]
        failed = [node for node in nodes if node.failed and node.kind != "attempt"]
        if not failed:
            open_ends = [node for node in nodes if node.canonical is None and not node.children]
            ended = "nothing failed" + (f"; {_count(len(open_ends), 'end')} not seen" if open_ends else "")
            return [paint(f"✓ {ended}", GREEN, self._colour)]
        lines = []
        for node in failed:
            why = f"  {self._exception(node.exception)}" if node.exception else ""
            name = safe(str(node.name or node.context.get("route") or short_id(node.id)))
            tried = f" after {_count(len(node.attempts), 'attempt')}" if node.attempts else ""
            lines.append(paint(f"✗ {_kind(node)} {name} failed{tried}", BOLD + RED, self._colour) + why)
        return lines


def _kind(node: Node) -> str:
    return "trace" if node.kind == "other" else node.kind


def _time_of(item: Moment | Node) -> datetime:
    return item.start if isinstance(item, Node) else item.time


def _milliseconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def _span(milliseconds: float) -> str:
    if milliseconds >= 60_000:
        return f"{milliseconds / 60_000:.1f} min"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _offset(milliseconds: float) -> str:
    return f"+{_span(milliseconds)}" if milliseconds else "0"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
