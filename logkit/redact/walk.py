"""Any value to plain data without secrets: what `orjson.dumps` takes without options. (P04)

Depth, width and cycles are bounded.

`type(value)` is asked, never `isinstance`: on Django's lazy objects `isinstance` would load the user. (R11)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from logkit.errors import raise_if_asynchronous
from logkit.redact import keys, objects
from logkit.redact.marker import FAILED, HIDDEN
from logkit.redact.statements import without_literals
from logkit.redact.validators import is_card
from logkit.redact.vocabulary import FIELD_NAMES

JSON = Any
_DEEPEST = 12
_WIDEST = 256
_MOST_NODES = 4096
_LONGEST_KEY = 256
_BIGGEST_INT = 2**64 - 1
_LEAST_INT = -(2**63)
_LEAST_CARD = 10**12
_STATEMENTS = frozenset(["sql", "statement", "query"])
_NO_ARGUMENTS: tuple[object, ...] = ("()", "{}", "[]", (), {}, [])
_JWK_MEMBERS = frozenset(["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
_LISTS = (list, tuple, set, frozenset)


def exact(text: str) -> str:
    """A plain `str` with the characters of `text`, whatever its class overrides."""
    return str.__str__(text) if type(text) is str else "".join(str.__iter__(text))


class Walk:
    """Walks values with the redactor's rules."""

    __slots__ = ("_hides", "_text", "_verdict")

    def __init__(
        self,
        verdict: Callable[[str], int],
        text: Callable[[str], str],
        hides: Callable[[str, object, int], bool],
    ) -> None:
        self._verdict = verdict
        self._text = text
        self._hides = hides

    def into(self, result: dict[str, JSON], name: object, value: object) -> None:
        """Put `name` and `value` into `result`; what cannot be looked at is said to be so, and harms no other field."""
        try:
            self._pair(result, name, value, _State())
        except Exception as error:  # noqa: BLE001 - P05: values may do anything
            raise_if_asynchronous(error)
            result[name if type(name) is str and not self._verdict(name) else FAILED] = FAILED

    def value(self, value: object, *, key: str | None = None) -> JSON:
        if key is not None:
            result: dict[str, JSON] = {}
            self._pair(result, key, value, _State())
            return next(iter(result.values()))
        return self._safe(value, _State())

    def _pair(self, result: dict[str, JSON], name: object, value: object, state: _State) -> None:
        shown = name if type(name) is str else self._name(name)
        verdict = self._verdict(shown)
        if len(shown) > 16 or not shown.isidentifier():
            scrubbed = self._text(shown)
            if scrubbed is not shown or len(shown) > _LONGEST_KEY:
                shown = _free(result, scrubbed[:_LONGEST_KEY])
        if type(name) is not str and shown in result:
            shown = _free(result, shown)
        if verdict != keys.PLAIN and (
            self._hides(shown, value, verdict)
            or (verdict == keys.PARAMETERS and not _STATEMENTS.isdisjoint(result))
        ):
            result[shown] = HIDDEN
        elif verdict == keys.STATEMENT and type(value) is str:
            result[shown] = self._text(without_literals(value))
        else:
            result[shown] = self._safe(value, state)

    def _name(self, name: object) -> str:
        """The text of a key that is no plain text."""
        kind = type(name)
        if issubclass(kind, str):
            return exact(name)  # type: ignore[arg-type]
        if kind is bytes or kind in _LISTS:
            return objects.decoded(name) if kind is bytes else str(self._safe(name, _State()))  # type: ignore[arg-type]
        plain = self._safe(name, _State())
        return plain if type(plain) is str else str(plain)

    def _safe(self, value: object, state: _State) -> JSON:
        kind = type(value)
        if kind is str:
            return self._text(value)  # type: ignore[arg-type]
        if kind is bool or value is None or kind is float:
            return value
        if kind is int:
            return self._integer(value)  # type: ignore[arg-type]
        state.nodes += 1
        if state.nodes > _MOST_NODES:
            return "<more>"
        if kind is dict:
            return self._inside(value, state, self._mapping)
        if kind in _LISTS:
            return self._inside(value, state, self._items)
        return self._object(value, kind, state)

    def _integer(self, value: int) -> JSON:
        if value >= _LEAST_CARD or value <= _LEAST_INT:
            if not _LEAST_INT <= value <= _BIGGEST_INT:
                return objects.big_integer(value)
            if value < 10**19 and is_card(str(value)):
                return "[REDACTED:card]"
        return value

    def _inside(self, value: Any, state: _State, walk: Callable[[Any, _State], JSON]) -> JSON:
        if id(value) in state.above:
            return "<cycle>"
        if len(state.above) >= _DEEPEST:
            return f"<{type(value).__name__}>"
        state.above.add(id(value))
        try:
            return walk(value, state)
        finally:
            state.above.discard(id(value))

    def _mapping(self, value: Mapping[object, object], state: _State) -> JSON:
        result: dict[str, JSON] = {}
        hidden = self._hidden_names(value)
        state.nodes += min(len(value), _WIDEST)
        for number, (name, item) in enumerate(tuple(islice(value.items(), _WIDEST + 1))):
            if number == _WIDEST:
                result["…"] = f"{len(value) - _WIDEST} more"
                break
            if hidden and name in hidden and not _is_nothing(item):
                result[name if type(name) is str else self._name(name)] = HIDDEN
            else:
                self._pair(result, name, item, state)
        return result

    def _hidden_names(self, value: Mapping[object, object]) -> frozenset[object]:
        """Names that hold a secret because of what stands beside them."""
        if "args" in value and "kwargs" in value:  # of a task or call: anything at all
            return frozenset(["args", "kwargs"])
        if "kty" in value:  # a JSON web key (RFC 7518, section 6)
            return _JWK_MEMBERS
        if "role_id" in value and "secret_id" in value:  # Vault's way for machines
            return frozenset(["secret_id"])
        named = _name_of_named_value(value)
        if named is not None and self._verdict(named) not in keys.NO_SECRETS:
            return frozenset(["value", "content"])
        return frozenset()

    def _items(self, value: Any, state: _State) -> JSON:
        items = list(islice(value, _WIDEST))
        more = len(value) - len(items)
        state.nodes += len(items)
        if (
            len(items) == 2
            and type(value) in (list, tuple)
            and (name := objects.header_name(items[0])) is not None
        ):
            pair: dict[str, JSON] = {}
            if self._verdict(name) not in keys.NO_SECRETS and not self._is_field_name(items[1]):
                self._pair(pair, name, items[1], state)
                return [self._safe(items[0], state), *pair.values()]
        if type(value) in (list, tuple) and (arguments := self._arguments(items)) is not None:
            items = arguments
        result: list[JSON] = []
        hide_next = False
        for item in items:
            plain = self._safe(item, state)
            result.append(HIDDEN if hide_next and type(plain) is str else plain)
            hide_next = (
                type(item) is str
                and item[:2] == "--"
                and "=" not in item
                and self._verdict(item) not in keys.NO_SECRETS
            )
        if more > 0:
            result.append(f"… {more} more")
        return result

    def _arguments(self, items: list[object]) -> list[object] | None:
        """The words of a command line, read as one: `["curl", "-u", "user:password"]`; None when it is no such list."""
        texts = [item for item in items if type(item) is str]
        if len(texts) != len(items) or not any(text[:1] == "-" for text in texts):
            return None
        line = " ".join(texts)
        scrubbed = self._text(line)
        words = scrubbed.split(" ")
        return list(words) if scrubbed is not line and len(words) == len(texts) else None

    def _is_field_name(self, value: object) -> bool:
        return type(value) is str and (
            value.lower() in FIELD_NAMES
            or (value.isidentifier() and self._verdict(value) not in keys.NO_SECRETS)
        )

    def _object(self, value: object, kind: type, state: _State) -> JSON:
        try:
            plain = objects.plain(value, kind)
        except Exception as error:  # noqa: BLE001 - P05: an object may do anything
            raise_if_asynchronous(error)
            return f"<{objects.type_name(kind)}: cannot be shown>"
        if type(plain) is dict or type(plain) in _LISTS:
            # The object itself goes on the path, or a cycle through objects would never end.
            return self._inside(value, state, lambda _, same: self._safe(plain, same))
        return (
            self._safe(plain, state) if type(plain) in objects.PLAIN_TYPES else f"<{objects.type_name(kind)}>"
        )


def _is_nothing(item: object) -> bool:
    # Of known types only: the `==` of others may do anything.
    return (
        item is None
        or type(item) is bool
        or (type(item) in (str, tuple, dict, list) and item in _NO_ARGUMENTS)
    )


class _State:
    __slots__ = ("above", "nodes")

    def __init__(self) -> None:
        self.above: set[int] = set()
        self.nodes = 0


def _name_of_named_value(value: Mapping[object, object]) -> str | None:
    """The name of `{"name": "Authorization", "value": "..."}`, or None."""
    if "value" not in value and "content" not in value:
        return None
    for label in ("name", "key", "header", "field", "param"):
        name = value.get(label)
        if type(name) is str:
            return name
    return None


def _free(result: dict[str, JSON], name: str) -> str:
    if name not in result:
        return name
    number = 2
    while f"{name} #{number}" in result:
        number += 1
    return f"{name} #{number}"
