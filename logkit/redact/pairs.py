"""Names with values in a text: `password=x`, `"token": "x"`, `?code=x`, `Cookie: a=b`, `<pin>1</pin>`.

A name is found by what follows it, judged by the same key rules as a field's name, and its value is then read to its
end: a quoted text at any level of escaping, a bracketed subtree, the pairs of a cookie, or one bare word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from logkit.redact import keys, value_sense, value_text
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import LOUD, OPTION, PAIR, QUOTED_OPTION, WORDS, Rule, Span
from logkit.redact.vocabulary import FIELD_NAMES

Verdict = Callable[[str], int]

_QUOTE = r"(?:\\*+[\"'`]|&quot;|&\#x27;|&\#39;|%22|%27)"
_PAIR = re.compile(
    rf"""
    (?P<name>\w(?<!\w\w)(?<!\w[.\-]\w)\w*+(?:[.\-]++\w++)*+(?:\[[\w\-'"]{{0,64}}\])*+)
    (?P<quote>{_QUOTE}?+)
    (?:[ \t]|%20)*+(?P<sep>===?|!==?|:=|=>|->|=|:(?![:/])|:(?=/[^/])|%3[DdAa])(?:[ \t]|%20)*+
    """,
    re.VERBOSE,
)
# Names of one word that only mean something after the word before them: `api key: x`, `card number: x`.
_TAILS = frozenset(
    [
        "key",
        "keys",
        "number",
        "no",
        "num",
        "code",
        "codes",
        "id",
        "word",
        "phrase",
        "answer",
        "link",
        "url",
        "credential",
        "birth",
    ]
)
_SOURCE_FILES = (
    ".py",
    ".pyc",
    ".html",
    ".js",
    ".ts",
    ".yaml",
    ".yml",
    ".json",
    ".toml",
    ".sql",
    ".txt",
    ".md",
    ".go",
)
_NO_PAIRS = keys.NO_SECRETS - {keys.TOKEN}
_ESCAPES = {"\\": re.compile(r"[nrt](?=\w)"), "%": re.compile(r"[0-9A-Fa-f]{2}(?=\w)")}


class PairRules:
    """The rules that need the key rules' verdict on a name."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self.rules = (
            Rule("name and value", PAIR, self._pairs),
            Rule("named value", PAIR, self._named_values, ("value", "content", "val")),
            Rule("pair in a list", PAIR, self._listed_pairs, ("',", '",', "' ,", '" ,')),
            Rule("element", PAIR, self._elements, ("</",)),
            Rule("form part", PAIR, self._form_parts, ("name=",)),
            Rule("long option", WORDS, self._options, OPTION),
            Rule("quoted long option", LOUD, self._options, QUOTED_OPTION),
            Rule("columns and values", LOUD, self._columns, ("key (", "insert ", "replace into", "insert\n")),
        )

    def _pairs(self, text: str) -> Iterator[Span]:
        position = 0
        while match := _PAIR.search(text, position):
            position = match.end()
            name = match["name"]
            start = match.start()
            if start and text[start - 1] in "\\%" and (escape := _ESCAPES[text[start - 1]].match(name)):
                name = name[
                    escape.end() :
                ]  # the n of a literal \n, and the 3F of %3F, are no part of the name
            if name.endswith(_SOURCE_FILES):
                continue  # auth/password.py:12
            verdict = self._verdict(name)
            if verdict in keys.NO_SECRETS and name.lower() in _TAILS:
                name, verdict = self._with_words_before(text, start, name, verdict)
            if verdict in _NO_PAIRS:
                continue
            if (
                match["sep"] == ":"
                and text[start - 1 : start] == ":"
                and "arn:" in text[max(0, start - 80) : start]
            ):
                continue  # the name of a secret at Amazon's
            outer = text[start - 1 : start] if match["quote"] == "" else value_text.QUOTED
            for span in value_text.values(text, position, name, verdict, sep=match["sep"], outer=outer):
                yield span
                position = span[1]

    def _with_words_before(self, text: str, start: int, name: str, verdict: int) -> tuple[str, int]:
        before = text[max(0, start - 50) : start]
        if not before.endswith(" "):
            return name, verdict
        words = before.split()[-2:]
        while words:
            longer = " ".join([*words, name])
            if (found := self._verdict(longer)) not in keys.NO_SECRETS:
                return longer, found
            del words[0]
        return name, verdict

    def _hides(self, name: str) -> bool:
        return self._verdict(name) in (keys.SECRET, keys.COUNT, keys.REFERENCE)

    def _named_values(self, text: str) -> Iterator[Span]:
        for match in _NAMED.finditer(text):
            if self._hides(match["name"]):
                yield from value_text.values(text, match.end(), match["name"], keys.SECRET, sep="=", outer="")

    def _listed_pairs(self, text: str) -> Iterator[Span]:
        for match in _LISTED.finditer(text):
            if self._hides(match["name"]) and not self._is_field_name(match["value"]):
                yield match.start("value"), match.end("value"), HIDDEN

    def _is_field_name(self, value: str) -> bool:
        return value.lower() in FIELD_NAMES or (value.isidentifier() and self._hides(value))

    def _elements(self, text: str) -> Iterator[Span]:
        for match in _ELEMENT.finditer(text):
            if self._hides(match["name"]) and not value_sense.is_kept(
                match["value"].strip(), match["name"], keys.SECRET
            ):
                yield match.start("value"), match.end("value"), HIDDEN

    def _form_parts(self, text: str) -> Iterator[Span]:
        for match in _FORM_PART.finditer(text):
            if self._hides(match["name"]):
                yield match.start("value"), match.end("value"), HIDDEN

    def _options(self, text: str) -> Iterator[Span]:
        for match in _OPTION.finditer(text):
            place = "value" if match["value"] else "word"
            if self._hides(match["name"]) and not value_sense.is_kept(
                match[place], match["name"], keys.SECRET
            ):
                yield match.start(place), match.end(place), HIDDEN

    def _columns(self, text: str) -> Iterator[Span]:
        position = 0
        while match := _KEY_DETAIL.search(text, position):
            position = match.end()
            if any(self._hides(column) for column in re.findall(r"\w+", match["columns"])):
                end = _KEY_END.search(text, position)
                position = end.start() if end else len(text)
                yield match.end(), position, HIDDEN
        for match in _INSERT.finditer(text):
            yield from self._inserted(match)

    def _inserted(self, match: re.Match[str]) -> Iterator[Span]:
        columns = [column.strip(' "`[]\n\t') for column in match["columns"].split(",")]
        for column, value in zip(columns, _SQL_VALUE.finditer(match["values"]), strict=False):
            if self._hides(column) and not value["placeholder"]:
                yield (
                    match.start("values") + value.start("value"),
                    match.start("values") + value.end("value"),
                    HIDDEN,
                )


_SPACE = r"\s{0,16}+"
_NAMED = re.compile(
    rf"(?i)(?<![\w\-])(?:name|key|header|field|param|parameter|id|variable)(?:{_QUOTE})?{_SPACE}[=:]{_SPACE}b?{_QUOTE}"
    rf"(?P<name>[\w.\-\[\]]{{2,64}}){_QUOTE}{_SPACE}[,;]?{_SPACE}"
    rf"(?:{_QUOTE}?type{_QUOTE}?{_SPACE}[=:]{_SPACE}{_QUOTE}\w{{1,16}}{_QUOTE}{_SPACE},?{_SPACE})?"
    rf"{_QUOTE}?(?:value|content|val){_QUOTE}?{_SPACE}[=:]{_SPACE}"
)
_LISTED = re.compile(
    rf"[(\[]{_SPACE}b?(?P<q>\\*+[\"'])(?P<name>[\w.\-]{{2,64}})(?P=q){_SPACE},{_SPACE}"
    rf"[bBuU]?(?P<p>\\*+[\"'])(?P<value>(?:(?!(?P=p)).){{1,4096}}+)(?P=p){_SPACE}[)\]]"
)
_ELEMENT = re.compile(r"<(?P<name>[A-Za-z_][\w:.\-]{1,64})(?:\s[^<>]{0,256})?>(?P<value>[^<>]++)</")
_FORM_PART = re.compile(
    r"name=\\?\"(?P<name>[\w\[\].\-]{2,64})\\?\"[^\r\n\\]{0,128}(?:\r?\n|\\r\\n|\\n)(?:[^\r\n\\]{1,128}(?:\r?\n|\\r\\n|\\n)){0,3}"
    r"(?:\r?\n|\\r\\n|\\n)"
    r"(?P<value>(?:(?!(?:\r?\n|(?:\\r)?\\n)--).){1,4096})"
)
_OPTION = re.compile(
    rf"(?<![\w\-])--?(?P<name>[a-zA-Z_][\w\-]{{1,64}})(?:[ \t]{{1,16}}+|{_QUOTE},{_SPACE})"
    r"(?:(?P<q>\\*+[\"'])(?P<value>[^\"'\r\n\\]++)|(?P<word>[^\s\"'\\\-][^\s\"'\\]*+))"
)
_KEY_DETAIL = re.compile(r"Key \((?P<columns>[^()]{1,256}(?:\([^()]{0,64}\)[^()]{0,64})?)\)\s?=\s?\(")
_KEY_END = re.compile(r"\)(?: already exists| is not present| is still referenced| conflicts|\.?$)|[\r\n]|$")
_INSERT = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,8}(?:\w{1,16}\s{1,8})?into\s{1,8}[\w.\"`\[\]]{1,128}\s{0,8}\((?P<columns>[^()]{1,4096})\)"
    r"\s{0,8}values\s{0,8}\((?P<values>(?:'(?:[^']|'')*+'|[^()'])*+)"
)
_SQL_VALUE = re.compile(
    r"\s{0,8}(?P<value>(?P<placeholder>(?:%s|%\(\w{1,64}\)s|\?|:\w{1,64}|\$\d{1,4}|null|default)(?=\s{0,8}(?:,|$)))"
    r"|[NnEe]?'(?:[^']|'')*+'|[^,]++),?",
    re.IGNORECASE,
)
