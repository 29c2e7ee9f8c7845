"""Objects to plain data: what of an object may be shown at all.

Nothing is imported for it; types are known by shape or name.

`plain` gives scalars, dicts or lists that the walk goes on with; it may raise, the walk catches.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import types
import uuid
from collections import deque
from collections.abc import Callable, KeysView, Mapping, Sequence, Set, ValuesView
from functools import partial
from typing import Any

from logkit.redact.marker import HIDDEN
from logkit.redact.paths import hide_path_segments

PLAIN_TYPES = frozenset({str, int, float, bool, type(None), dict, list, tuple, set, frozenset})
_LONGEST = 1024
_MOST_BYTES = 65_536
_HEADER_NAME = re.compile(r"[\w.\- \[\]]{2,64}")
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def type_name(kind: type) -> str:
    """`users.models.User`; builtins without their module."""
    name = getattr(kind, "__qualname__", "object")
    module = getattr(kind, "__module__", "builtins")
    return name if module == "builtins" else f"{module}.{name}"


def decoded(value: bytes | bytearray | memoryview) -> str:
    """The text in bytes, or their number when there is none."""
    raw = bytes(value[:_MOST_BYTES])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        if error.start < len(raw) - 3 or len(value) <= _MOST_BYTES:
            text = raw.decode("latin-1") if _is_mostly_text(raw) else ""
            return text or f"<{len(value)} bytes>"
        text = raw[: error.start].decode()
    return text if len(value) <= _MOST_BYTES else f"{text}… {len(value)} bytes"


def _is_mostly_text(raw: bytes) -> bool:
    return bool(raw) and sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in raw) * 10 >= len(raw) * 7


def big_integer(value: int) -> str:
    """An integer beyond 64 bits as text; one of thousands of digits by its size. (L09)"""
    return str(value) if value.bit_length() <= 1024 else f"<integer of {value.bit_length()} bits>"


def header_name(value: object) -> str | None:
    """The name in a pair such as `(b"authorization", b"...")`."""
    if type(value) is bytes:
        value = value[:65].decode("latin-1")
    return value if type(value) is str and _HEADER_NAME.fullmatch(value) else None


def plain(value: Any, kind: type) -> object:
    """`value` as scalars, dicts and lists, its fields still to be redacted."""
    for known, show in _KNOWN.items():
        if kind is known:
            return show(value)
    names = {type_name(each) for each in kind.__mro__}
    for known_name, show in _NAMED.items():
        if known_name in names:
            return show(value)
    if hasattr(kind, "get_secret_value") or hasattr(kind, "reveal") or kind.__name__.startswith("Secret"):
        return HIDDEN
    for base, show in _BASES:
        if issubclass(kind, base):
            return show(value)
    if dataclasses.is_dataclass(kind):
        return {f.name: getattr(value, f.name, None) for f in dataclasses.fields(kind) if f.repr}
    for attribute, show in _SHAPES:
        if hasattr(kind, attribute):
            return show(value)
    return list(value) if issubclass(kind, _SEQUENCES) else _shown(value, kind)


def _shown(value: object, kind: type) -> str:
    """What the object says about itself, without addresses; its type when it says nothing."""
    own = [name for name in ("__repr__", "__str__") if getattr(kind, name) is not getattr(object, name)]
    if "__repr__" not in own:
        return str(value)[:_LONGEST] if own else f"<{type_name(kind)}>"
    return _ADDRESS.sub("", repr(value))[:_LONGEST]


def _items(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(mapping.items())


def _text(value: str) -> str:
    return "".join(str.__iter__(value))


def _enum(value: enum.Enum) -> object:
    inner = value._value_
    return inner if type(inner) in (str, int, float, bool) else f"{type_name(type(value))}.{value._name_}"


def _model(value: Any) -> str:
    """A Django model by its label and key; its fields are the database's, not the log's."""
    key = value.__dict__.get(type(value)._meta.pk.attname)
    return f"{type(value)._meta.label}:{key}"


def _query_dict(value: Any) -> dict[str, object]:
    return {name: items[0] if len(items) == 1 else items for name, items in value.lists()}


def _request(value: Any) -> str:
    path = hide_path_segments(str(value.__dict__.get("path", "")).partition("?")[0])
    return f"<{type_name(type(value))} {value.__dict__.get('method', '')} {path}>"


def _lazy_object(value: Any) -> object:
    """A lazy object that was not needed yet stays unneeded."""
    wrapped = object.__getattribute__(value, "__dict__").get("_wrapped")
    if wrapped is None or type(wrapped) is object:
        return "<lazy>"
    return wrapped if type(wrapped) in PLAIN_TYPES else plain(wrapped, type(wrapped))


def _exception(value: BaseException) -> str:
    text = str(value)
    return f"{type_name(type(value))}: {text}" if text else type_name(type(value))


def _pydantic(value: Any) -> dict[str, object]:
    hidden = {name for name, field in type(value).model_fields.items() if not getattr(field, "repr", True)}
    fields = {name: item for name, item in value.__dict__.items() if name not in hidden}
    return {**fields, **(getattr(value, "__pydantic_extra__", None) or {})}


def _function(value: Any) -> str:
    return f"<function {getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}>"


def _named_tuple(value: Any) -> dict[str, object]:
    return dict(zip(type(value)._fields, tuple(value), strict=False))


def _type(value: type) -> str:
    return type_name(value)


_KNOWN: dict[type, Callable[[Any], object]] = {
    bytes: decoded,
    bytearray: decoded,
    memoryview: lambda value: decoded(value.tobytes()),
    datetime.datetime: datetime.datetime.isoformat,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    datetime.timedelta: datetime.timedelta.total_seconds,
    decimal.Decimal: str,
    fractions.Fraction: str,
    uuid.UUID: str,
    complex: str,
    range: repr,
    type: _type,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
    types.MethodType: _function,
    types.GeneratorType: lambda value: f"<generator {value.__qualname__}>",
    types.CoroutineType: lambda value: f"<coroutine {value.__qualname__}>",
    types.AsyncGeneratorType: lambda value: f"<async generator {value.__qualname__}>",
    types.ModuleType: lambda value: f"<module {value.__name__}>",
    partial: lambda value: f"<partial of {getattr(value.func, '__qualname__', type_name(type(value.func)))}>",
}
_NAMED: dict[str, Callable[[Any], object]] = {
    "django.db.models.base.Model": _model,
    "django.db.models.query.QuerySet": lambda value: f"<QuerySet of {value.model._meta.label}>",
    "django.db.models.query.RawQuerySet": lambda value: f"<RawQuerySet of {value.model._meta.label}>",
    "django.db.models.manager.BaseManager": lambda value: f"<Manager of {value.model._meta.label}>",
    "django.http.request.QueryDict": _query_dict,
    "django.utils.datastructures.MultiValueDict": _query_dict,
    "django.http.request.HttpRequest": _request,
    "django.http.response.HttpResponseBase": lambda value: f"<{type_name(type(value))} {value.status_code}>",
    "django.utils.functional.LazyObject": _lazy_object,
    "django.utils.functional.Promise": str,
    "django.contrib.sessions.backends.base.SessionBase": lambda value: f"<{type_name(type(value))}>",
    "django.core.files.base.File": lambda value: f"<{type_name(type(value))}>",
    "pydantic.main.BaseModel": _pydantic,
    "socket.socket": lambda value: f"<{type_name(type(value))}>",
    "_io._IOBase": lambda value: f"<{type_name(type(value))}>",
}
_BASES: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (enum.Enum, _enum),
    (str, _text),
    (bool, bool),
    (int, lambda value: int.__add__(value, 0)),
    (float, lambda value: float.__add__(value, 0.0)),
    (BaseException, _exception),
    (bytes, lambda value: decoded(bytes.__getitem__(value, slice(None)))),
    (datetime.datetime, datetime.datetime.isoformat),
    (datetime.date, datetime.date.isoformat),
    (pathlib.PurePath, str),
    (ipaddress._BaseAddress, str),
    (ipaddress._BaseNetwork, str),
    (uuid.UUID, str),
    (decimal.Decimal, str),
    (type, _type),
    (re.Pattern, lambda value: value.pattern),
    (dict, lambda value: dict(dict.items(value))),
    (Mapping, _items),
)
_SEQUENCES: tuple[type, ...] = (list, tuple, set, frozenset, deque, Set, KeysView, ValuesView, Sequence)
_SHAPES: tuple[tuple[str, Callable[[Any], object]], ...] = (
    ("_fields", _named_tuple),
    (
        "__attrs_attrs__",
        lambda value: {a.name: getattr(value, a.name, None) for a in type(value).__attrs_attrs__ if a.repr},
    ),
    (
        "__struct_fields__",
        lambda value: {name: getattr(value, name, None) for name in type(value).__struct_fields__},
    ),
    ("__next__", lambda value: f"<{type_name(type(value))}>"),
)
