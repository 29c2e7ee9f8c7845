"""Keyed pseudonyms: the same person under the same key is the same value, and nobody without the key can go back.

`h1:<key id>:<hex>`: version 1, HMAC-SHA256 (RFC 2104), domain separated by type. (Decision 13)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable

KINDS = ("email", "phone", "session", "token", "identifier")
_PSEUDONYM = re.compile(r"h1:[A-Za-z0-9_\-]{1,16}:[0-9a-f]{32}")
_LEAST_KEY_BYTES = 16


def is_pseudonym(value: object) -> bool:
    """Is `value` the text of a pseudonym?"""
    return type(value) is str and _PSEUDONYM.fullmatch(value) is not None


class Pseudonyms:
    """Makes pseudonyms under `key`; under `old_keys`, newest first, they can still be asked for.

    Raises `ValueError` for a key shorter than 16 bytes.
    """

    __slots__ = ("_keys",)

    def __init__(self, key: str | bytes, *, old_keys: Iterable[str | bytes] = ()) -> None:
        self._keys = tuple(_Key(each) for each in (key, *old_keys))

    def __repr__(self) -> str:
        return f"Pseudonyms({', '.join(key.id for key in self._keys)})"

    @property
    def key_id(self) -> str:
        """The id of the key in use: it is derived from the key and tells nothing about it."""
        return self._keys[0].id

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of `value`; `kind` is email, phone, session, token, identifier or a word of yours.

        An e-mail address is the same in any case, a telephone number in any spelling.
        """
        return self._keys[0].pseudonym(kind, value)

    def all_of(self, kind: str, value: str) -> tuple[str, ...]:
        """The pseudonyms under every key, the newest first: what to look for in older lines."""
        return tuple(key.pseudonym(kind, value) for key in self._keys)


class _Key:
    __slots__ = ("_secret", "id")

    def __init__(self, key: str | bytes) -> None:
        raw = key.encode() if isinstance(key, str) else bytes(key)
        if len(raw) < _LEAST_KEY_BYTES:
            raise ValueError(f"a pseudonym key has {len(raw)} bytes; give at least {_LEAST_KEY_BYTES}")
        self._secret = hmac.digest(raw, b"logkit pseudonym v1", "sha256")
        self.id = hmac.digest(raw, b"logkit pseudonym key id v1", "sha256").hex()[:8]

    def pseudonym(self, kind: str, value: str) -> str:
        if kind == "identifier" and "@" in value:
            kind = "email"  # what was typed to log in names the same person
        message = kind.encode() + b"\0" + normalised(kind, value).encode("utf-8", "surrogatepass")
        return f"h1:{self.id}:{hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]}"


def normalised(kind: str, value: str) -> str:
    """The one spelling of what people spell in several ways."""
    text = unicodedata.normalize("NFKC", value).strip()
    if kind in ("email", "identifier"):
        return text.casefold()
    if kind == "phone":
        digits = "".join(char for char in text if char.isdigit())
        return "+" + (digits[2:] if text.startswith("00") else digits)
    return value if kind in ("session", "token") else text
