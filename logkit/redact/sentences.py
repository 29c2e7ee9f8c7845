"""Value rules for secrets that sentences, command lines and protocols give away without a separator."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact import keys
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import LOUD, OPTION, PAIR, QUOTED_OPTION, WORDS, Rule, Span, by_pattern
from logkit.redact.validators import is_id
from logkit.redact.value_sense import is_kept

# "your verification code is 123456", "OTP 123456"
_CODE = re.compile(
    r"(?i)(?<![\w\-])(?:otp|totp|passcode|pin(?: code)?|(?:one[ \-]time|verification|security|log-?in"
    r"|sign-?in|sms|2fa|mfa|auth|authentication"
    r"|authorization|authorisation|confirmation|access|activation|reset|backup|recovery)[ \-](?:pass)?"
    r"(?:code|word|pin|number))"
    r"(?:[ \t]{1,4}(?:is|was|of|for [\w.]{1,32} is|sent|entered))?[ \t]{0,4}[:=#]?[ \t]{0,4}[\"']?"
    r"(?P<secret>(?:[A-Z]-?)?\d{3,4}[ \-]?\d{1,5})(?![\w.\-]*\d)(?!\w)"
)
# "password is 'hunter2'", "with password hunter2x", "IDENTIFIED BY 'x'", "PASSWORD 'x'"
_PASSWORD = re.compile(
    r"(?i)(?<![\w\-./])(?:password|passwd|passphrase|passcode|pwd|requirepass|masterauth|bindpw|rootpw"
    r"|secret|api[ _\-]?key|access token|token|session(?:[ _\-](?:key|id))?)"
    r"(?P<verb>[ \t]{1,4}(?:(?:(?:is|was|has been|were)[ \t])?(?:set|changed|reset|updated|rotated) to"
    r"|is|was|of|to|now|=|entered|given|used|provided|received|got"
    r"|for [\w.@\-]{1,64}(?=:))(?:[ \t]{1,4}(?:now|password))?)?:?[ \t]{1,4}"
    r"(?:(?P<quote>\\*+[\"'`])(?P<quoted>[^\"'`\r\n\\]{1,256})(?P=quote)|(?P<secret>[^\s\"'`,;()<>\[\]{}]{6,256}))"
)
_IDENTIFIED = re.compile(
    r"(?i)\bidentified(?: with [\w\"']{1,40})? by(?: password)?[ \t]{1,4}"
    r"(?P<quote>\\*+[\"'])(?P<secret>[^\"'\r\n]{1,256})(?P=quote)"
)
_ALGORITHM = re.compile(
    r"(?i)(?:sha|md|argon|pbkdf|bcrypt|scrypt|oauth|base|utf|ipv|hmac|aes|rsa|rs|hs|es|v|http|k|x|h|s|ed"
    r"|line|attempt|step|len|size|type)[\-_]?\d[\w.\-]*"
)


def _is_no_password(match: re.Match[str]) -> bool:
    is_password = match[0][:4].lower() in _PASSWORD_WORDS
    if match["quoted"] is not None:
        quoted = match["quoted"]
        if is_kept(quoted, "", keys.SECRET):
            return True
        if match["verb"] is not None:
            return False
        # `unexpected token 'x'`, `secret 'db-creds' not found`: a name stands in quotes
        return not _is_mixed(quoted, least=8) if not is_password else " " in quoted or _is_field_name(quoted)
    secret = match["secret"].rstrip(".,:!?")
    if (
        "://" in secret
        or "=" in secret[:-2]
        or is_kept(secret, "", keys.SECRET)
        or is_id(secret)
        or _ALGORITHM.fullmatch(secret)
    ):
        return True
    if is_password and not any(map(str.isdigit, secret)):
        return not (len(secret) >= 6 and any(char in "!@#$%^&*+~" for char in secret))
    return not _is_mixed(secret, least=6 if is_password else 16)


def _is_mixed(text: str, *, least: int) -> bool:
    return len(text) >= least and any(map(str.isalpha, text)) and any(map(str.isdigit, text))


def _is_field_name(text: str) -> bool:
    return text.isidentifier() and "_" in text


_PASSWORD_WORDS = ("pass", "pwd ", "requ", "mast", "bind", "root")  # the first letters of names of passwords
_CREDENTIAL_ARGUMENT = re.compile(
    r"(?<![\w\-])(?:-u|--user|--proxy-user|--auth|-a|-U)(?:[ \t]{1,4}|=|[\"'],\s?)[\"']?"
    r"(?P<user>[\w.@+\-]{0,64}):(?P<secret>[^\s\"'/:][^\s\"']*)"
)
_COMMAND = re.compile(
    r"(?<![\w\-])(?:(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\r\n|;]{0,200}?[ \t]-p"
    r"|sshpass[ \t]{1,4}-p[ \t]{0,4}|redis-cli\b[^\r\n|;]{0,200}?[ \t]-a[ \t]{1,4}"
    r"|(?:docker|podman|helm registry|az|ftp|mongo|mongosh|mongodump|sqlcmd|psql|xfreerdp"
    r"|net use)\b[^\r\n|;]{0,200}?[ \t](?:-p|-P|--password|/p:)[ \t=]{0,4}"
    r"|openssl\b[^\r\n|;]{0,200}?[ \t]-pass(?:in|out)?[ \t]{1,4}pass:|keytool\b[^\r\n|;]{0,200}?[ \t]-"
    r"(?:store|key)pass[ \t]{1,4})"
    r"[\"']?(?P<secret>[^\s\"'\-][^\s\"']{2,256})"
)
_NETRC = re.compile(
    r"(?i)\blogin[ \t\r\n]{1,8}\S{1,128}[ \t\r\n]{1,8}password[ \t\r\n]{1,8}[\"']?(?P<secret>[^\s\"']{1,256})"
)
_PGPASS = re.compile(
    r"(?m)(?:^|(?<=\s))[\w.\-*]{1,255}:(?:5432|6432|\*):[\w.\-*]{1,64}:[\w.\-*]{1,64}:(?P<secret>[^\s:]{1,256})"
)
_PROTOCOL = re.compile(
    r"(?:\bAUTH (?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5)[ \t]{1,4}(?P<mail>[A-Za-z0-9+/=]{8,})|(?:^"
    r"|[\r\n>\"'])\s{0,4}PASS (?P<ftp>[^\s\"'/]{1,256})(?=[\r\n\"']|$)"
    r"|\bAUTH[ \t]{1,4}(?:default |[\w\-]{1,32} )?(?P<redis>[^\s\"']{8,256})(?=[\"'\r\n]|$))"
)


def _is_no_command(match: re.Match[str]) -> bool:
    return is_kept(match["secret"], "", keys.SECRET) or match["secret"].isdigit()


def _is_kept(match: re.Match[str]) -> bool:
    return is_kept(match["secret"], "", keys.SECRET)


# Parameters of a query are people's data: Django's "; args=(...); alias=", SQLAlchemy's "[parameters: (...)]".
_ARGUMENTS = re.compile(
    r"(?:; args=|\[parameters: )(?P<secret>(?!None\b|\(\)|\[\]|\{\})[\[({][^\r\n]*?)(?=; alias=|\]?$|\]\s)"
)
# Django's debug line with the values already in the statement; Celery's words for a call.
_STATEMENT = re.compile(r"\(\d{1,9}\.\d{3}\) (?P<sql>[^;]*+(?:;(?! args=)[^;]*+)*+); args=")
_LITERAL = re.compile(r"'(?:[^']|'')*+(?:'|$)")
_CALL = re.compile(
    r"(?:\(args:(?=[(\[])|full contents of the message body was:\s{1,8}|full contents of the message headers:\s{1,8})"
    r"(?P<secret>(?!\(\) kwargs:\{\})(?!\[REDACTED\])[^\r\n]++)"
)


def without_literals(statement: str) -> str:
    """An SQL statement without what stands in quotes in it: that is people's data."""
    return _LITERAL.sub("'[REDACTED]'", statement) if "'" in statement else statement


def _literals(text: str) -> Iterator[Span]:
    for match in _STATEMENT.finditer(text):
        for literal in _LITERAL.finditer(text, match.start("sql"), match.end("sql")):
            if literal[0] != "'[REDACTED]'":
                yield literal.start(), literal.end(), "'[REDACTED]'"


_FAILING_ROW = re.compile(r"Failing row contains \((?P<secret>[^\r\n]++)")
_DUPLICATE = re.compile(
    r"Duplicate entry '(?P<secret>[^\r\n]{1,512}?)' for key '[^']{0,64}(?:token|secret|phone|session|code|key_hash)"
)

RULES = (
    Rule("one-time code", WORDS, by_pattern(_CODE, HIDDEN, group="secret"), ("otp", "code", "pin", "pass")),
    Rule(
        "password in a sentence",
        WORDS,
        by_pattern(_PASSWORD, HIDDEN, group=("quoted", "secret"), unless=_is_no_password),
        ("pass", "pwd", "secret", "token", "key", "session", "masterauth", "bindpw"),
    ),
    Rule("password in a statement", LOUD, by_pattern(_IDENTIFIED, HIDDEN, group="secret"), ("identified",)),
    Rule(
        "user and password argument",
        LOUD,
        by_pattern(_CREDENTIAL_ARGUMENT, HIDDEN, group="secret", unless=_is_kept),
        OPTION + QUOTED_OPTION,
    ),
    Rule(
        "password argument",
        WORDS,
        by_pattern(_COMMAND, HIDDEN, group="secret", unless=_is_no_command),
        (*OPTION, " /p:"),
    ),
    Rule("netrc", WORDS, by_pattern(_NETRC, HIDDEN, group="secret", unless=_is_kept), ("pass",)),
    Rule(
        "pgpass",
        PAIR,
        by_pattern(_PGPASS, HIDDEN, group="secret", unless=_is_kept),
        (":5432:", ":6432:", ":*:"),
    ),
    Rule(
        "password of a protocol",
        WORDS,
        by_pattern(_PROTOCOL, HIDDEN, group=("mail", "ftp", "redis")),
        ("auth ", "pass "),
    ),
    Rule("literals of a statement", PAIR, _literals, ("; args=",)),
    Rule("arguments of a task", PAIR, by_pattern(_CALL, HIDDEN, group="secret"), ("args:", "full contents")),
    Rule("query parameters", PAIR, by_pattern(_ARGUMENTS, HIDDEN, group="secret"), ("args=", "parameters: ")),
    Rule("failing row", WORDS | LOUD, by_pattern(_FAILING_ROW, HIDDEN, group="secret"), ("failing row",)),
    Rule("duplicate entry", LOUD, by_pattern(_DUPLICATE, HIDDEN, group="secret"), ("duplicate entry",)),
)
