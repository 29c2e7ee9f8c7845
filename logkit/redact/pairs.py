"""Names with values in a text: `password=x`, `"token": "x"`, `?code=x`, `Cookie: a=b`, `<pin>1</pin>`.

A name is found by what follows it, judged by the same key rules as a field's name, and its value is then read to its
end: a quoted text at any level of escaping, a bracketed subtree, the pairs of a cookie, or one bare word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from logkit.redact import keys, value_text
from logkit.redact.rule import Span
from logkit.redact.vocabulary import KEYS_OF_DATA, words

Verdict = Callable[[str], int]

_QUOTE = value_text.QUOTE
_PAIR = re.compile(
    rf"""
    (?P<name>\w(?<!\w\w)(?<!\w[.\-]\w)\w*+(?:[.\-]\w++)*+(?:(?:\[|%5[Bb])[\w\-'"]{{0,64}}(?:\]|%5[Dd]))*+)
    (?P<quote>{_QUOTE}?+)(?:(?<=["'])\])?+
    (?:[ \t]|%20)*+
    (?P<sep>===?|!==?|:=|=>|->|→|=|:(?![:/])|:(?=/[^/])|(?<=\w)::(?=[ ][A-Za-z0-9+/]{{4}})|%3[DdAa]|\\u003[DdAa])
    (?:[ \t]|%20)*+
    """,
    re.VERBOSE,
)
# Names of one word that only mean something after the word before them: `api key: x`, `card number: x`.
_TAILS = words(
    "key keys number no num code codes id word phrase answer link url credential birth passe khẩu response"
)
_SOURCE_FILES = (
    ".py", ".pyc", ".html", ".js", ".jsx", ".ts", ".tsx", ".vue", ".yaml", ".yml", ".json", ".toml", ".sql",
    ".txt", ".md", ".go", ".java", ".kt", ".scala", ".rb", ".php", ".rs", ".cs", ".c", ".cpp", ".h", ".lua",
    ".sh", ".swift", ".ex",
)  # fmt: skip
_NEXT_PAIR = re.compile(r"(?<=\w=)[ \t]{1,8}[A-Za-z_]{1,64}=[^\s=]")
# What a name belongs to: `Token(key=`, `"auth_token"."key" =`
_OWNER = re.compile(r"(\w{2,64})(?:[\"`\]]?\.[\"`\[]?|\((?:[^()]{0,64}, ?)?)\Z")
_NO_PAIRS = keys.NO_SECRETS - keys.BY_LOOK
_ESCAPES = {"\\": re.compile(r"(?:[nrt]|u00[0-9a-f]{2})(?=\w)"), "%": re.compile(r"[0-9A-Fa-f]{2}(?=\w)")}


class Pairs:
    """Finds pairs; `verdict` is the key rules' verdict on a name."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def find(self, text: str) -> Iterator[Span]:
        position = 0
        while match := _PAIR.search(text, position):
            position = match.end()
            name = match["name"]
            start = match.start()
            if start and text[start - 1] in "\\%" and (escape := _ESCAPES[text[start - 1]].match(name)):
                name = name[escape.end() :]  # the n of a literal \n, the 3F of %3F
            if "%" in name:
                name = name.replace("%5B", "[").replace("%5b", "[")  # user%5Bpassword%5D
            if name.endswith(_SOURCE_FILES):
                continue  # auth/password.py:12
            if text[start - 1 : start] == "/" and match["sep"] in ("->", "→"):
                continue  # feature/reset-password -> origin/feature/reset-password
            if text[max(0, start - 2) : start] == "${":
                continue  # ${PASSWORD:?required}
            verdict = self._verdict(name)
            if verdict in keys.NO_SECRETS and (
                name.lower() in _TAILS or (name.isdecimal() and len(name) < 3)
            ):
                name, verdict = self._with_words_before(text, start, name, verdict)
            if verdict == keys.TOKEN:
                verdict = self._verdict_on_member(text, start, name)
            if verdict in _NO_PAIRS:
                continue
            if (
                match["sep"] == ":"
                and text[start - 1 : start] == ":"
                and "arn:" in text[max(0, start - 80) : start]
            ):
                continue  # the name of a secret at Amazon's
            if match["sep"] == ":" and ".INVALID_" in name:
                continue  # ldap.INVALID_CREDENTIALS: {'desc': ...}
            if match["sep"] == "=" and _NEXT_PAIR.match(text, match.end("sep")):
                continue  # `password= user=bob`
            outer = text[start - 1 : start] if match["quote"] == "" else value_text.QUOTED
            for span in value_text.values(text, position, name, verdict, sep=match["sep"], outer=outer):
                yield span
                position = span[1]

    def _verdict_on_member(self, text: str, start: int, name: str) -> int:
        """The verdict on `Token(key=...)` and `"auth_token"."key" = ...` with the name of what it belongs to."""
        owner = _OWNER.search(text, max(0, start - 80), start)
        verdict = self._verdict(f"{owner[1]}_{name}") if owner else keys.TOKEN
        return keys.TOKEN if verdict in keys.NO_SECRETS else verdict

    def _with_words_before(self, text: str, start: int, name: str, verdict: int) -> tuple[str, int]:
        before = text[max(0, start - 50) : start]
        if not before.endswith(" "):
            return name, verdict
        above = before.split()[-2:]
        above = above[max((place + 1 for place, word in enumerate(above) if word[-1] in ",;:{"), default=0) :]
        if name.isdecimal() and (not above or above[-1].lower() not in _TAILS):
            return name, verdict  # only `Unseal Key 1: x`
        if name.lower() == "key" and above and above[-1].lower() in KEYS_OF_DATA:
            return name, keys.PLAIN  # `public key: x`
        while above:
            longer = " ".join([*above, name])
            if (found := self._verdict(longer)) not in keys.NO_SECRETS:
                return longer, found
            del above[0]
        return name, verdict
