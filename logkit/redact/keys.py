"""Names to verdicts: is what stands under this name a secret? (P01)

Whole words decide, after splitting at `_ - .`, at camelCase humps and at digits; `author` and `compass` are no secrets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from logkit.redact import vocabulary as vocab

PLAIN = 0  # the value rules alone decide
SECRET = 1  # all of it is hidden, numbers included
COUNT = 2  # hidden, but a bare number is a count
TOKEN = 3  # hidden when the value looks like a random token
REFERENCE = 4  # survives only when the value is a pseudonym
STATEMENT = 5  # SQL: what stands in quotes in it is hidden
PARAMETERS = 6  # hidden beside a statement
CONTACT = 7  # hidden when the value looks like an address or a number to call
_BY_NAME = {
    "session": REFERENCE,
    "sql": STATEMENT,
    "params": PARAMETERS,
    "parameters": PARAMETERS,
    "authentication": SECRET,
}
BY_LOOK = frozenset([TOKEN, CONTACT])  # the name says too little without the value
NO_SECRETS = frozenset([PLAIN, STATEMENT, PARAMETERS, *BY_LOOK])  # by their name alone

_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z\u00c0-\uffff]+|[A-Z]+")
_LONGEST = 128  # a longer name is data
_MOST = 4096
_ALGORITHMS = frozenset(["sha", "ed", "v"])  # after the name of a signature


def split(name: str) -> list[str]:
    """The lower-case words of a name: `newPassword2` is new, password; `X-CSRFToken` is x, csrf, token."""
    return [word.lower() for word in _HUMP.findall(name)]


def django_cookie_names() -> tuple[str, ...]:
    """What the settings of Django call the session and CSRF cookies; nothing when Django is not in use."""
    django = sys.modules.get("django.conf")
    if django is None or not django.settings.configured:
        return ()
    return (django.settings.SESSION_COOKIE_NAME, django.settings.CSRF_COOKIE_NAME)


class KeyRules:
    """Verdicts on names, remembered; the memory is bounded because names can be chosen by an attacker."""

    __slots__ = ("_allowed", "_extra", "_hidden", "_telling", "_verdicts")

    def __init__(
        self, *, extra: Iterable[str] = (), allowed: Iterable[str] = (), hidden_names: Iterable[str] = ()
    ) -> None:
        self._extra = frozenset(tuple(split(word)) for word in extra) - {()}
        self._allowed = frozenset("".join(split(name)) for name in allowed)
        self._hidden = frozenset(name.lower() for name in hidden_names if name)
        # No name without one of these words is worth a closer look.
        self._telling = (
            vocab.WIDE
            | vocab.NARROW
            | vocab.WEAK
            | vocab.SIGNATURES
            | vocab.CONTACTS
            | {pair[-1] for pair in (*vocab.PAIRS, *self._extra)}
            | {"ref"}
            | _ALGORITHMS
        )
        self._verdicts: dict[str, int] = {}

    def verdict(self, name: str) -> int:
        """What the name says about its value: one of the constants above."""
        known = self._verdicts.get(name)
        if known is not None:
            return known
        found = self._judge(name) if len(name) <= _LONGEST else self._judge(name[-_LONGEST:])
        if len(name) <= _LONGEST:
            if len(self._verdicts) >= _MOST:
                self._verdicts = {}
            self._verdicts[name] = found
        return found

    def _judge(self, name: str) -> int:
        low = name.lower()
        if low in self._hidden or (
            low in vocab.WIDE and low not in vocab.COUNTABLE and low not in self._allowed
        ):
            return SECRET
        if (known := _BY_NAME.get(name)) is not None and name not in self._allowed:
            return known
        words = split(name)
        if self._telling.isdisjoint(words) and not any(map(_is_run_together, words)):
            return PLAIN  # most names
        flat = "".join(words)
        if flat in self._allowed:
            return PLAIN
        if name.lower().endswith(("_ref", "-ref")) or (words[-1] == "ref" and name.endswith("Ref")):
            stem = words[:-1]
            if stem[0] == "secret" and name.endswith("Ref"):
                return PLAIN  # `secretKeyRef: {name: db, key: password}` of Kubernetes names one
            if any(word in vocab.REFERENCES for word in stem) or self._sensitive(stem):
                return REFERENCE
        if self._sensitive(words):
            return SECRET if vocab.COUNTABLE.isdisjoint(words[-2:]) else COUNT
        if words[0] not in vocab.BEFORE and not vocab.CONTACTS.isdisjoint(
            words[-2:] if words[-1] == "address" else words[-1:]
        ):
            return CONTACT
        return TOKEN if _is_weak(words) else PLAIN

    def _sensitive(self, words: list[str]) -> bool:
        groups = [
            (start, tuple(words[start : start + size])) for start in range(len(words)) for size in (1, 2, 3)
        ]
        if self._extra and any(group in self._extra for _, group in groups):
            return True
        if any(group in vocab.PAIRS and not _vetoed(words, start + len(group)) for start, group in groups):
            return True
        for position, word in enumerate(words):
            if position and words[position - 1] in vocab.BEFORE:
                continue
            if word in vocab.WIDE or _is_run_together(word):
                if not _vetoed(words, position + 1):
                    return True
            elif word in vocab.NARROW and _carries(words, position):
                return True
        return False


def _vetoed(words: list[str], after: int) -> bool:
    """Does what follows, or what the name starts with, turn the secret into a fact about it?"""
    if words[0] in vocab.BEFORE:
        return True
    return after < len(words) and (words[after] in vocab.AFTER or words[-1] in vocab.AFTER)


def _carries(words: list[str], position: int) -> bool:
    if words[0] in vocab.BEFORE:
        return False
    if words[position] == "pass" and position and words[position - 1] in vocab.BEFORE_PASS:
        return False
    return position + 1 == len(words) or (
        words[position + 1] in vocab.CARRIERS and words[-1] not in vocab.AFTER
    )


def _is_run_together(word: str) -> bool:
    return (
        len(word) > 6
        and word not in vocab.NOT_RUN_TOGETHER
        and not (word.startswith(("is", "has")) and word.removeprefix("is").removeprefix("has") in vocab.WIDE)
        and (word.endswith(vocab.ENDS) or word.startswith(vocab.STARTS))
    )


def _is_weak(words: list[str]) -> bool:
    if words[-1] in _ALGORITHMS:  # `X-Shopify-Hmac-Sha256`, `X-Signature-Ed25519`
        words = words[:-1]
    return words[-1:] != [] and (
        words[-1] in vocab.SIGNATURES
        or (len(words) == 1 and words[0] in vocab.WEAK)
        or (words[-1] == "key" and vocab.KEYS_OF_DATA.isdisjoint(words))
    )
