"""Search looks for bytes before it parses; whatever is asked, it finds what parsing every line would find."""

from __future__ import annotations

import gzip
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from hypothesis import given
from hypothesis import strategies as st

from logkit.audit import query
from logkit.audit.files.segments import line_of, segment_name
from logkit.audit.query import Filter, matcher, search
from logkit.parsers import SEVERITIES

IDS = st.sampled_from([7, 77, 12345, "7", "77", "12345", "a-1", 'quo"te', "Zoë", "01a2096d-adf4"])
EVENTS = st.sampled_from(
    ["auth.login.failed", "auth.login.succeeded", "keep.viewed", "data.read", "audit.gap"]
)
OUTCOMES = st.sampled_from(["success", "failure", "denied", "unknown"])
PARTIES = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "keep", "circle"]), "id": IDS},
    optional={"owner": IDS, "circle_id": IDS, "on_behalf_of": IDS},
)
RECORDS = st.fixed_dictionaries(
    {"event": EVENTS, "outcome": OUTCOMES, "severity": st.sampled_from(SEVERITIES), "actor": PARTIES},
    optional={
        "target": st.lists(PARTIES, max_size=2),
        "detail": st.fixed_dictionaries({}, optional={"circle_id": IDS, "note": st.text(max_size=8)}),
        "intent_id": IDS.map(str),
        "task": st.fixed_dictionaries({"id": IDS}),
    },
)
CONDITIONS = {
    "events": st.lists(
        st.sampled_from(["auth.*", "*.login.*", "keep.viewed", "data.re?d", "[a]uth.*", "no"]), max_size=2
    ).map(tuple),
    "actor": st.none() | IDS.map(str) | IDS.map(lambda value: f"user:{value}"),
    "target": st.none() | IDS.map(str) | IDS.map(lambda value: f"keep:{value}"),
    "owner": st.none() | IDS.map(str),
    "circle": st.none() | IDS.map(str),
    "outcomes": st.lists(OUTCOMES, max_size=2).map(tuple),
    "severity": st.none() | st.sampled_from(SEVERITIES),
    "ids": st.lists(IDS.map(str), max_size=2).map(tuple),
}
QUESTIONS = st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=3, unique=True).flatmap(
    lambda names: st.builds(Filter, **{name: CONDITIONS[name] for name in names})
)


@given(records=st.lists(RECORDS, max_size=30), wanted=QUESTIONS, is_compressed=st.booleans())
def test_search_finds_what_parsing_finds(
    records: list[dict[str, Any]], wanted: Filter, is_compressed: bool
) -> None:
    """Needles, blocks and globs leave nothing out and let nothing in."""
    lines = [
        line_of(
            seq, bytes(32), orjson.dumps({"id": f"e-{seq}", "time": "2026-01-01T00:00:00.000000Z", **record})
        )
        for seq, record in enumerate(records, 1)
    ]
    passes = matcher(wanted)
    expected = [orjson.loads(line)["id"] for line in lines if passes(orjson.loads(line))]
    with (
        tempfile.TemporaryDirectory() as root,
        patch.object(query, "_BLOCK", 1024),
    ):  # so that there are several
        path = Path(root) / "security" / segment_name(datetime(2026, 1, 1, tzinfo=UTC), 1)
        path.parent.mkdir()
        if is_compressed:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(b"".join(lines), 1))
        else:
            path.write_bytes(b"".join(lines))
        assert [hit.record["id"] for hit in search([path.parent], wanted)] == expected
