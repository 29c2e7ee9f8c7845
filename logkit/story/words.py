"""What rows and headings say: requests, tasks, attempts, audit events, exceptions in a person's words."""

from __future__ import annotations

from typing import Any

from logkit.console import Style, short_id
from logkit.console.renderer import Renderer
from logkit.console.values import correlation, id_colour, shortened, value_text
from logkit.stacktext import Look, raised_at
from logkit.story.axis import milliseconds, span_text
from logkit.story.collect import Moment
from logkit.story.node import Node
from logkit.story.rows import Group, Item, Raised, Repeat
from logkit.terminal import BOLD, DIM, GREEN, MAGENTA, RED, YELLOW, paint, safe

_MOST_TARGETS = 3
_LEAST_WAIT_MS = 1.0


class Words:
    """Says things in one style. A row is said in parts, of which the first ones matter most."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._colour = style.colour
        self._renderer = Renderer(style)

    def parts(self, item: Item) -> list[str]:
        match item:
            case Node():
                return self._node(item)
            case Group():
                return self._group(item)
            case Repeat():
                event = {**item.moments[0].event, "context": {}}
                times = paint(f"x {len(item.moments)}", DIM, self._colour)
                return [*self._renderer.brief(event), times]
            case Raised():
                return [self.exception(item.moment.event["exception"])]
            case Moment() if item.is_audit:
                return self._audit(item.event)
            case Moment():
                exception = item.event.get("exception")
                said = self._renderer.brief(item.event)
                return [*said[:1], self.exception(exception), *said[1:]] if exception else said

    def name(self, node: Node) -> str:
        """A node in one word: `deliver#2`, `POST /api/keeps`, `migrate`, the end of its id."""
        if node.kind in ("task", "attempt"):
            last = safe(node.name).rpartition(".")[2]
            return last or "task"
        if node.kind == "command":
            return safe(node.name) or "command"
        request_line = self._renderer.request_line(node.context)
        return request_line or short_id(node.id)

    def exception(self, exception: object) -> str:
        """`ValueError: no such keep  at keeps/tasks.py:61`."""
        kind = exception.get("type") if isinstance(exception, dict) else None
        text = exception.get("message") if isinstance(exception, dict) else exception
        phrase = " ".join(f"{str(kind or '').rpartition('.')[2]}: {text or ''}".split()).strip(": ")
        place = raised_at(exception, Look(root=self._style.root))
        return paint(safe(phrase), RED, self._colour) + (
            paint(f"  at {place}", DIM, self._colour) if place else ""
        )

    def traceback(self, exception: object) -> list[str]:
        return self._renderer.traceback_lines(exception)

    def _node(self, node: Node) -> list[str]:
        if node.kind == "attempt":
            parts = [paint(safe(node.name), BOLD, self._colour), *self._ending(node)]
        elif node.kind == "task":
            parts = [paint(f"↳ {self.name(node)}", BOLD + _tie(node), self._colour), *self._ending(node)]
        elif node.canonical is None:
            word = f"{node.kind} {short_id(node.id)}"
            parts = [paint(word, BOLD + id_colour(node.id), self._colour)]
            parts.append(paint("no end in these files", YELLOW, self._colour))
        else:
            lead = f"$ {self.name(node)}" if node.kind == "command" else ""
            tied = [paint(lead, BOLD + id_colour(node.id), self._colour)] if lead else []
            parts = tied + self._renderer.canonical_parts(node.canonical.event)
        if node.led_to_failure and not node.failed:
            parts.insert(1, paint("led to a failure", RED, self._colour))
        return parts

    def _ending(self, node: Node) -> list[str]:
        """How a task or an attempt ended, how long it ran, how long it waited."""
        attempts, tried = node.attempts, ""
        last = attempts[-1] if attempts else node
        word = last.message.partition(".")[2]
        if not word:
            steps = {moment.event.get("message") for moment in last.steps}
            word = (
                "started, no end in these files"
                if last.has_run
                else "received, never started"
                if "task.received" in steps
                else "published, never received"
            )
        elif attempts:
            tried = f" after {len(attempts)} attempts" if last.failed else f" at attempt {len(attempts)}"
        sgr = RED if last.failed else YELLOW if last.ended_oddly or last.canonical is None else GREEN
        parts = [paint(f"{word}{tried}", sgr, self._colour)]
        if attempts:
            parts.append(paint(f"in {span_text(milliseconds(node.start, node.end))}", DIM, self._colour))
            return parts
        if node.canonical is not None:
            parts += self._renderer.canonical_parts(node.canonical.event)
        if node.waited and (waited := milliseconds(*node.waited)) >= _LEAST_WAIT_MS and node.canonical:
            behind_duration = 2 if node.duration_ms is not None else 1
            parts.insert(behind_duration, paint(f"queued {span_text(waited)}", DIM, self._colour))
        return parts

    def _group(self, group: Group) -> list[str]:
        durations = sorted(node.duration_ms or 0.0 for node in group.nodes)
        first = group.nodes[0]
        name = paint(f"↳ {self.name(first)}", BOLD + _tie(first), self._colour)
        count = paint(f"x {len(group.nodes)}", BOLD, self._colour)
        took = f"{span_text(durations[0])} to {span_text(durations[-1])}"
        return [f"{name} {count}", paint("succeeded", GREEN, self._colour), took]

    def _audit(self, event: dict[str, Any]) -> list[str]:
        """`auth.login.failed  failure: bad_password  user 12`."""
        outcome, stage = str(event.get("outcome") or ""), event.get("stage")
        sgr = RED if outcome == "failure" else YELLOW if outcome in ("denied", "unknown") else GREEN
        reason = f": {event['reason']}" if event.get("reason") else ""
        parts = [paint(safe(str(event.get("event") or "?")), MAGENTA, self._colour)]
        if stage == "intent":  # whose outcome nobody knows yet
            parts.append(paint("intent", DIM, self._colour))
        else:
            parts.append(paint(safe(f"{outcome}{reason}"), sgr, self._colour))
        targets = event.get("target")
        named = [
            f"{value_text(target.get('type'))} {shortened(str(target.get('id'))) or value_text(target.get('id'))}"
            for target in (targets if isinstance(targets, list) else [])
            if isinstance(target, dict)
        ]
        if named:
            text = ", ".join(named[:_MOST_TARGETS]) + ("…" if len(named) > _MOST_TARGETS else "")
            parts.append(paint(text, DIM, self._colour))
        if event.get("tx") == "rolled_back":
            parts.append(paint("rolled back", YELLOW, self._colour))
        return parts


def _tie(node: Node) -> str:
    """Tasks have the colour of the request that they belong to."""
    return id_colour(correlation(node.context) or node.id)
