"""Value rules for people's data: e-mail, telephone, payment card, IBAN, US social security number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact.marker import hidden
from logkit.redact.rule import AT, DIGITS, LONG, Rule, Span, by_pattern
from logkit.redact.validators import iban_length, is_card, is_phone, is_ssn
from logkit.redact.vocabulary import words

_EMAIL = re.compile(
    r"(?P<local>(?<![\w.+%\-!#$^~])(?<!\w')[\w.+%\-!#$^~](?:[\w.+%\-!#$^~]|'(?=\w))*+|\"[^\"\r\n]{1,64}\""
    r"|\\\"[^\"\r\n\\]{1,64}\\\")"
    r"@(?P<domain>[\w\-]++(?:\.[\w\-]++)*+)"
)
_ENCODED_EMAIL = re.compile(
    r"(?<![\w.+\-])[\w.+\-](?:[\w.+\-]|%2[Bb]){0,64}+(?:%40|\\u0040|&\#64;|&commat;)(?P<domain>[\w\-]++(?:\.[\w\-]++)++)"
)
_ENDS_OF_FILES = words(
    """
    png jpg jpeg gif webp svg avif ico bmp tiff css js mjs json map html htm xml txt py pyc md yml yaml toml lock
    log csv
    """
)


def _is_domain(domain: str) -> bool:
    labels = domain.split(".")
    top = labels[-1]
    return (
        len(labels) > 1
        and len(top) > 1
        and (top.isalpha() or top.lower().startswith("xn--"))
        and top.lower() not in _ENDS_OF_FILES
        and not any(label.startswith("-") or label.endswith("-") for label in labels)
    )


_MESSAGE_ID = re.compile(r"(?i)(?:message-id|in-reply-to|references)[=:] ?<?\Z")


def _is_no_email(match: re.Match[str]) -> bool:
    text, start, local = match.string, match.start(), match["local"]
    if not _is_domain(match["domain"]):
        return True
    if _MESSAGE_ID.search(text, max(0, start - 24), start):
        return True
    if text[start - 3 : start] == "://":  # user@host of a URL without a password
        return True
    if text[match.end() : match.end() + 2] in (":/", ":~"):  # deploy@host:/srv of scp and rsync
        return True
    # `git@github.com:team/repository.git` and Celery's names of its workers address machines.
    return (local == "git" and text[match.end() : match.end() + 1] in (":", "/")) or local == "celery"


def _is_no_encoded_email(match: re.Match[str]) -> bool:
    return not _is_domain(match["domain"])


_PHONE = re.compile(
    r"(?:\+(?<![\w+.]\+)|%2[Bb](?<![\w+.]%2.)|00(?<![\w+.]00)(?<!\d[,\-]00)(?<![A-Z0-9] 00)(?=[1-9]\d{0,2}[ \-.]))"
    r"(?P<number>\(?[1-9](?:(?:[ \-./\u00a0]"
    r"|%20)?[()]?(?:[ \-./\u00a0]|%20)?[0-9]){6,14})(?![0-9])(?![:.][0-9])"
)
# (415) 555-0132: nothing else is written like this. After its name, a number may be written in any way.
_NATIONAL = re.compile(
    r"(?<![\w)])\([2-9]\d\d\)[ \u00a0]?[2-9]\d\d[\-. ]\d{4}(?!\w)"
    r"|(?i:(?:phone|mobile|cell|fax)(?: number| no\.?)?(?: is| was)? )"
    r"(?P<secret>\(?\d(?:[ ().\-/]{0,3}\d){6,14})(?![\w\-])"
)
_DECIMAL = re.compile(r"\d+\.\d+")


def _is_no_phone(match: re.Match[str]) -> bool:
    number = match["number"].replace("%20", " ")
    if _DECIMAL.fullmatch(number):
        return True
    return not is_phone("".join(char for char in number if char.isdigit()))


_CARD = re.compile(
    r"[0-9](?<![A-Za-z0-9_].)(?<!\d[.,\-+/].)(?:"
    r"[0-9]{11,18}"
    r"|[0-9]{3}(?P<sep>[ \-\u00a0])[0-9]{4}(?P=sep)[0-9]{4}(?P=sep)[0-9]{1,4}(?:(?P=sep)[0-9]{3})?"
    r"|[0-9]{3}(?P<other>[ \-\u00a0])[0-9]{6}(?P=other)[0-9]{4,5}"
    r")(?![A-Za-z0-9_])(?![.,\-][0-9])(?!/[0-9](?![0-9](?![0-9])|[0-9]{3}(?![0-9])))(?!-[A-Za-z0-9])"
)
_WITHIN_IBAN = re.compile(r"\b[A-Z]{2}\d\d(?: [A-Z0-9]{4}){0,8} \Z")
_CARD_WORD = re.compile(
    r"(?i)\b(?:card|cards|pan|cc|visa|charge|charged|payment|uatp|maestro|gateway|expiry|cvv|raw input)\b"
)


def _is_no_card(match: re.Match[str]) -> bool:
    digits = match[0] if match[0].isdecimal() else "".join(char for char in match[0] if char.isdecimal())
    if _WITHIN_IBAN.search(match.string[max(0, match.start() - 40) : match.start()]):
        return True
    if is_card(digits):
        return False
    if not is_card(digits, near_card_word=True):
        return True
    text, start, end = match.string, match.start(), match.end()
    return not _CARD_WORD.search(f"{text[max(0, start - 32) : start]} {text[end : end + 32]}")


_IBAN = re.compile(r"[A-Z](?<![A-Za-z0-9_].)[A-Z][0-9]{2}(?:[ \-\u00a0]?[A-Z0-9]){11,33}(?![a-z_])")


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        places = [place for place, char in enumerate(match[0]) if char.isalnum()]
        if length := iban_length("".join(match[0][place] for place in places)):
            end = match.start() + places[length - 1] + 1
            if not text[end : end + 1].isalnum():
                yield match.start(), end, hidden("iban")


_SSN = re.compile(
    r"(?P<area>[0-9](?<![\w\-.].)[0-9]{2})-(?P<group>[0-9]{2})-(?P<serial>[0-9]{4})(?![\w\-])(?!\.[0-9])"
)
_NAMED_SSN = re.compile(
    r"(?i)(?<!\w)(?:ssn|social security(?: number| no)?)[ :=#]{1,3}"
    r"(?P<secret>(?P<area>[0-9]{3})[ .\-]?(?P<group>[0-9]{2})[ .\-]?(?P<serial>[0-9]{4}))(?![\w\-])"
)


def _is_no_ssn(match: re.Match[str]) -> bool:
    return not is_ssn(match["area"], match["group"], match["serial"])


RULES = (
    Rule("e-mail address", AT, by_pattern(_EMAIL, hidden("email"), unless=_is_no_email), ("@",)),
    Rule(
        "encoded e-mail address",
        AT,
        by_pattern(_ENCODED_EMAIL, hidden("email"), unless=_is_no_encoded_email),
        ("%40", "u0040", "&#64;", "&commat;"),
    ),
    Rule("IBAN", DIGITS | LONG, _ibans),
    Rule(
        "telephone number",
        DIGITS,
        by_pattern(_PHONE, hidden("phone"), unless=_is_no_phone),
        ("+", "%2b", "00"),
    ),
    Rule(
        "national telephone number",
        DIGITS,
        by_pattern(_NATIONAL, hidden("phone"), group="secret"),
        ("(", "phone", "mobile", "cell", "fax"),
    ),
    Rule("payment card number", DIGITS, by_pattern(_CARD, hidden("card"), unless=_is_no_card)),
    Rule("US social security number", DIGITS, by_pattern(_SSN, hidden("ssn"), unless=_is_no_ssn), ("-",)),
    Rule(
        "named social security number",
        DIGITS,
        by_pattern(_NAMED_SSN, hidden("ssn"), group="secret", unless=_is_no_ssn),
        ("ssn", "social security"),
    ),
)
