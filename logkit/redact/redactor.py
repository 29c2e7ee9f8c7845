"""`Redactor`: the one object the pipeline asks.

Clean texts and judged names are remembered, so that most calls are look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from logkit.errors import raise_if_asynchronous
from logkit.redact import keys
from logkit.redact.marker import FAILED, HIDDEN
from logkit.redact.pseudonym import is_pseudonym
from logkit.redact.validators import LEAST_RANDOM, is_contact, looks_random
from logkit.redact.value_sense import is_plain_hash
from logkit.redact.values import ValueRules
from logkit.redact.walk import Walk, exact

JSON = Any
_REMEMBERED = 2048  # texts per generation; longer texts than this many characters are not remembered:
_LONGEST = 160
_BY_CIRCUMSTANCE = frozenset([keys.PLAIN, keys.STATEMENT, keys.PARAMETERS])
_LEAST_CARD = 10**12
_MANY_TESTS = 1000
_LEAST_INT = -(2**63)
# What no value rule hides, and what every request brings anew: UUIDs, trace ids, span ids. Digits alone may be a card.
_ID_LENGTHS = (16, 32, 36)
_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{16}(?:[0-9a-f]{16})?"
).fullmatch


class Redactor:
    """Key rules and value rules of one configuration. Pure, thread-safe without locks, never raises. (P05)

    `extra_keys` are further sensitive words, `allow_keys` names that the key rules leave alone, `hidden_names` exact
    names that are hidden (Django's session and CSRF cookies).
    """

    __slots__ = ("_clean", "_keys", "_names", "_older", "_values", "_walk", "_weak")

    def __init__(
        self,
        *,
        extra_keys: Iterable[str] = (),
        allow_keys: Iterable[str] = (),
        hidden_names: Iterable[str] = (),
    ) -> None:
        self._keys = keys.KeyRules(extra=extra_keys, allowed=allow_keys, hidden_names=hidden_names)
        self._values = ValueRules(self._keys.verdict)
        self._walk = Walk(self._keys.verdict, self.text, self.under)
        self._names: dict[str, None] = {}
        self._weak: dict[str, None] = {}
        self._clean: dict[str, None] = {}
        self._older: dict[str, None] = {}

    def text(self, text: str) -> str:
        """`text` without secrets, encodable as UTF-8; the very same object when it was clean."""
        try:
            if text in self._clean:
                return text
            return self._look(text)
        except Exception as error:  # noqa: BLE001 - a subclass of str may do anything
            raise_if_asynchronous(error)
            return FAILED

    def _look(self, text: str) -> str:
        if type(text) is not str:
            text = exact(text)
        remember = len(text) <= _LONGEST
        if not (remember and text in self._older):
            if not text.isascii():
                text = _encodable(text)
            scrubbed = self._values.scrub(text)
            if scrubbed is not text:
                return scrubbed
        if remember:
            # Two generations: a flood of ever new texts cannot push out those that come again and again.
            if len(self._clean) >= _REMEMBERED:
                self._older = self._clean
                self._clean = {}
            self._clean[text] = None
        return text

    def fields(self, fields: Mapping[str, object]) -> dict[str, JSON]:
        """A new dict of what `orjson.dumps` takes as it is: secrets hidden, everything made plain data."""
        result: dict[str, JSON] = {}
        names, weak, clean = self._names, self._weak, self._clean
        try:
            for name, value in fields.items():
                if name in names:
                    kind = type(value)
                    if kind is str:
                        if value in clean or (len(value) in _ID_LENGTHS and _ID(value)):  # type: ignore[arg-type, call-overload]
                            result[name] = value
                        else:
                            result[name] = self._look(value)  # type: ignore[arg-type]
                        continue
                    if kind is int:
                        if _LEAST_INT <= value < _LEAST_CARD:  # type: ignore[operator]
                            result[name] = value
                            continue
                    elif kind is bool or kind is float or value is None:
                        result[name] = value
                        continue
                elif name in weak and type(value) is str and len(value) < LEAST_RANDOM:
                    result[name] = self.text(value)
                    continue
                self._walk.into(result, name, value)
                if name in result:
                    self._remember(name)
        except Exception as error:  # noqa: BLE001 - a mapping may do anything
            raise_if_asynchronous(error)
            result[FAILED] = FAILED
        return result

    def _remember(self, name: str) -> None:
        """Names that hide nothing, or nothing short. Their memory is bounded: an attacker may choose them."""
        verdict = self._keys.verdict(name)
        if verdict == keys.PLAIN:
            if len(self._names) >= _REMEMBERED:
                self._names = {}
            self._names[name] = None
        elif verdict == keys.TOKEN:
            if len(self._weak) >= _REMEMBERED:
                self._weak = {}
            self._weak[name] = None

    def value(self, value: object, *, key: str | None = None) -> JSON:
        """`value` as plain data without secrets; `key` is the name that it stands under."""
        return self._walk.value(value, key=key)

    def under(self, name: str, value: object, verdict: int) -> bool:
        """Does the name's verdict hide `value`? Booleans, None and empty texts stay."""
        if value is None or value is True or value is False or verdict in _BY_CIRCUMSTANCE:
            return False
        if name == "pass" and type(value) is int and 0 <= value < _MANY_TESTS:
            return False  # {"pass": 3, "fail": 0}
        if type(value) is str:
            if verdict == keys.CONTACT:
                return is_contact(value)
            if verdict == keys.TOKEN:
                return looks_random(value) and not is_plain_hash(value, keys.split(name))
            return not (value == "" or is_pseudonym(value) or value == HIDDEN)
        if verdict == keys.CONTACT:
            return type(value) is int and is_contact(str(value))
        if verdict == keys.COUNT:
            return type(value) not in (int, float)
        return verdict != keys.TOKEN

    def explain(self, text: str) -> Iterator[tuple[str, str, str]]:
        """For people: rule, what it hides, what stands there instead."""
        return self._values.explain(_encodable(text))

    def verdict(self, name: str) -> int:
        """The key rules' verdict on a name: see `logkit.redact.keys`."""
        return self._keys.verdict(name)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
