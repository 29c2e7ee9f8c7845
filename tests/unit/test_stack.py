"""Exceptions become safe data: everything that hangs on them, nothing of their locals. (P03, L08)"""

from __future__ import annotations

import json
import linecache
import sys
from typing import Any

import orjson
import pytest

from logkit.redact import Redactor
from logkit.stack import render_exception

CANARY = "canary-4711-value"
REDACTOR = Redactor()


def raised(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:
        return caught


def rendered(exc: BaseException, **options: int) -> dict[str, Any]:
    """What a reader of the line gets."""
    return json.loads(orjson.dumps(render_exception(exc, REDACTOR, **options)))


def test_l08_type_message_and_stack() -> None:
    """A plain exception has its type, message and frames with their source lines."""
    shown = rendered(raised(ValueError("no such circle")))
    assert shown["type"] == "ValueError"
    assert shown["message"] == "no such circle"
    assert shown["stack"].startswith("Traceback (most recent call last):\n")
    assert shown["stack"].endswith("\nValueError: no such circle")
    assert "in raised\n    raise exc" in shown["stack"]
    assert set(shown) == {"type", "message", "stack"}


def test_p03_no_locals_and_no_secrets() -> None:
    """Messages, notes, causes, contexts and members of groups are scrubbed; locals are not there at all."""
    password = CANARY

    def fail() -> None:
        hidden_local = password
        error = ValueError(f"password={hidden_local}")
        error.add_note(f"token: {hidden_local}1")
        raise error

    try:
        try:
            fail()
        except ValueError as error:
            raise ExceptionGroup(f"secret={password}", [error, KeyError(f"api_key={password}")]) from error
    except ExceptionGroup as group:
        shown = rendered(group)
    assert CANARY not in json.dumps(shown)
    assert shown["group"][0]["notes"] == ["token: [REDACTED]"]
    assert shown["group"][1]["message"] == "'api_key=[REDACTED]'"


def test_p03_source_lines_are_scrubbed() -> None:
    """A secret that stands in the source code does not come out with the source line."""
    source = f"def connect():\n    raise OSError(password := '{CANARY}')\n"
    linecache.cache["<settings>"] = (len(source), None, source.splitlines(True), "<settings>")
    names: dict[str, Any] = {}
    exec(compile(source, "<settings>", "exec"), names)
    try:
        names["connect"]()
    except OSError as error:
        shown = rendered(error)
    finally:
        linecache.cache.pop("<settings>", None)
    assert "password := '[REDACTED]'" in shown["stack"]
    assert CANARY not in shown["stack"].partition("OSError: ")[0]


def test_l08_causes_and_contexts() -> None:
    """A cause is shown as one, a context as the other, and a suppressed context not at all."""
    cause = raised(KeyError("a"))
    with_cause = ValueError("b")
    with_cause.__cause__ = cause
    assert rendered(with_cause)["cause"]["type"] == "KeyError"
    with_context = ValueError("b")
    with_context.__context__ = cause
    assert rendered(with_context)["context"]["type"] == "KeyError"
    with_context.__suppress_context__ = True
    assert "context" not in rendered(with_context)


def test_l08_cycles_and_long_chains_end() -> None:
    """A cause that leads back to itself ends, and so does a chain of thousands."""
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert rendered(first)["cause"] == {"type": "ValueError", "message": "2", "stack": "ValueError: 2"}
    chain: BaseException = ValueError("0")
    for number in range(5_000):
        following = ValueError(str(number))
        following.__cause__ = chain
        chain = following
    assert len(json.dumps(rendered(chain))) < 5_000
    many = ExceptionGroup("many", [ValueError(str(number)) for number in range(500)])
    assert rendered(many)["group_size"] == 500


def test_l08_raising_methods() -> None:
    """An exception whose own methods raise is shown by its type."""

    class Hostile(Exception):
        def __str__(self) -> str:
            raise RuntimeError(CANARY)

    hostile = raised(Hostile())
    hostile.__notes__ = [hostile, 5]  # type: ignore[attr-defined]
    shown = rendered(hostile)
    assert shown["message"] == "<message cannot be shown>"
    assert shown["notes"] == ["<note cannot be shown>", "5"]

    class Worse(Exception):
        @property
        def __notes__(self) -> list[str]:
            raise RuntimeError(CANARY)

    assert CANARY not in json.dumps(rendered(raised(Worse("x"))))


def test_l08_deep_recursion() -> None:
    """A stack of a thousand frames shows its beginning and its end."""

    def down(depth: int) -> None:
        if depth:
            down(depth - 1)
        raise RuntimeError("bottom")

    try:
        down(500)
    except RuntimeError as error:
        shown = rendered(error)
    assert "frames left out" in shown["stack"]
    assert shown["stack"].endswith("RuntimeError: bottom")


def test_l08_lengths_are_capped_after_redaction() -> None:
    """No text is longer than asked for, and no secret is cut into something unrecognisable."""
    message = "x " * 30 + f"password={CANARY} " + "y " * 5_000
    for most in range(60, 140, 7):
        shown = rendered(raised(ValueError(message)), max_chars=most)
        assert len(shown["message"]) <= most
        assert len(shown["stack"]) <= most
        assert "canary" not in json.dumps(shown)


def test_l08_exc_info() -> None:
    """The triple of `sys.exc_info()` will do, also the empty one."""
    try:
        raise ValueError("x")
    except ValueError:
        shown = render_exception(sys.exc_info(), REDACTOR)
    assert shown["type"] == "ValueError"
    assert render_exception((None, None, None), REDACTOR) == {
        "type": "NoneType",
        "message": "",
        "stack": "NoneType",
    }


@pytest.mark.parametrize("text", ["a\ud800b", "a\x00b", "a" * 100_000])
def test_l09_any_text_encodes(text: str) -> None:
    """Surrogates and control characters in a message make no invalid line."""
    assert rendered(raised(ValueError(text)))["type"] == "ValueError"
