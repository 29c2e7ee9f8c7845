"""Whatever is logged, wherever a secret stands in it: plain data comes out, without it. (P03, P05, P07)"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkit.redact import Redactor
from logkit.stack import render_exception
from tests.properties.planting import SHAPES

REDACTOR = Redactor()
CANARY = "Zq7xW2Canary9Kp"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.binary(max_size=30)
    | st.decimals()
    | st.datetimes()
    | st.uuids()
    | st.complex_numbers()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=12) | st.integers() | st.none() | st.binary(max_size=5), inner, max_size=4
        )
        | st.tuples(inner, inner)
        | st.sets(st.integers() | st.text(max_size=5), max_size=4)
    ),
    max_leaves=12,
)

# Ways to put a text into the fields of a record.
places: list[Callable[[Any], Any]] = [
    lambda text: text,
    lambda text: [text],
    lambda text: (1, text, 2),
    lambda text: {"a": {"b": [text]}},
    lambda text: {text: 1},
    lambda text: text.encode(),
    lambda text: {"x", text},
    lambda text: ValueError(text),
    lambda text: ExceptionGroup("g", [ValueError(text)]),
    lambda text: [{"name": "note", "value": text}],
    lambda text: [b"header", text.encode()],
]
around = st.sampled_from(["", " ", "\n", "(", '"', "'", ", ", "; ", "| ", "\t", "x ", "é ", "[", "->"])


@given(st.dictionaries(st.text(max_size=12), values, max_size=5))
@settings(max_examples=300, deadline=None)
def test_p05_anything_becomes_json(fields: dict[str, Any]) -> None:
    """`orjson` takes the result without options, and the caller's objects are untouched."""
    before = copy.deepcopy(fields)
    shown = REDACTOR.fields(fields)
    orjson.loads(orjson.dumps(shown))
    assert fields == before


@given(st.dictionaries(st.text(max_size=12), values, max_size=5))
@settings(max_examples=300, deadline=None)
def test_p05_twice_is_once(fields: dict[str, Any]) -> None:
    """What is safe stays as it is."""
    once = orjson.loads(orjson.dumps(REDACTOR.fields(fields)))
    assert orjson.loads(orjson.dumps(REDACTOR.fields(once))) == once


@given(st.text(max_size=200) | st.text(alphabet="pasword=:'\"{}[]()@+-&;,% \\\n01x/.<>$_", max_size=200))
@settings(max_examples=2000, deadline=None)
def test_p05_texts_twice_are_once(text: str) -> None:
    """A text that was scrubbed is clean, whatever it was made of."""
    once = REDACTOR.text(text)
    once.encode()
    assert REDACTOR.text(once) == once


@pytest.mark.parametrize("place", places)
@pytest.mark.parametrize("shape", SHAPES)
@given(before=around, after=around)
@settings(max_examples=15, deadline=None)
def test_p07_planted_secrets_do_not_come_out(
    shape: Callable[[str], str], place: Callable[[Any], Any], before: str, after: str
) -> None:
    """In every place, in every shape, between any two characters."""
    after = after if not after or after[0] in " \n\"',;|)\t" else f" {after}"
    text = f"{before}{shape(CANARY)}{after}"
    assert CANARY not in REDACTOR.text(text), text
    shown = orjson.dumps(REDACTOR.fields({"note": place(text), "n": 1})).decode()
    assert CANARY not in shown, (text, shown)


@given(st.text(max_size=60), st.sampled_from(SHAPES))
@settings(max_examples=100, deadline=None)
def test_p07_planted_in_exceptions(noise: str, shape: Callable[[str], str]) -> None:
    """Messages, notes and causes of exceptions."""
    error = ValueError(f"{noise.strip()} {shape(CANARY)}")
    error.add_note(shape(CANARY))
    error.__cause__ = KeyError(shape(CANARY))
    if "'" in noise or '"' in noise or "\\" in noise or "`" in noise:
        return  # an open quote changes where the value ends
    assert CANARY not in orjson.dumps(render_exception(error, REDACTOR)).decode()
