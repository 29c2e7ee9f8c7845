"""Request ids and traceparent: what is kept, what is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkit import trace

VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "kept",
    [
        "f7c2f1f4d4b44f2fb2f6e9f0b1a2c3d4",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "Root=1-5759e988".replace("=", ":"),
        "a" * 128,
    ],
)
def test_r07_ids_that_are_not_uuids_are_kept(kept: str) -> None:
    """nginx hex, ULIDs and their like are ids."""
    assert trace.is_request_id(kept)


@pytest.mark.parametrize(
    "refused", ["", "short", "a" * 129, "with space", "new\nline12", "nül-nül-nül", "a" * 7, None, 5]
)
def test_r06_what_is_no_id_is_refused(refused: object) -> None:
    """Too short, too long, other characters, other types."""
    assert not trace.is_request_id(refused)


def test_a_new_request_id_is_one_we_would_keep() -> None:
    """Our own ids pass our own check, and no two are the same."""
    made = {trace.new_request_id() for _ in range(100)}
    assert len(made) == 100
    assert all(trace.is_request_id(one) for one in made)


def test_a_traceparent_is_parsed_and_written_back() -> None:
    """The W3C example survives a round trip."""
    parsed = trace.parse_traceparent(VALID)
    assert parsed is not None
    assert parsed.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert str(parsed) == VALID


@pytest.mark.parametrize(
    "header",
    [
        VALID.upper(),
        VALID.replace("00-", "ff-", 1),
        VALID + "-more",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        VALID[:-1],
        VALID + "\n",
        "",
    ],
)
def test_what_is_no_traceparent_is_none(header: str) -> None:
    """Upper case, version ff, extra parts in version 00, all-zero ids and cut texts are refused."""
    assert trace.parse_traceparent(header) is None


@pytest.mark.parametrize(("given", "passed_on"), [("00", "00"), ("01", "01"), ("03", "01"), ("fe", "00")])
def test_of_the_flags_only_whether_the_trace_is_sampled_is_passed_on(given: str, passed_on: str) -> None:
    """The specification leaves no other bit to those that do not know it."""
    parsed = trace.parse_traceparent(f"{VALID[:-2]}{given}")
    assert parsed is not None
    assert trace.new_traceparent(parsed.trace_id, parsed.flags).flags == passed_on


def test_a_later_version_may_have_more_parts() -> None:
    """The specification asks parsers to read what they know of a later version."""
    assert trace.parse_traceparent(VALID.replace("00-", "01-", 1) + "-more") is not None


@given(st.text(max_size=80))
def test_any_text_is_parsed_without_raising(header: str) -> None:
    """A header is anything that a client sends."""
    parsed = trace.parse_traceparent(header)
    assert parsed is None or header.startswith(
        ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f")
    )
