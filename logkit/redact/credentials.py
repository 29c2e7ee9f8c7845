"""Value rules for credentials that are known by their own shape, whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact.marker import HIDDEN, MARKER, hidden
from logkit.redact.rule import AT, LONG, PAIR, PEM, URL, WORDS, Rule, Span, by_pattern
from logkit.redact.validators import is_basic, is_id, is_jwt_header, looks_random
from logkit.redact.vendors import TELEGRAM, TOKEN, WEBHOOK, WEBHOOK_HOSTS

# A private key: to its end, or, when the line was cut, as far as its base 64 goes. (P02)
_PEM = re.compile(r"-----?(?:BEGIN| BEGIN SSH2)[A-Z0-9 ]{0,40} PRIVATE KEY(?: BLOCK)? ?-----?")
_PEM_END = re.compile(r"-----?(?:END| END SSH2)[A-Z0-9 ]{0,40} PRIVATE KEY(?: BLOCK)? ?-----?")


def _private_keys(text: str) -> Iterator[Span]:
    position = 0
    while begin := _PEM.search(text, position):
        end = _PEM_END.search(text, begin.end())
        if end is None:  # cut off: nothing after it can be told from the key
            yield begin.start(), len(text), hidden("private-key")
            return
        yield begin.start(), end.end(), hidden("private-key")
        position = end.end()


# scheme://user:password@host. A password may hold `@`, `/`, `%` and `!`; a port is no password.
_USERINFO = re.compile(
    r"(?<![\w+.\-])[A-Za-z][A-Za-z0-9+._\-]*+:(?:\\?/){2}(?P<user>[^\s:@/?#\"'<>\\\[\]{}]*+):"
    r"(?P<password>[^\s\"<>]{0,512}+)"
)
_PORT = re.compile(r"\d{1,5}(?=[/?#,;'\])}]|$|\\)")
_ONLY_USER = re.compile(r"(?<=://)(?P<user>[^\s:@/?#\"'<>\\\[\]{}]{20,256}+)@")


_NO_PASSWORDS = ("x-oauth-basic", "x-access-token")  # the user name is the token


def _userinfo(text: str) -> Iterator[Span]:
    position = 0
    while match := _USERINFO.search(text, position):
        position = match.end("user") + 1
        password = match["password"]
        at = password.rfind("@")
        if at < 0 or _PORT.match(password):
            continue
        slash = password.find("/")
        if 0 <= slash < (first := password.find("@")):  # a slash before the first @ belongs to the password
            rest = password.find("/", first)
            at = password.rfind("@", 0, rest if rest >= 0 else len(password))
        elif slash >= 0:
            at = password.rfind("@", 0, slash)
        secret = password[:at]
        user = match["user"]
        end = match.start("password") + at
        if not secret or secret in _NO_PASSWORDS or len(user) >= 20 or "%40" in user:
            if user:
                yield match.start("user"), end, HIDDEN
        elif not MARKER.fullmatch(secret) and not _is_placeholder(secret):
            yield match.start("password"), end, HIDDEN
        position = end


def _is_placeholder(secret: str) -> bool:
    return not secret.strip("*") or (secret[0] in "<{$[" and secret[-1] in ">}]") or secret.endswith("%s")


# user:password@tcp(host) of Go's drivers, user:password@host:port without a scheme, user/password@ of Oracle.
_DSN = re.compile(
    r"(?<![\w/.:\-])[\w.\-]{1,64}:(?P<secret>[^\s@/:\"'<>\[\]]{3,256})@(?=(?:tcp|tcp6"
    r"|unix)\(|[\w.\-]{1,255}:\d{2,5}\b)"
)
_ORACLE = re.compile(
    r"(?i)(?:jdbc:oracle:\w{1,8}:|\b(?:sqlplus|sqlldr|expdp|impdp|rman)[ \t](?:[^\r\n|;@/]{0,64}[ \t])?)"
    r"[^/\s:@]{1,64}/(?P<secret>[^@\s]{1,256})@"
    r"|(?<![\w/.:@\-])[\w$#]{1,30}/(?P<other>[^\s/@:\"'<>]{1,128})@(?=[\w.\-]{1,255}:15\d\d\b)"
)

_JWT = re.compile(
    r"(?<![A-Za-z0-9])(?P<header>eyJ[A-Za-z0-9_\-]{8,}+)(?P<rest>\.[A-Za-z0-9_\-]*+(?:\.[A-Za-z0-9_\-=]*+){0,3})"
)


def _is_no_jwt(match: re.Match[str]) -> bool:
    # Two parts of base 64 that begin with `{"` are one, even when the first does not decode.
    return len(match["rest"]) < 4 or not (match["rest"].startswith(".eyJ") or is_jwt_header(match["header"]))


_SCHEME = re.compile(
    r"(?i)(?<![\w\-])(?P<scheme>bearer|basic|negotiate|ntlm|token|ssws|splunk|apikey|genie[ \-]?key|dpop"
    r"|sso-key|zoho-oauthtoken)"
    r"(?:[ \t]+|%20|\+)(?P<secret>[A-Za-z0-9._~+/\-=:]{6,})"
)
_SCHEME_PARAMETERS = re.compile(
    r"(?i)(?<![\w\-])(?:digest|hawk|oauth|signature|mac)[ \t]{1,8}"
    r"(?P<secret>[\w\-]{1,64}=(?:\\?\"[^\"\r\n]*+\"|[^\s,\"]++)"
    r"(?:[ \t]{0,8},[ \t]{0,8}[\w\-]{1,64}=(?:\\?\"[^\"\r\n]*+\"|[^\s,\"]++))*+)"
)
_PROOF = re.compile(r"(?i)(?:response|mac|signature)=")


def _is_no_proof(match: re.Match[str]) -> bool:
    return _PROOF.search(match["secret"]) is None


def _is_no_scheme(match: re.Match[str]) -> bool:
    scheme, secret = match["scheme"].lower(), match["secret"].rstrip(".:,")
    if scheme == "basic":
        return not is_basic(secret)
    if scheme in ("negotiate", "ntlm"):
        return not secret.startswith(("TlRM", "YI", "oY", "oR")) or len(secret) < 16
    if scheme == "bearer":
        return _is_plain(secret) or (len(secret) < 8)
    return is_id(secret) or secret.startswith("h1:") or not looks_random(secret) or len(secret) < 20


def _is_plain(secret: str) -> bool:
    """Words of a sentence, or a parameter: `Bearer authentication`, `Bearer realm=...`, `Bearer token-expired`."""
    name, equals, value = secret.partition("=")
    if equals and value.strip("=") and name.isidentifier() and name.islower():
        return True
    mixed = any(map(str.isupper, secret[1:])) and any(map(str.islower, secret))
    return not any(map(str.isdigit, secret)) and not (mixed and len(secret) >= 12) and len(secret) < 32


_schemes = by_pattern(_SCHEME, HIDDEN, group="secret", unless=_is_no_scheme)

# Password hashes: modular crypt format, Django's and Argon2's.
_CRYPT = re.compile(
    r"\$krb5(?:asrep|tgs|pa)\$[0-9]{1,2}\$[^\s\"'<>\\]{16,}"
    r"|(?<![A-Za-z0-9_])(?:pbkdf2_sha\d{1,3}|scrypt|bcrypt(?:_sha256)?|argon2|md5|sha1)\$[^\s\"',;<>\\]{16,}"
    r"|(?<![A-Za-z0-9_])\{(?:SSHA|SHA|SMD5|CRYPT)\d{0,3}\}[A-Za-z0-9+/=$.]{16,}"
    r"|\$(?:2[abxy]?|[1-9]|y|gy|apr1|argon2(?:id|i|d)|scrypt|pbkdf2(?:-sha\d{1,3})?)\$[./A-Za-z0-9,=$+\-]{16,}"
)
# The message authentication codes of Stripe and Slack: Stripe-Signature: t=1716981234,v1=...
# Svix and the standard webhooks: v1,<base 64>. Paddle: ts=1716981234;h1=...
_MAC = re.compile(
    r"(?<![\w.])(?:v[01]|h1)=(?P<secret>[0-9a-f]{64})(?![0-9a-f])"
    r"|(?<!\w)Signature:\s{1,4}(?P<debug>[0-9a-f]{64})(?![0-9a-f])"
    r"|(?<![\w.])v1a?,(?P<other>[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)"
)
# Vault's way for machines: the id of a role, and beside it the secret.
_APPROLE = re.compile(
    r"role_id[\"']?\s?[=:]\s?[\"']?[\w\-]{1,64}[\"']?[\s,;&]{1,4}[\"']?secret_id[\"']?\s?[=:]\s?[\"']?(?P<secret>[\w\-]{8,64})"
)
# The private members of a JSON web key. (RFC 7518, section 6)
_JWK = re.compile(r"[\"'](?:d|p|q|dp|dq|qi|k)\\*[\"']\s{0,4}:\s{0,4}\\*[\"'](?P<secret>[A-Za-z0-9_\-]{16,}+)")
# PuTTY's private keys have no line that ends them.
_PUTTY = re.compile(
    r"(?i)private-lines: ?\d{1,4}(?:\r?\n|(?:\\r)?\\n)(?P<secret>(?:(?!private-(?:mac|hash))[^\x00])++)"
)

RULES = (
    Rule("private key", PEM, _private_keys, ("private key",)),
    Rule(
        "PuTTY private key",
        PAIR,
        by_pattern(_PUTTY, hidden("private-key"), group="secret"),
        ("private-lines:",),
    ),
    Rule("password in a URL", URL, _userinfo, ("@",)),
    Rule("token as user name in a URL", URL, by_pattern(_ONLY_USER, HIDDEN, group="user"), ("@",)),
    Rule("webhook address", LONG, by_pattern(WEBHOOK, HIDDEN, group="secret"), WEBHOOK_HOSTS),
    Rule("bot token", LONG, by_pattern(TELEGRAM, HIDDEN), (":aa",)),
)
AFTER_PAIRS = (
    Rule("password in a data source name", AT, by_pattern(_DSN, HIDDEN, group="secret"), (":",)),
    Rule("password of an Oracle address", AT, by_pattern(_ORACLE, HIDDEN, group=("secret", "other")), ("/",)),
    Rule("authentication scheme", WORDS, _schemes, ("bearer", "basic")),
    Rule(
        "long authentication scheme",
        LONG,
        _schemes,
        (
            "bearer",
            "basic",
            "token",
            "negotiate",
            "ntlm",
            "ssws",
            "splunk",
            "apikey",
            "genie",
            "dpop",
            "sso-key",
        ),
    ),
    Rule(
        "authentication parameters",
        PAIR,
        by_pattern(_SCHEME_PARAMETERS, HIDDEN, group="secret", unless=_is_no_proof),
        ("response=", "mac=", "signature="),
    ),
    Rule("JSON web token", LONG, by_pattern(_JWT, hidden("token"), unless=_is_no_jwt), ("eyj",)),
    Rule("vendor token", LONG, by_pattern(TOKEN, hidden("token"))),
    Rule("password hash", LONG, by_pattern(_CRYPT, hidden("password-hash")), ("$", "{s", "{crypt")),
    Rule(
        "message authentication code",
        LONG,
        by_pattern(_MAC, HIDDEN, group=("secret", "other", "debug")),
        ("v0=", "v1=", "h1=", "v1,", "v1a,", "signature:"),
    ),
    Rule("secret of a role", PAIR, by_pattern(_APPROLE, HIDDEN, group="secret"), ("secret_id",)),
    Rule("private JSON web key", LONG, by_pattern(_JWK, HIDDEN, group="secret"), ("kty",)),
)
