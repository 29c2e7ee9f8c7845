"""Value rules for passwords and tokens that a sentence gives away without a separator."""

from __future__ import annotations

import re

from logkit.redact import keys
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import WORDS, Rule, by_pattern
from logkit.redact.validators import is_id, looks_random
from logkit.redact.value_sense import is_kept

# "password is 'hunter2'", "with password hunter2x", "temporary password is generated for root@localhost: x"
_PASSWORD = re.compile(
    r"(?i)(?<![\w\-./])(?P<name>password|passwd|passphrase|passcode|pwd|requirepass|masterauth|bindpw|rootpw"
    r"|passwort|kennwort|mot de passe|senha|wachtwoord|contraseña|hasło|lösenord"
    r"|cookie value|secret|api[ _\-]?key|access token|token|session(?:[ _\-](?:key|id))?)"
    r"(?P<verb>[ \t]{1,4}(?:(?:(?:is|was|has been|were)[ \t])?(?:set|changed|reset|updated|rotated) to"
    r"|(?:(?:is|was) (?:generated|set|created|assigned) )?(?:for|für|pour|para|per|voor|dla|för)"
    r" (?:[\w.@\-]{1,64}|\[REDACTED:email\])(?=:)"
    r"|(?:for|of)(?: the)? (?:user|account|role) [\"']?[\w.@\-]{1,64}[\"']? (?:is|was|to|set to)"
    r"|is|was|from|of|to|now|=|lautet|ist|est|entered|given|used|provided|received|got"
    r"|(?:falsch|incorret[ao]|incorrect[ao]?|incorrecte|inv[aá]lid[ao]?|wrong|rejected)(?=[ \t]?:))"
    r"(?:[ \t]{1,4}(?:now|password))?)?"
    r"(?:[ \t]?:)?[ \t]{1,4}"
    r"(?:(?P<quote>\\*+[\"'`])(?P<quoted>[^\"'`\r\n\\]{1,256})(?P=quote)"
    # closing brackets and commas only within
    r"|(?P<secret>(?:[^\s\"'`,;()<>\[\]{}]|(?<=[\w!@#$%^&*+~])[,;)\]}](?=[\w!@#$%^&*+~])){6,256}))"
)
# "password changed from a to b": the first is gone already
_CHANGED = re.compile(
    r"(?i)password[\w ]{0,16} from [\"']?\[REDACTED\][\"']? to [\"']?(?P<secret>(?!\[REDACTED)[^\s\"',;]{3,256})"
)
_ALGORITHM = re.compile(
    r"(?i)(?:sha|md|argon|pbkdf|bcrypt|scrypt|oauth|base|utf|ipv|hmac|aes|rsa|rs|hs|es|v|http|k|x|h|s|ed"
    r"|line|attempt|step|len|size|type)[\-_]?\d{1,4}(?:[._\-]\w{1,8}){0,3}[a-z]?"
)


def _is_no_password(match: re.Match[str]) -> bool:
    name = match["name"].lower()
    is_password = not name.startswith(_OTHERS)
    if match["quoted"] is not None:
        quoted = match["quoted"]
        if is_kept(quoted, "", keys.SECRET):
            return True
        if match["verb"] is not None:
            return False
        # `unexpected token 'x'`, `secret 'db-creds' not found`: a name stands in quotes
        if is_password and " " in quoted:
            return not _GIVEN.search(match.string[max(0, match.start() - 24) : match.start()])
        return _is_field_name(quoted) if is_password else not _is_mixed(quoted, least=8)
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
    if name in ("secret", "api key") and (match["verb"] or "").strip() in ("is", "was"):
        return not _is_mixed(secret, least=8)
    return not (_is_mixed(secret, least=6 if is_password else 16) or looks_random(secret))


def _is_mixed(text: str, *, least: int) -> bool:
    return len(text) >= least and any(map(str.isalpha, text)) and any(map(str.isdigit, text))


def _is_field_name(text: str) -> bool:
    return text.isidentifier() and "_" in text


# `with password "a b c"` quotes the password, `password "is too short"` what is said about it.
_GIVEN = re.compile(
    r"(?i)\b(?:with|using|wrong|invalid|incorrect|bad|tried|supplied|new|old)(?: an?| the)? $"
)
_OTHERS = ("cookie", "secret", "api", "access", "token", "session")  # the names that are no passwords

RULES = (
    Rule(
        "password in a sentence",
        WORDS,
        by_pattern(_PASSWORD, HIDDEN, group=("quoted", "secret"), unless=_is_no_password),
        (
            "pass",
            "pwd",
            "secret",
            "token",
            "key",
            "session",
            "auth",
            "bindpw",
            "kennwort",
            "senha",
            "wachtw",
            "cookie v",
        ),
    ),
    Rule("second password in a sentence", WORDS, by_pattern(_CHANGED, HIDDEN, group="secret"), ("pass",)),
)
