"""The audit trail of the story: what is in it, and what has to be, no more and no fewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

_ENDINGS = {"intent": " begins", "outcome": " ends"}


class Recorded(NamedTuple):
    """One event: what happened, how it ended, who did it, and the request that caused it."""

    event: str
    outcome: str
    actor: str
    request_id: str

    def __str__(self) -> str:
        return f"{self.event}, {self.outcome}, by {self.actor}"


def closed(event: str, outcome: str = "success") -> tuple[tuple[str, str], tuple[str, str]]:
    """The two events of an action that is recorded before it happens and again when it has ended."""
    return (f"{event}{_ENDINGS['intent']}", "unknown"), (f"{event}{_ENDINGS['outcome']}", outcome)


def audit_rows(directory: Path) -> list[dict[str, Any]]:
    """Every record of the trail, oldest first."""
    records = [
        orjson.loads(line)
        for segment in directory.glob("*/*.jsonl")
        if segment.name != "checkpoints.jsonl"
        for line in segment.read_bytes().splitlines()
    ]
    return sorted(records, key=lambda record: (record["time"], record["seq"]))


def differences(
    expected: Iterable[Recorded], rows: Iterable[Mapping[str, Any]], people: Mapping[str, str]
) -> Iterator[str]:
    """What is missing in the trail and what should not be there; `people` gives the names of ids."""
    wanted, found = Counter(expected), Counter(_recorded(row, people) for row in rows)
    for recorded in (wanted - found).elements():
        yield f"missing: {recorded}"
    for recorded in (found - wanted).elements():
        yield f"not expected: {recorded} (request {recorded.request_id})"


def _recorded(row: Mapping[str, Any], people: Mapping[str, str]) -> Recorded:
    actor = row["actor"]
    who = people.get(actor.get("id", ""), " ".join(filter(None, (actor["type"], actor.get("id")))))
    if principal := actor.get("on_behalf_of"):
        who += f" for {people.get(principal, principal)}"
    event = row["event"] + _ENDINGS.get(row["stage"], "")
    return Recorded(event, row["outcome"], who, row.get("request", {}).get("id", ""))
