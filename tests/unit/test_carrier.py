"""The carrier: what travels with a task, and what is believed of it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkit import carrier
from logkit.context import Context

KEY = carrier.derive_key("secret of this service")
REQUEST = "6f9d2c1e-1111-4222-8333-abcdefabcdef"


def packed(key: bytes = KEY, **fields: object) -> str:
    return carrier.pack(Context(fields), task_id="t-1", key=key, sent_ms=1_700_000_000_000)


def test_a_signed_carrier_arrives_whole() -> None:
    """Ids and actor arrive, signed, with the time of sending."""
    arrived = carrier.unpack(packed(request_id=REQUEST, user_id=7), task_id="t-1", key=KEY)
    assert dict(arrived.fields) == {"request_id": REQUEST, "user_id": "7"}
    assert arrived.is_signed
    assert arrived.sent_ms == 1_700_000_000_000


@pytest.mark.parametrize("forged", ["another key", "another task", "no signature", "another user"])
def test_c18_a_carrier_that_is_not_ours_correlates_but_names_nobody(forged: str) -> None:
    """Whoever can write to the broker cannot write an actor into the trail."""
    text = packed(request_id=REQUEST, user_id="alice")
    task_id = "t-1"
    if forged == "another key":
        text = packed(carrier.derive_key("guess"), request_id=REQUEST, user_id="alice")
    elif forged == "another task":
        task_id = "t-2"
    elif forged == "no signature":
        text = "1::" + text.split(":", 2)[2]
    else:
        text = text.replace("alice", "admin")
    arrived = carrier.unpack(text, task_id=task_id, key=KEY)
    assert dict(arrived.fields) == {"request_id": REQUEST}
    assert not arrived.is_signed


def test_c04_only_small_scalars_of_the_allow_list_travel() -> None:
    """Sets, exceptions, long texts and other names stay at home and do no harm."""
    text = packed(
        request_id=REQUEST, user_id={1, 2}, session="x" * 300, circle_id=3, client_ip=ValueError("no")
    )
    assert orjson.loads(text.split(":", 2)[2])["fields"] == {"request_id": REQUEST}


@pytest.mark.parametrize(
    "carried",
    [None, 5, b"1::{}", "", "1::", "1::{}", "2:x:{}", '1:é:{"fields":{},"sent_ms":1}', "1::[]", "x" * 5000],
)
def test_c06_what_is_no_carrier_is_ignored(carried: object) -> None:
    """Whatever arrives under our key, nothing raises and nothing is believed."""
    arrived = carrier.unpack(carried, task_id="t-1", key=KEY)
    assert dict(arrived.fields) == {}
    assert not arrived.is_signed


def test_c06_fields_of_a_signed_carrier_are_still_validated() -> None:
    """An id with a newline is dropped even when the signature is right."""
    text = packed(request_id="two\nlines of it", trace_id="xyz", user_id="7")
    assert dict(carrier.unpack(text, task_id="t-1", key=KEY).fields) == {"user_id": "7"}


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_is_unpacked_without_raising(text: str, task_id: str) -> None:
    """Headers are anything that a stranger sends."""
    carrier.unpack(text, task_id=task_id, key=KEY)
    carrier.unpack("1:" + "0" * 64 + ":" + text, task_id=task_id, key=KEY)
