"""Records of the trail as text: a table, a story by day, who saw whose data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from logkit.audit.query import Hit, Record, actor_of, targets_of
from logkit.terminal import BOLD, CYAN, DIM, GREEN, RED, YELLOW, clip, paint, safe, visible_length

_OUTCOMES = {"success": GREEN, "failure": YELLOW, "denied": RED, "unknown": YELLOW}
_SEVERE = {"high": RED, "critical": RED + BOLD, "warning": YELLOW}


def table(hits: Sequence[Hit], *, colour: bool, width: int) -> Iterator[str]:
    """One line per record, as wide as the terminal."""
    rows = [_row(hit.record) for hit in hits]
    heads = ("TIME (UTC)", "EVENT", "OUTCOME", "ACTOR", "TARGET", "ID")
    widths = [max(visible_length(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    widths[4] = max(6, min(widths[4], width - sum(widths) + widths[4] - 2 * (len(widths) - 1)))
    yield paint(_joined(heads, widths), DIM, colour)
    for hit, row in zip(hits, rows, strict=True):
        cells = [clip(cell, size) for cell, size in zip(row, widths, strict=True)]
        padded = [
            cell + " " * (size - visible_length(cell)) for cell, size in zip(cells, widths, strict=True)
        ]
        padded[1] = paint(padded[1], _SEVERE.get(str(hit.record.get("severity")), ""), colour)
        padded[2] = paint(padded[2], _OUTCOMES.get(str(hit.record.get("outcome")), ""), colour)
        yield "  ".join(padded).rstrip()


def _row(record: Record) -> tuple[str, ...]:
    outcome = str(record.get("outcome") or "")
    if record.get("stage") == "intent":
        outcome = "intent"
    return (
        safe(str(record.get("time", ""))[:19].replace("T", " ")),
        safe(str(record.get("event", ""))),
        safe(outcome + (f" ({record['reason']})" if record.get("reason") else "")),
        safe(who(record)),
        safe(", ".join(what(record))),
        safe(str(record.get("id", ""))),
    )


def _joined(cells: Iterable[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()


def who(record: Record) -> str:
    """`user:7`, `staff:3 for 9`."""
    actor = actor_of(record)
    text = str(actor.get("type") or "?") + (f":{actor['id']}" if actor.get("id") is not None else "")
    return text + (f" for {actor['on_behalf_of']}" if actor.get("on_behalf_of") is not None else "")


def what(record: Record) -> list[str]:
    """`keep:12`, each target."""
    return [
        str(target.get("type") or "?") + (f":{target['id']}" if target.get("id") is not None else "")
        for target in targets_of(record)
    ]


def timeline(hits: Iterable[Hit], *, colour: bool) -> Iterator[str]:
    """The records as a story: by day, and who did what, from where."""
    day = ""
    for hit in hits:
        record = hit.record
        if hit.time[:10] != day:
            day = hit.time[:10]
            yield paint(safe(day), BOLD, colour)
        outcome = "intends" if record.get("stage") == "intent" else str(record.get("outcome") or "?")
        parts = [
            paint(safe(hit.time[11:19]), DIM, colour),
            paint(f"{safe(outcome):<8}", _OUTCOMES.get(outcome, CYAN), colour),
            paint(
                safe(str(record.get("event", "?"))), _SEVERE.get(str(record.get("severity")), BOLD), colour
            ),
            "by " + safe(who(record)),
        ]
        if targets := what(record):
            parts.append("on " + safe(", ".join(targets)))
        if reason := record.get("reason"):
            parts.append(f"({safe(str(reason))})")
        if address := actor_of(record).get("client_ip"):
            parts.append(paint("from " + safe(str(address)), DIM, colour))
        yield "  " + "  ".join(parts)


@dataclass(slots=True)
class Access:
    """How often somebody saw a person's data in one way, and when."""

    actor: str
    event: str
    count: int = 0
    denied: int = 0
    first: str = ""
    last: str = ""
    targets: set[str] = field(default_factory=set)


def accesses(hits: Iterable[Hit], subject: str) -> list[Access]:
    """Who reached `subject`'s data, by actor and event; the subject's own are left out."""
    found: dict[tuple[str, str], Access] = {}
    for hit in hits:
        record = hit.record
        actor = actor_of(record)
        is_own = actor.get("type") == "user" and str(actor.get("id")) == subject
        if record.get("stage") == "intent" or (is_own and actor.get("on_behalf_of") is None):
            continue
        key = (who(record), str(record.get("event", "?")))
        entry = found.setdefault(key, Access(*key))
        coalesced = (record.get("detail") or {}).get("coalesced")
        times = coalesced if isinstance(coalesced, int) and coalesced > 0 else 1
        if record.get("outcome") == "denied":
            entry.denied += times
        else:
            entry.count += times
        entry.first, entry.last = entry.first or hit.time, hit.time
        entry.targets |= set(what(record))
    return sorted(found.values(), key=lambda entry: (entry.actor, entry.event))


def access_report(entries: Sequence[Access], subject: str, *, colour: bool) -> Iterator[str]:
    if not entries:
        yield f"Nobody but {safe(subject)} reached their data in this trail and range."
        return
    people = len({entry.actor for entry in entries})
    count = "one actor" if people == 1 else f"{people} actors"
    yield paint(f"Who reached the data of {safe(subject)}: {count}", BOLD, colour)
    actor = ""
    for entry in entries:
        if entry.actor != actor:
            actor = entry.actor
            yield "  " + paint(safe(actor), CYAN, colour)
        denied = paint(f"  {entry.denied} denied", RED, colour) if entry.denied else ""
        days = (
            entry.first[:10]
            if entry.first[:10] == entry.last[:10]
            else f"{entry.first[:10]} to {entry.last[:10]}"
        )
        targets = sorted(entry.targets)
        shown = ", ".join(targets[:4]) + (f" and {len(targets) - 4} more" if len(targets) > 4 else "")
        yield f"    {entry.count:>5}x  {safe(entry.event):<32} {days:<24} {safe(shown)}{denied}".rstrip()
