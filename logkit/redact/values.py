"""Value rules: what is hidden in a text wherever it stands. (P02)

Cheap signs first, then the rules that they call for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from logkit.errors import raise_if_asynchronous
from logkit.redact import codes, commands, credentials, links, personal, sentences, statements
from logkit.redact.marker import FAILED
from logkit.redact.named import NamedRules
from logkit.redact.pairs import Pairs
from logkit.redact.rule import ALL, AT, DIGITS, FOREIGN, LONG, LOUD, PAIR, PEM, URL, WORDS, Rule

# Most texts: words and small numbers, nothing that could be an address, a pair, an encoding or a long number.
_CALM = re.compile(
    r"[a-zA-Z_ .,;/()\[\]#!?\n\-]*+(?:[0-9]{1,7}+[_ .,;/()\[\]#!?\n\-]*+(?:[a-zA-Z][a-zA-Z_ .,;/()\[\]#!?\n\-]*+|$))*+"
)
_QUIET = re.compile(r"[\w .,;/()\[\]#!?\n\-]*+")
_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){7}")
_PAIRS = ("=", ":", "%3", "u003", "<", "->", "→", '",', "',", '" ,', "' ,")
_AT_SIGNS = ("@", "%40", "u0040", "&#64;", "&commat;")
_LONG = 16
_END = ""  # of a text in the tree of `_one_of`
# Long words that are no tokens: UUIDs, and paths, files, events and modules whose parts are words or short.
_KNOWN_WORD = re.compile(
    r"[\"'(\[]?(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?:(?:[a-z]++(?:[_\-][a-z]++)*+|[\w\-]{0,15}+)(?:[./,](?!/)|(?![\w\-./,])))++)[\"')\],.;:]{0,2}"
)


def signs_of(text: str) -> int:
    """The signs that `text` shows; a text without any is clean."""
    signs = 0
    if not _CALM.fullmatch(text):
        if not _QUIET.fullmatch(text):
            signs = _loud_signs(text)
        if not text.isascii():
            signs |= FOREIGN
        if _DIGITS.search(text):
            signs |= DIGITS
    if "--" in text:
        signs |= PAIR | PEM if "----" in text else PAIR
    words = text.split()
    if len(words) > 1:
        signs |= WORDS
        if max(map(len, words)) < _LONG:
            return signs
    elif len(text) < _LONG:
        return signs
    for word in words:
        if len(word) >= _LONG and not _KNOWN_WORD.fullmatch(word):
            return signs | LONG
    return signs


def _loud_signs(text: str) -> int:
    signs = LOUD
    if any(map(text.__contains__, _PAIRS)):
        signs = LOUD | PAIR
        if "://" in text or ":\\/" in text:
            signs = LOUD | PAIR | URL
    if any(map(text.__contains__, _AT_SIGNS)):
        signs |= AT
    return signs


# A letter of an escape is no part of the word behind it: `\\nghp_...` in a repr, `%3Dghp_...` in a URL.
_ESCAPE = re.compile(r"(?:\\(?:[nrtfv]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|%[0-9A-Fa-f]{2})(?=[\w+])")
_ESCAPING = frozenset("\\%")
_AWAY = {code: 0xE000 + code for code in range(128)}  # characters for private use: no rule knows them
_BACK = {away: code for code, away in _AWAY.items()}
_WAS_ESCAPE = re.compile("\x0b[\ue000-\ue07f]+")


def _apart(text: str) -> str:
    """`text` with every escape before a word made into what separates words; the same object without any."""
    apart = _ESCAPE.sub(lambda match: "\x0b" + match[0].translate(_AWAY), text)
    return text if apart == text else apart


def _together(text: str) -> str:
    return _WAS_ESCAPE.sub(lambda match: match[0][1:].translate(_BACK), text)


def _one_of(texts: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds any of `texts`, common beginnings once: faster than asking for one after the other."""
    root: dict[str, Any] = {}
    for text in texts:
        node = root
        for char in text:
            node = node.setdefault(char, {})
        node[_END] = {}
    return re.compile(_branches(root))


def _branches(node: dict[str, Any]) -> str:
    if _END in node:
        return ""  # what is longer is found with it
    branches = [re.escape(char) + _branches(below) for char, below in sorted(node.items())]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


class ValueRules:
    """All value rules in their order; those about names ask `verdict`, the key rules' verdict on a name."""

    __slots__ = ("_by_signs", "_telling", "rules")

    def __init__(self, verdict: Callable[[str], int]) -> None:
        self.rules: tuple[Rule, ...] = (
            *credentials.RULES,
            Rule("name and value", PAIR, Pairs(verdict).find),
            *NamedRules(verdict).rules,
            *credentials.AFTER_PAIRS,
            *links.RULES,
            *personal.RULES,
            *sentences.RULES,
            *codes.RULES,
            *commands.RULES,
            *statements.RULES,
        )
        self._by_signs = tuple(
            tuple(each for each in self.rules if each.signs & signs) for signs in range(ALL + 1)
        )
        # What a text without any other sign can contain of them.
        self._telling = _one_of(
            need
            for each in self._by_signs[WORDS]
            for need in each.needs
            if need.isascii() and _QUIET.fullmatch(need)
        ).search

    def called_for(self, text: str, signs: int) -> list[Rule]:
        """The rules that are worth a try on `text`, which shows `signs`."""
        low = text.lower()
        if low[0] == "-":
            low = f" {low}"
        if signs == WORDS and self._telling(low) is None:
            return []  # most sentences
        contains = low.__contains__
        return [each for each in self._by_signs[signs] if not each.needs or any(map(contains, each.needs))]

    def scrub(self, text: str) -> str:
        """`text` without secrets; the very same object when there are none. Never raises. (P05)"""
        signs = signs_of(text)
        if not signs:
            return text
        try:
            text = self._once(text, signs)
            if _ESCAPING.isdisjoint(text) or (apart := _apart(text)) is text:
                return text
            scrubbed = self._once(apart, signs_of(apart))
            return text if scrubbed is apart else _together(scrubbed)
        except Exception as error:  # noqa: BLE001 - nothing of the text may go out when it could not be looked at
            raise_if_asynchronous(error)
            return FAILED

    def _once(self, text: str, signs: int) -> str:
        for each in self.called_for(text, signs):
            text = each.apply(text)
        return text

    def explain(self, text: str) -> Iterator[tuple[str, str, str]]:
        """The rules that hide something of `text`, in order: rule, what it hides, what stands there instead."""
        for way in (str, _apart):
            text = way(text)
            for each in self.called_for(text, signs_of(text)):
                for start, end, instead in each.find(text):
                    yield each.name, _together(text[start:end]), instead
                text = each.apply(text)
