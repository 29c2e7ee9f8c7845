"""Value rules: what is hidden in a text wherever it stands. (P02)

Cheap signs first, then the rules that they call for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from logkit.redact import credentials, personal, sentences
from logkit.redact.marker import FAILED
from logkit.redact.pairs import PairRules
from logkit.redact.rule import AT, DIGITS, LONG, PAIR, PEM, URL, WORDS, Rule

_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){7}")
_QUIET = re.compile(r"[\w .,;/()\[\]#!?\-\n]*+")  # nothing here can be an address, a pair or an encoding
_PAIRS = ("=", ":", "%3", "<", "->", '",', "',")
_AT_SIGNS = ("@", "%40", "u0040", "&#64;", "&commat;")
_LONG = 16


def signs_of(text: str) -> int:
    """The signs that `text` shows; a text without any is clean."""
    signs = 0
    if not _QUIET.fullmatch(text):
        if any(map(text.__contains__, _PAIRS)):
            signs = PAIR
            if "://" in text or ":\\/" in text:
                signs = PAIR | URL
        if any(map(text.__contains__, _AT_SIGNS)):
            signs |= AT
    if "--" in text:
        signs |= PAIR | PEM if "-----" in text else PAIR
    words = text.split()
    if len(words) > 1:
        signs |= WORDS
        if len(text) >= _LONG and max(map(len, words)) >= _LONG:
            signs |= LONG
    elif len(text) >= _LONG:
        signs |= LONG
    if len(text) >= 8 and _DIGITS.search(text):
        signs |= DIGITS
    return signs


class ValueRules:
    """All value rules in their order; those about names ask `verdict`, the key rules' verdict on a name."""

    __slots__ = ("_by_signs", "rules")

    def __init__(self, verdict: Callable[[str], int]) -> None:
        self.rules: tuple[Rule, ...] = (
            *credentials.RULES,
            *PairRules(verdict).rules,
            *credentials.AFTER_PAIRS,
            *personal.RULES,
            *sentences.RULES,
        )
        self._by_signs = tuple(
            tuple(each for each in self.rules if each.signs & signs) for signs in range(2 * WORDS)
        )

    def called_for(self, text: str) -> list[Rule]:
        """The rules that are worth a try on `text`."""
        rules = self._by_signs[signs_of(text)]
        if not rules:
            return []
        contains = text.lower().__contains__
        return [each for each in rules if not each.needs or any(map(contains, each.needs))]

    def scrub(self, text: str) -> str:
        """`text` without secrets; the very same object when there are none. Never raises. (P05)"""
        try:
            for each in self.called_for(text):
                text = each.apply(text)
        except Exception:  # noqa: BLE001 - nothing of the text may go out when it could not be looked at
            return FAILED
        return text

    def explain(self, text: str) -> Iterator[tuple[str, str, str]]:
        """The rules that hide something of `text`, in order: rule, what it hides, what stands there instead."""
        for each in self.called_for(text):
            for start, end, instead in each.find(text):
                yield each.name, text[start:end], instead
            text = each.apply(text)
