"""Value rules for SQL and for calls that are logged with their arguments: what stands in them is people's data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact import keys
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import LOUD, PAIR, WORDS, Rule, Span, by_pattern
from logkit.redact.value_sense import is_kept

# IDENTIFIED BY 'x', SET PASSWORD = PASSWORD('x'), PRAGMA key = 'x', pgp_sym_decrypt(column, 'x')
_SECRET = re.compile(
    r"(?i)\b(?:identified(?: with [\w\"']{1,40})? by(?: password)?[ \t]{1,4}|password\([ \t]{0,4}"
    r"|pragma (?:key|rekey)[ \t]{0,4}=[ \t]{0,4}|pgp_sym_(?:en|de)crypt(?:_bytea)?\([^'\"()]{1,128},[ \t]{0,4})"
    r"(?P<quote>\\*+[\"'])(?P<secret>[^\"'\r\n]{1,256})(?P=quote)"
)


def _is_kept(match: re.Match[str]) -> bool:
    return is_kept(match["secret"], "", keys.SECRET)


# Parameters of a query are people's data: Django's "; args=(...); alias=", SQLAlchemy's "[parameters: (...)]".
_ARGUMENTS = re.compile(
    r"; args=(?P<secret>(?!None\b|\(\)|\[\]|\{\}|\[REDACTED\])[\[({](?:[^\r\n]*(?=; alias=)|[^\r\n]*))"
    r"|\[parameters: (?P<other>(?!\(\)|\[\]|\{\}|\[REDACTED\])[\[({](?:[^\r\n]*(?=\])|[^\r\n]*))"
)
# Django's debug line with the values already in the statement; Celery's words for a call.
_STATEMENT = re.compile(r"\(\d{1,9}\.\d{3}\) ")
_LITERAL = re.compile(r"'(?:[^']|'')*+(?:'|$)")
_CALL = re.compile(
    r"(?:\(args:(?=[(\[])|full contents of the message body was:\s{1,8}|full contents of the message headers:\s{1,8})"
    r"(?P<secret>(?!\(\) kwargs:\{\})(?!\[REDACTED\])[^\r\n]++)"
)


def without_literals(statement: str) -> str:
    """An SQL statement without what stands in quotes in it: that is people's data."""
    return _LITERAL.sub("'[REDACTED]'", statement) if "'" in statement else statement


def _literals(text: str) -> Iterator[Span]:
    position = 0
    while (match := _STATEMENT.search(text, position)) and (
        position := text.find("; args=", match.end())
    ) >= 0:
        for literal in _LITERAL.finditer(text, match.end(), position):
            if literal[0] != "'[REDACTED]'":
                yield literal.start(), literal.end(), "'[REDACTED]'"


_FAILING_ROW = re.compile(r"Failing row contains \((?P<secret>[^\r\n]++)")
_DUPLICATE = re.compile(
    r"Duplicate entry '(?P<secret>[^\r\n]{1,512}?)' for key '[^']{0,64}(?:token|secret|phone|session|code|key_hash)"
)

RULES = (
    Rule(
        "password in a statement",
        LOUD,
        by_pattern(_SECRET, HIDDEN, group="secret", unless=_is_kept),
        ("identified", "password(", "pragma ", "pgp_sym"),
    ),
    Rule("literals of a statement", PAIR, _literals, ("; args=",)),
    Rule("arguments of a task", PAIR, by_pattern(_CALL, HIDDEN, group="secret"), ("args:", "full contents")),
    Rule(
        "query parameters",
        PAIR,
        by_pattern(_ARGUMENTS, HIDDEN, group=("secret", "other")),
        ("args=", "parameters: "),
    ),
    Rule("failing row", WORDS | LOUD, by_pattern(_FAILING_ROW, HIDDEN, group="secret"), ("failing row",)),
    Rule("duplicate entry", LOUD, by_pattern(_DUPLICATE, HIDDEN, group="secret"), ("duplicate entry",)),
)
