"""Reads `lines.txt`: one labelled line a line, under headings of kinds (`§ url`).

- `«...»` is a secret. ` ||| a | b` at the end are parts that must come out; without them and without secrets, all must.
- A line of a kind of fields is JSON: the fields of a record. `⏎` is a newline.
- `⟨A20⟩` is made anew: 20 letters and digits; see `_ALPHABETS`. `⟨UUID⟩`, `⟨ULID⟩`, `⟨JWT⟩`, `⟨JWE⟩`, `⟨IBAN:DE⟩`,
  `⟨CARDvi⟩` and `⟨BASIC:user:x⟩` have a valid structure and valid check digits; IBANs and cards that end in `sp` or
  `da` stand in groups with spaces or dashes.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from collections.abc import Iterator

from tests.redaction.case import Case

_ALNUM = string.ascii_letters + string.digits
_ALPHABETS = {
    "A": _ALNUM,
    "B": _ALNUM + "+/",
    "C": string.ascii_uppercase,
    "D": string.digits,
    "H": "0123456789abcdef",
    "K": string.ascii_lowercase + string.digits,
    "L": string.ascii_lowercase,
    "N": "123456789",
    "T": "abcdefghijklmnopqrstuvwxyz234567",
    "U": string.ascii_uppercase + string.digits,
    "W": _ALNUM + "-_",
    "X": "0123456789ABCDEF",
}
_CARDS = {
    "vi": ("4", 16),
    "mc": ("53", 16),
    "m2": ("2223", 16),
    "am": ("37", 15),
    "di": ("6011", 16),
    "jc": ("3530", 16),
}
_IBANS = {"DE": 18, "GB": 18, "FR": 23, "NL": 14, "ES": 20, "CH": 17, "PL": 24, "BE": 12, "IT": 23, "SE": 20}
_MADE = re.compile("⟨([^⟩]+)⟩")
_SECRET = re.compile("«(.*?)»", re.DOTALL)


def parse(text: str, *, seed: int) -> Iterator[Case]:
    """The labelled lines of `text`; the same `seed` makes the same tokens."""
    make = _Maker(random.Random(seed))
    kind = ""
    for line in text.splitlines():
        if line.startswith("§ "):
            kind = line[2:]
        elif line:
            yield _case(kind, _MADE.sub(lambda match: make.token(match[1]), line.replace("⏎", "\n")))


def _case(kind: str, line: str) -> Case:
    labelled, _, parts = line.partition(" ||| ")
    secrets = tuple(_SECRET.findall(labelled))
    plain = labelled.replace("«", "").replace("»", "")
    keep = tuple(parts.split(" | ")) if parts else ()
    if "field" in kind:
        fields = json.loads(plain)
        if not keep and not secrets:
            keep = tuple(_dumped({name: value})[1:-1] for name, value in fields.items())
        return Case(kind, fields, secrets, keep)
    return Case(kind, plain, secrets, keep or (() if secrets else (plain,)))


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def token(self, shape: str) -> str:
        """What stands for `⟨shape⟩`."""
        if shape == "UUID":
            digits = self._some("H", 30)
            return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"
        if shape == "ULID":
            return "01J" + "".join(self._chance.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=23))
        if shape == "JWT":
            claims = {"sub": self._some("D", 6), "exp": self._chance.randrange(10**9)}
            return ".".join([_segment({"alg": "HS256", "typ": "JWT"}), _segment(claims), self._some("W", 43)])
        if shape == "JWE":
            rest = [self._some("W", size) for size in (16, 60, 22)]
            return ".".join([_segment({"alg": "dir", "enc": "A256GCM"}), "", *rest])
        if shape.startswith("BASIC:"):
            return base64.b64encode(shape[6:].encode()).decode()
        if shape.startswith("CARD"):
            return _grouped(self._card(shape[4:6]), shape[6:])
        if shape.startswith("IBAN:"):
            return _grouped(self._iban(shape[5:7]), shape[7:])
        return self._some(shape[0], int(shape[1:]))

    def _some(self, alphabet: str, size: int) -> str:
        return "".join(self._chance.choices(_ALPHABETS[alphabet], k=size))

    def _card(self, issuer: str) -> str:
        prefix, length = _CARDS[issuer]
        digits = prefix + self._some("D", length - len(prefix) - 1)
        total = 0
        for position, digit in enumerate(reversed(digits)):
            number = int(digit) * (2 if position % 2 == 0 else 1)
            total += number - 9 if number > 9 else number
        return digits + str(-total % 10)

    def _iban(self, country: str) -> str:
        account = self._some("D", _IBANS[country])
        if country in ("GB", "NL"):
            account = self._some("C", 4) + account[4:]
        number = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
        return f"{country}{98 - number % 97:02}{account}"


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(_dumped(value).encode()).decode().rstrip("=")


def _grouped(text: str, how: str) -> str:
    if not how:
        return text
    cuts = [0, 4, 10, 15] if len(text) == 15 else range(0, len(text) + 4, 4)
    groups = [text[start:end] for start, end in zip(cuts, list(cuts)[1:], strict=False)]
    return ("-" if how == "da" else " ").join(group for group in groups if group)
