"""Value rules for links that are a key themselves: resets, invitations, magic links, signed values. (R25)

Whoever has such a link is let in, so what makes it unguessable is hidden; the way to it stays.
"""

from __future__ import annotations

import re

from logkit.redact.marker import hidden
from logkit.redact.rule import LONG, Rule, by_pattern
from logkit.redact.validators import is_id, looks_random

# Django's signed values (payload:time:signature) and password-reset links (/uid/time-hmac/).
_SIGNED = re.compile(
    r"(?<![\w\-.])(?P<secret>\.?[\w\-]{2,}+:[0-9A-Za-z]{5,7}:(?:[\w\-]{43}|[\w\-]{27}))(?![\w\-])"
)
_RESET = re.compile(r"/(?P<secret>[A-Za-z0-9_\-]{1,40}/[0-9a-z]{3,8}-[0-9a-f]{20,64})(?=[/\s\"'?#)>,;]|$)")
# A path whose words say that what follows opens something: /invite/..., /auth/verify/..., /magic-link?t=...
_CAPABILITY = re.compile(
    r"(?i)/(?:[a-z]{1,16}[\-_]){0,2}(?:reset|recover|invite|invites|invitation|invitations|join|magic|verify|verification"
    r"|confirm|confirmation|activate|activation|unsubscribe|share|shared|shares|signin|sso|claim|redeem|tokens?|(?:web)?hooks?|private)"
    r"(?:[\-_][a-z]{1,16}){0,2}(?:/(?:accept|confirm|complete|done|email|account|user|set|new|key))?/?(?:(?<=/)|(?<=private)-|\?[\w\-]{1,16}=)(?P<secret>[\w\-.~]{16,512})"
)


def _is_no_signature(match: re.Match[str]) -> bool:
    signature = match["secret"].rpartition(":")[2]
    return not (any(map(str.isupper, signature)) and any(map(str.islower, signature)))


def _is_no_capability(match: re.Match[str]) -> bool:
    secret = match["secret"].rstrip(".")
    return is_id(secret) or not (looks_random(secret) or _DIGEST.fullmatch(secret))


_DIGEST = re.compile(r"(?:[0-9a-z]{1,8}-)?[0-9a-f]{32,}")

RULES = (
    Rule(
        "signed value",
        LONG,
        by_pattern(_SIGNED, hidden("token"), group="secret", unless=_is_no_signature),
        (":",),
    ),
    Rule("reset link", LONG, by_pattern(_RESET, hidden("token"), group="secret"), ("/",)),
    Rule(
        "capability link",
        LONG,
        by_pattern(_CAPABILITY, hidden("token"), group="secret", unless=_is_no_capability),
        ("/",),
    ),
)
