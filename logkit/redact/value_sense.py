"""Is there a secret after this name at all? `password: required`, `token=None` and `pin=${PIN}` hold none."""

from __future__ import annotations

import re

from logkit.redact import keys
from logkit.redact.marker import MARKER
from logkit.redact.pseudonym import is_pseudonym
from logkit.redact.validators import is_contact, looks_random
from logkit.redact.vocabulary import METHODS, SIGNATURES, TOPICS, words

# Source code that names a value instead of holding one: `self.password`, `os.environ["DB_PASSWORD"]`, `getpass()`.
CODE = re.compile(
    r"(?:\\?\$?_(?:POST|GET|REQUEST|SERVER|ENV|SESSION|COOKIE)|self|cls|os|settings|request|req|config|conf|env|environ|process|args|kwargs|options|opts|data"
    r"|form|user|params|session"
    r"|credentials|ctx|app|cfg|secrets|vars?|response|resp|event|body|payload|validated_data|cleaned_data"
    r"|attrs|validated|serializer"
    r"|instance|obj|row|item|client|this|props|state|account|member|person)"
    r"(?:\.(?:get|pop|getlist|getenv)\([\"'][\w.\-]{1,64}[\"'](?:,[^()\"']{0,33}+)?+\)"
    r"|\.[A-Za-z_]\w*+|\[[^\]\s]{0,64}\]|\([^()\"']{0,64}\))+[)\]},:]*(?=$|[\s,;.])"
)
CALL = re.compile(
    r"(?:input|getpass|prompt|(?:getpass\.)?getpass)\([\"'][^\"']{0,64}[\"']\)(?=$|[\s,;.)])"
    r"|\([a-z_][a-z_.]{0,64}(?:, ?[a-z_][a-z_.]{0,64}){0,8},?\)(?=$|[\s,;.)])"
    r"|[A-Za-z_][\w.]{0,64}\((?:[^\"'()]{0,64}|[\"'][A-Z][A-Z0-9_]{2,64}[\"'][^\"']{0,16})\)*[)\]},:]*(?=$|[\s,;.])"
)
PLACEHOLDER = re.compile(
    r"(?:(?i:bearer|basic|token) )?"
    # the field of a format string, and the variables of templates, shells and statements
    r"(?:\#\{[^{}]{1,64}\}|![A-Z][A-Za-z]{1,12}(?=\s)|\$[a-z]\w?(?!\w)|\$(?=\w{0,48}(?i:pass|pwd|secret|token|key))[A-Za-z_]\w{0,63}"
    r"|\{(?:[A-Za-z_][\w.]{0,64}(?:\[[^\]\s]{0,32}\]|\(\))?(?:![rsa])?(?::[^{}\s]{0,16})?|\d{0,2})\}|\{\{[^{}]{0,64}\}\}|\$\{[^{}]{1,128}\}|\$[A-Z_][A-Z0-9_]*"
    r"|\$\([^()]{0,64}\)"
    r"|%\(\w{1,64}\)s|%[sdr]"
    r"|<[\w \-]{1,64}>|&lt;[\w \-]{1,64}&gt;|\?|:[a-z_]+|\$\d{1,2}|<%=?[^%]{0,64}%>"
    r"|\[(?i:filtered|hidden|masked|removed|scrubbed|omitted|redacted)\])"
)
_MASK = re.compile(
    r"[*•●·xX.…_\-#]{2,}|\*{3,}.{0,4}|.{0,4}\*{4,}|\[?<?(?i:filtered|redacted|hidden|masked|secret removed"
    r"|removed|scrubbed|omitted|cleansed|elided)>?\]?"
)
_MEASURE = re.compile(r"\d+(?:\.\d+)?(?:[nuµm]?s|min|[mhdx%]|[kKMG]i?B)")
# What validators say: `'password': ['This field is required.']`.
_MESSAGE = re.compile(
    r"(?:This (?:field|password|value|token)|Ensure (?:this|that)|Enter a valid|The (?:password|two password)"
    r"|Your password|Not a valid|Invalid|Field required|Must)\b[\w ,.'\u2019()\-/]{0,160}"
)
_ERROR_CODE = re.compile(r"code[\"']?[=:] ?[\"'][a-z_]{1,32}[\"']")
_QUOTED_TEXT = re.compile(r"\"([^\"]*+)\"|'([^']*+)'")
_VERSION = re.compile(r"\d+(?:\.\w+){1,5}")  # `package[auth]==1.2.3`
_NOT_WORD = re.compile(r"[\W_]+")
_HEX = re.compile(r"[0-9a-fA-F]+")
# What is no more than a digest with words before it: `Linux-pip-<SHA-256>`.
_DIGEST = re.compile(r"(?:[A-Za-z]{1,24}[\-_.:/]){0,6}[0-9a-f]{32,128}")
# Instead of a value a pattern or a type, `password=([^&]+)` and `apiKeys: [ApiKey!]!`, or an address at Amazon's.
NO_VALUE = re.compile(
    r"!vault|\(?\[\^[^\]]{1,16}\][+*]\)?|\\?\(?\\[SwdW][+*]\)?|\(\?[:P<=!][^\s]{0,64}|\[?[A-Z][A-Za-z]{1,32}!?\]?!"
    r"|(?!SK)[A-Z]{2}[0-9a-f]{32}|arn:aws[a-z\-]{0,8}:[a-z0-9\-]{1,32}:[a-z0-9\-]{0,32}:\d{0,12}:\S{1,256}"
)
_PATH = re.compile(r"/[\w.\-]+(?:/[\w.\-]*)+")  # the working directory has the name of a password
_NOTHING = words("true false none null nil undefined nan bearer basic {} [] () \"\" '' n/a na -") | {""}
_STATUS = words(
    """
    ok okay valid invalid expired missing required changed reset set unset empty wrong incorrect failed failure
    fail success successful started stopped created updated deleted revoked rotated refreshed renewed issued
    rejected accepted denied allowed disabled enabled active inactive present absent unknown error errors
    unavailable pending verified unverified too must cannot this the that is was are not no yes has have may
    should your enter please field value values must optional match matches mismatch does do did found generated
    checked skipped hit miss cleared closed opened login logout signed in out on off for and or with without
    raise return throw await new
    string str int integer bytes bool boolean any object list dict tuple optional[str] secretstr char text varchar
    """
)


def is_kept(value: str, name: str, verdict: int) -> bool:
    """Does this value hold nothing to hide: empty, a boolean, a mask, a placeholder, a count, a pseudonym?"""
    low = value.lower()
    if low.strip() in _NOTHING or MARKER.fullmatch(value):
        return True
    # `self.token = token`, `'X-Api-Key': api_key`, `token=token.id`: source code
    code = _NOT_WORD.sub("", low)
    if low.partition(".")[0].isidentifier() and (_names(name).endswith(code) or _is_attribute(low, name)):
        return True
    if verdict == keys.CONTACT:
        return not is_contact(value)
    if verdict == keys.TOKEN:
        return not looks_random(value)
    if verdict == keys.COUNT and value.isdecimal() and len(value) < 8:
        return True
    if is_pseudonym(value) or (name.lower().endswith("pwd") and _PATH.fullmatch(value)):
        return True
    if value[:1].isupper() and _MESSAGE.fullmatch(value):
        return True
    return any(each.fullmatch(value) for each in (_MASK, PLACEHOLDER, NO_VALUE))


def _names(name: str) -> str:
    return _NOT_WORD.sub("", name.lower())


def _is_attribute(value: str, name: str) -> bool:
    first, dot, rest = value.partition(".")
    return bool(dot) and first == name.lower().rpartition(".")[2] and rest.rstrip("()").isidentifier()


def are_messages(brackets: str) -> bool:
    """Does a list hold nothing but what a validator says about a value?"""
    texts = [match[1] or match[2] or "" for match in _QUOTED_TEXT.finditer(_ERROR_CODE.sub("", brackets))]
    return bool(texts) and all(map(_MESSAGE.fullmatch, texts))


def is_plain_hash(value: str, name_words: list[str]) -> bool:
    """A digest under a name such as `key` or `state` says nothing; under `signature` it does."""
    return (
        (_HEX.fullmatch(value) or _DIGEST.fullmatch(value)) is not None
        and name_words != []
        and SIGNATURES.isdisjoint(name_words[-2:])
    )


def is_status(value: str, name: str, sep: str) -> bool:
    """`token: expired`, `session: started`, `password: This field is required`: a word about it, not the thing."""
    lower = value.lower()
    if lower in _STATUS or (name.lower() == "pass" and value.isdecimal() and len(value) < 4):
        return True
    last = keys.split(name)[-1:]
    if not TOPICS.isdisjoint(last) and (lower in METHODS or _MEASURE.fullmatch(value)):
        return True  # `auth=ldap`, `session: 30m`
    if last in (["auth"], ["session"]) and value.isdecimal() and len(value) < 5:
        return True  # `auth: 12 ok, 3 failed`, `SET session:7`
    if sep in ("==", "!=", "===", "!=="):
        return _VERSION.fullmatch(value) is not None or (
            value.isidentifier() and not any(map(str.isdigit, value))
        )
    if sep != ":" or not value.isalpha():
        return False
    return (
        ((value.islower() or "." in name) and lower.endswith(("ed", "ing")))
        or name.lower() in TOPICS
        or len(value) < 4
    )
