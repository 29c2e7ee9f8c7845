"""The context on its way to another process: which fields travel, how they are signed, what is believed on arrival.

A carrier is one text, `1:<hex HMAC-SHA256>:<JSON object>`. The signature covers the id of the task it belongs to, so
that a carrier copied to another task is not believed. Anyone who can write to the broker can write a carrier:
without a right signature the ids still correlate, but whom it names is not believed. (C06, C18, decision 19)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import orjson

from logkit.trace import is_request_id

HEADER = "logkit"  # the one key in a task's headers

_VERSION = "1"
_LONGEST = 4096  # characters of a carrier
_LONGEST_VALUE = 256
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_VALID: dict[str, Callable[[object], bool]] = {
    "request_id": is_request_id,
    "trace_id": lambda value: isinstance(value, str) and _TRACE_ID.fullmatch(value) is not None,
    "span_id": lambda value: isinstance(value, str) and _SPAN_ID.fullmatch(value) is not None,
}
_BELIEVED = (
    "user_id",
    "session",
    "client_ip",
    "on_behalf_of",
    "schedule",
)  # only when the signature is right


@dataclass(frozen=True, slots=True)
class Carried:
    """What arrived: fields for the context, whether the signature is right, and when it was packed."""

    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    is_signed: bool = False
    sent_ms: int | None = None  # Unix time in ms


def derive_key(secret: str) -> bytes:
    """The carrier's own key; the pseudonym key itself signs nothing."""
    return hmac.digest(secret.encode(), b"logkit carrier v1", hashlib.sha256)


def pack(context: Mapping[str, object], *, task_id: str, key: bytes, sent_ms: int) -> str:
    """A carrier of the fields of `context` that may travel; never raises, whatever the context holds. (C04)"""
    fields = {}
    for name in (*_VALID, *_BELIEVED):
        value = context.get(name)
        if type(value) in (str, int) and len(text := str(value)) <= _LONGEST_VALUE and text.isascii():
            fields[name] = text
    body = orjson.dumps({"sent_ms": sent_ms, "fields": fields})
    return f"{_VERSION}:{_sign(body, task_id, key)}:{body.decode()}"


def unpack(carrier: object, *, task_id: str, key: bytes) -> Carried:
    """What `carrier` says that can be believed; nothing at all when it is no carrier."""
    if not isinstance(carrier, str) or len(carrier) > _LONGEST:
        return Carried()
    version, _, rest = carrier.partition(":")
    signature, _, body = rest.partition(":")
    if version != _VERSION:
        return Carried()
    try:
        data = orjson.loads(body)
        given, sent_ms = data["fields"], data["sent_ms"]
        values = {name: given[name] for name in (*_VALID, *_BELIEVED) if name in given}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Carried()
    is_signed = signature.isascii() and hmac.compare_digest(signature, _sign(body.encode(), task_id, key))
    fields = {name: value for name, value in values.items() if name in _VALID and _VALID[name](value)}
    if is_signed:
        fields |= {name: values[name] for name in _BELIEVED if _is_short_text(values.get(name))}
    in_range = type(sent_ms) is int and 0 < sent_ms < 2**53
    return Carried(MappingProxyType(fields), is_signed, sent_ms if in_range else None)


def _is_short_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_VALUE


def _sign(body: bytes, task_id: str, key: bytes) -> str:
    return hmac.digest(key, task_id.encode("utf-8", "replace") + b"\0" + body, "sha256").hex()
