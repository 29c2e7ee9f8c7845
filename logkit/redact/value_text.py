"""Where the value after a sensitive name begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact import keys
from logkit.redact.marker import HIDDEN, MARKER
from logkit.redact.rule import Span
from logkit.redact.validators import looks_random
from logkit.redact.value_sense import (
    CALL,
    CODE,
    NO_VALUE,
    PLACEHOLDER,
    are_messages,
    is_kept,
    is_plain_hash,
    is_status,
)
from logkit.redact.vocabulary import words

# A quote as it stands in text, in JSON inside JSON, in markup, in a URL.
QUOTE = r"(?:\\*+[\"'`]|\\++u002[27]|&quot;|&apos;|&\#(?:x27|x22|39|34);|%22|%27)"
_OPENING = re.compile(rf"[bBuUrRfF@$]{{0,2}}(?P<quote>\"\"\"|\'\'\'|{QUOTE})")
_CHANGED = re.compile(
    r"[\"'] {0,2}(?:=>|->|→) {0,2}[\"'](?P<new>[^\"']{1,256})"
)  # of Terraform: "old" => "new"
_ANNOTATION = re.compile(
    r"[A-Za-z_][\w.]{0,64}(?:\[[\w., |]{0,64}\])?(?: \| \w{1,32})? = (?=[\"'])"
)  # `token: str = "x"`
_ANGLES = re.compile(r"<(?P<inner>[^\s<>]{8,128})>")
# A tag of YAML; the type of a value in PHP's dumps.
_TAG = re.compile(r"!(?:vault|!str|!binary)[ \t]+|(?:\r?\n[ \t]{0,64})?string\(\d{1,6}\) (?=\\*\")")
# A block of YAML: `token: >-` and what is indented below; also a list of plain words below the name.
_BLOCK = re.compile(r"[|>][+\-]?[ \t]*+(?:\r?\n|\\n)(?P<indent>[ \t]{1,32})(?P<block>[^\r\n\\]++)")
_LINE = re.compile(r"(?:\r?\n|\\n)(?P<indent>[ \t]{1,64}+)(?P<block>[^\r\n\\]++)")
_LIST = re.compile(
    r"(?:\r?\n|\\n)[ \t]{0,32}- (?=[^\s:\\]{1,256}(?:[\r\n\\]|$))(?P<item>[\"']?[^\s\\\"']{1,256}+)"
)
_MORE = re.compile(r"[,;]?[ \t](?P<code>(?=[A-Za-z\-]{0,32}\d)[\w\-]{4,32})(?![\w=:])")  # `codes: a1b2, c3d4`
_NAME = re.compile(r"[a-z]+(?:[_\-.][a-z]+)*")
_BRACKET = re.compile(r"\w{0,32}[\[({]")
_QUOTES = "\"'"
_TRIPLE = ('"""', "'''")
QUOTED = "quoted"  # in the place of `outer`: the name itself stood in quotes
_CLOSES = {"[": "]", "(": ")", "{": "}"}
_BARE = re.compile(
    r"""(?:[^\s,;&|"'`<>\\\x00-\x1f]
    |[,;&|](?!amp;)(?![\s"'`\\]|$|[\w%\[][\w.%\[\]\-]{0,63}(?:[ ][A-Z][a-z]{1,31}){0,2}(?:=|%3[Dd]|:[ ]?))
    |["'`](?=[^\s,;&)\]}>:"'`\\])(?=[^\s]{1,64})
    |\\(?![nrt"'`\\])
    |[<>](?=[\-_$\#@!%^*+~])
    )++""",
    re.VERBOSE,
)
_ENCODED_END = re.compile(r"%26|%22|%27|%20|%3[Bb]|%0[AaDd]|&quot;|&apos;|&#|\\u00(?:26|22|27|3[cC])")
_NUMBERS = re.compile(r"[+(]{0,2}\d(?:[ ().\-/]{0,3}\d){5,30}")
_NUMBERED = words(
    """
    phone telephone mobile cell tel fax whatsapp viber msisdn card number no num ssn security account iban
    """
)
_COOKIES = re.compile(
    r"[^\s=;,&|\"'<>\\]{1,128}=(?:\"[^\"\\]*+\"|[^\s;,&|\"'<>\\]*+)"
    r"(?:;[ \t]{0,4}[^\s=;,&|\"'<>\\]{1,128}(?:=(?:\"[^\"\\]*+\"|[^\s;,&|\"'<>\\]*+))?)*+"
)
_COOKIE = re.compile(r"[^\s=;,]{1,128}=(?P<value>\"[^\"]{0,4096}\"|[^\s;,]*+)")
_COOKIE_ATTRIBUTES = words(
    """
    path domain expires max-age samesite secure httponly priority partitioned version comment
    """
)
_SCHEME = re.compile(
    r"(?i)(?:bearer|basic|token|negotiate|ntlm|apikey|api-key|splunk|sso-key|ssws|key|jwt|dpop"
    r"|genie[ \-]?key|zoho-oauthtoken|privatetoken|bot|client-id)(?:[ \t]+|%20|\+)(?=\S)"
)
_ANY_SCHEME = re.compile(r"[A-Za-z][\w\-]{1,40}[ \t]{1,4}(?=[A-Za-z]{0,64}[\d:+/\[])")
_PARAMETER_SCHEME = re.compile(
    r"(?i)(?:digest|hawk|oauth|signature|mac|vapid|aws4-hmac-sha256|aws|hmac[\w\-]{0,16}|acs3-hmac-sha256"
    r"|goog4-[\w\-]{1,16})[ \t]+"
)
_PARAMETERS = re.compile(
    r"[\w\-]{1,64}=(?:\\*+\"[^\"\\]*+\\*+\"|[^\s,\"]++)(?:[ \t]{0,4},[ \t]{0,4}[\w\-]{1,64}="
    r"(?:\\*+\"[^\"\\]*+\\*+\"|[^\s,\"]++))*+|[^\s\d=:+/]*+[\d=:+/]\S*+"
)


def values(text: str, at: int, name: str, verdict: int, *, sep: str, outer: str) -> Iterator[Span]:
    """What to hide of the value that starts at `at`, after the name `name` and the separator `sep`.

    `outer` is the character before an unquoted name: the quote that a header of a command line stands in.
    """
    if MARKER.match(text, at):
        return
    if annotation := (_ANNOTATION.match(text, at) if sep == ":" else None) or _TAG.match(text, at):
        at = annotation.end()
    name_words = keys.split(name)
    is_cookie = any(word in ("cookie", "cookies", "setcookie") for word in name_words)
    if block := _BLOCK.match(text, at):
        yield from _block(text, block)
        return
    if opening := _OPENING.match(text, at):
        if opening["quote"] == outer and (text[at - 1] == " " or sep == ":"):
            return  # `input("Password: ")`: the quote ends the text that the name began
        start = opening.end()
        end = _closing(text, opening["quote"], start)
        content = text[start:end]
        if is_cookie and "=" in content:
            yield from _cookies(content, start, is_set="set" in name_words[:2])
        elif (verdict == keys.TOKEN and is_plain_hash(content, name_words)) or (
            verdict in keys.BY_LOOK and MARKER.fullmatch(content)
        ):
            return
        elif content != HIDDEN and (MARKER.search(content) or not is_kept(content, name, verdict)):
            yield start, end, HIDDEN
        if (changed := _CHANGED.match(text, end)) and not is_kept(changed["new"], name, verdict):
            yield changed.start("new"), changed.end("new"), HIDDEN
        return
    if (
        (numbers := _NUMBERS.match(text, at))
        and not _NUMBERED.isdisjoint(name_words)
        and verdict != keys.TOKEN
    ):
        yield at, numbers.end(), HIDDEN
        return
    if (angles := _ANGLES.match(text, at)) and looks_random(angles["inner"]):
        yield angles.start("inner"), angles.end("inner"), HIDDEN
        return
    if placeholder := PLACEHOLDER.match(text, at):
        rest = text[placeholder.end() : placeholder.end() + 1]
        if not rest or not (rest.isalnum() or rest in "{}$@!#%^*_-"):
            return
    if sep == ":" and verdict not in keys.BY_LOOK and (item := _LIST.match(text, at)):
        while item:
            if not _NAME.fullmatch(item["item"]) and not is_kept(item["item"], name, verdict):
                yield item.start("item"), item.end("item"), HIDDEN
            item = _LIST.match(text, item.end("item"))
        return
    if is_cookie and (cookies := _COOKIES.match(text, at)):
        yield from _cookies(cookies[0], at, is_set="set" in name_words[:2])
        return
    yield from _unquoted(text, at, name, verdict, sep=sep, outer=outer, name_words=name_words)


def _block(text: str, block: re.Match[str]) -> Iterator[Span]:
    """The lines of a block of YAML: as long as they are indented like the first."""
    if not MARKER.fullmatch(block["block"]):
        yield block.start("block"), block.end("block"), HIDDEN
    end, indent = block.end("block"), block["indent"]
    while (line := _LINE.match(text, end)) and line["indent"].startswith(indent):
        yield line.start("block"), line.end("block"), HIDDEN
        end = line.end("block")


def _unquoted(
    text: str, at: int, name: str, verdict: int, *, sep: str, outer: str, name_words: list[str]
) -> Iterator[Span]:
    parameters = _PARAMETER_SCHEME.match(text, at)
    if parameters and (rest := _PARAMETERS.match(text, parameters.end())):
        yield rest.start(), rest.end(), HIDDEN
        return
    scheme = _SCHEME.match(text, at) or (name_words[-1:] == ["authorization"] and _ANY_SCHEME.match(text, at))
    start = scheme.end() if scheme else at
    if scheme and MARKER.match(text, start):
        return
    if CALL.match(text, at) or CODE.match(text, at):
        return
    if (pattern := NO_VALUE.match(text, at)) and text[pattern.end() : pattern.end() + 1] in (
        "",
        " ",
        "\n",
        '"',
        "'",
    ):
        return
    bracket = _BRACKET.match(text, at) if verdict not in keys.BY_LOOK else None
    if bracket and (bracket.end() - at == 1 or any(quote in text[at : at + 80] for quote in "\"'")):
        end = _balanced(text, bracket.end() - 1)
        if bracket.end() - at == 1 or end == len(text) or text[end - 1] == _CLOSES[bracket[0][-1]]:
            if end - bracket.end() > 1 and not are_messages(text[at:end]):
                yield at, end, HIDDEN
            return  # otherwise a bare word with brackets in it: `m{{h}o)p`
    bare = _BARE.match(text, start)
    if bare is None:
        return
    end = bare.end()
    encoded = _ENCODED_END.search(text, start, end)
    if encoded and (sep.startswith("%") or encoded[0][0] in "&\\" or "?" in text[max(0, at - 200) : at]):
        end = encoded.start()
    if outer in ("?", "&") and (fragment := text.find("#", start, end)) >= 0:
        end = fragment
    end = _without_tail(text, start, end)
    value = text[start:end]
    if not scheme:
        if outer and outer in _QUOTES and value.endswith(outer):
            end -= 1
            value = value[:-1]
        if (
            CODE.fullmatch(value)
            or CALL.fullmatch(value)
            or is_status(value, name, "" if outer == QUOTED else sep)
        ):
            return
    if verdict == keys.TOKEN and outer not in ("?", "&") and is_plain_hash(value, name_words):
        return
    if not is_kept(value, name, verdict):
        yield start, end, HIDDEN
        while name_words[-1:] == ["codes"] and (more := _MORE.match(text, end)):
            yield more.start("code"), more.end("code"), HIDDEN
            end = more.end()


def _cookies(cookies: str, offset: int, *, is_set: bool) -> Iterator[Span]:
    for number, match in enumerate(_COOKIE.finditer(cookies)):
        name = match[0].partition("=")[0].strip().lower()
        if is_set and number and name in _COOKIE_ATTRIBUTES:
            continue
        if match["value"] and not MARKER.fullmatch(match["value"]):
            yield offset + match.start("value"), offset + match.end("value"), HIDDEN


def _closing(text: str, quote: str, start: int) -> int:
    """Where the text that `quote` opened ends: at the same quote, escaped as often; else at the end of the text."""
    slashes = len(quote) - 1 if quote[-1] in "\"'`" and quote not in _TRIPLE else -1
    if slashes < 0:
        end = text.find(quote, start)
        return end if end >= 0 else len(text)
    position = start
    while (end := text.find(quote[-1], position)) >= 0:
        before = end
        while before > start and text[before - 1] == "\\":
            before -= 1
        if end - before == slashes or (end - before < slashes):
            return before if end - before == slashes else end
        if slashes == 0 and (end - before) % 2 == 0:
            return end
        position = end + 1
    return len(text)


def _balanced(text: str, start: int) -> int:
    """The end of the bracketed subtree at `start`; the end of the text when it was cut off."""
    expected: list[str] = []
    position = start
    while position < len(text):
        char = text[position]
        if char in _CLOSES:
            expected.append(_CLOSES[char])
        elif char in ")]}":
            if not expected or expected.pop() != char:
                return position
            if not expected:
                return position + 1
        elif char in "\"'" and (text[position - 1] != "\\" or char == '"'):
            end = _string_end(text, position)
            position = end
            continue
        position += 1
    return len(text)


def _string_end(text: str, position: int) -> int:
    slashes = 0
    while text[position - 1 - slashes] == "\\":
        slashes += 1
    quote = "\\" * slashes + text[position]
    return _closing(text, quote, position + 1) + len(quote)


def _without_tail(text: str, start: int, end: int) -> int:
    """Leave out the punctuation of the sentence and the brackets around the pair."""
    while end > start:
        last = text[end - 1]
        if (last in ".,:!?" and end - start > 1) or (
            last in ")]}"
            and text.count(last, start, end) > text.count({")": "(", "]": "[", "}": "{"}[last], start, end)
        ):
            end -= 1
        else:
            break
    return end
