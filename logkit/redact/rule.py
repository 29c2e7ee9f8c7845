"""What a value rule is: a name, the signs of a text that make it worth a try, and a search that says what to hide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Signs: facts about a text that are cheap to see. A rule runs only on texts that show one of its signs.
AT = 1  # @ or one of its encodings
PAIR = 2  # = or : or their encodings, a tag, an arrow, quotes with a comma, a long option
LONG = 4  # a word of 16 characters or more
DIGITS = 8  # eight digits or more with little between them
PEM = 16  # -----
URL = 32  # ://
WORDS = 64  # more than one word
LOUD = 128  # a character that plain sentences do without: a quote, a colon, a dollar sign
FOREIGN = 256  # characters beyond ASCII
ALL = 2 * FOREIGN - 1

OPTION = (" -", "--")  # an option of a command line; the start of a text counts as a space
QUOTED_OPTION = ("'-", '"-')

Span = tuple[int, int, str]  # start, end, what stands there instead


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing to hide.

    `find` yields what to hide from left to right, and is linear in the text (P04). `needs` are texts, in lower case,
    one of which a text must contain to be worth the search; none means any text with one of the `signs`.
    """

    name: str
    signs: int
    find: Callable[[str], Iterator[Span]]
    needs: tuple[str, ...] = ()

    def apply(self, text: str) -> str:
        """`text` without what the rule hides; the very same object when there is nothing."""
        position = 0
        pieces: list[str] = []
        for start, end, instead in self.find(text):
            if start >= position:
                pieces += (text[position:start], instead)
                position = end
        return "".join([*pieces, text[position:]]) if pieces else text


def by_pattern(
    pattern: re.Pattern[str],
    instead: str,
    *,
    group: str | tuple[str, ...] = "",
    unless: Callable[[re.Match[str]], bool] | None = None,
) -> Callable[[str], Iterator[Span]]:
    """A search that hides every match, or the first of the groups `group` that took part.

    `unless` takes a match back.
    """
    groups = (group,) if isinstance(group, str) else group

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            if unless is None or not unless(match):
                place: str | int = next((each for each in groups if each and match[each] is not None), 0)
                yield match.start(place), match.end(place), instead

    return find
