"""Names and values with more than a separator between them: markup, lists of pairs, forms, options, SQL columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from logkit.redact import keys, value_text
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import LOUD, OPTION, PAIR, QUOTED_OPTION, WORDS, Rule, Span
from logkit.redact.value_sense import is_kept
from logkit.redact.vocabulary import FIELD_NAMES

Verdict = Callable[[str], int]

_QUOTE = value_text.QUOTE
_SPACE = r"\s{0,16}+"
# {"name": "Authorization", "value": "x"}, and the same in two lines of YAML: its value is read like that of a pair
_NAMED = re.compile(
    rf"(?i)(?<![\w\-])(?:name|key|header|field|param|parameter|id|variable)(?:{_QUOTE})?{_SPACE}[=:]{_SPACE}b?{_QUOTE}"
    rf"(?P<name>[\w.\-\[\]]{{2,64}}){_QUOTE}{_SPACE}[,;]?{_SPACE}"
    rf"(?:{_QUOTE}?type{_QUOTE}?{_SPACE}[=:]{_SPACE}{_QUOTE}\w{{1,16}}{_QUOTE}{_SPACE},?{_SPACE})?"
    rf"{_QUOTE}?(?:value|content|val){_QUOTE}?{_SPACE}[=:]{_SPACE}"
    rf"|(?<![\w\-])(?:name|key): {{1,8}}(?P<line>[\w.\-]{{2,64}})(?:\r?\n|\\n) {{0,64}}value: {{1,8}}"
)
# "x" == password
_COMPARED = re.compile(r"[\"'](?P<value>[^\"'\r\n]{1,256})[\"'] ?[!=]==? ?(?P<name>[A-Za-z_][\w.]{1,64})")
# ("Authorization", "x")
_LISTED = re.compile(
    rf"[(\[]{_SPACE}b?(?P<q>\\*+[\"'])(?P<name>[\w.\-]{{2,64}})(?P=q){_SPACE},{_SPACE}"
    rf"[bBuU]?(?P<p>\\*+[\"'])(?P<value>(?:(?!(?P=p)).){{1,4096}}+)(?P=p){_SPACE}[)\]]"
)
# <password>x</password>, <property name="db.password">x</property>, <key>ClientSecret</key><string>x</string>
_ELEMENT = re.compile(
    r"<(?:key>(?P<key>[\w.\-]{2,64})</key>\s{0,64}<\w{1,16}|(?P<name>[A-Za-z_][\w:.\-]{1,64})"
    r"(?:\s(?:[^<>]{0,128}?\bname=\\?[\"'](?P<named>[\w.\-]{2,64})\\?[\"'])?[^<>]{0,256})?)>(?:\s{0,64}<value>)?(?:<!\[CDATA\[(?P<data>[^\]]{1,4096}+)\]|(?P<value>[^<>]++)</)"
)
# <input type="password" value="x">: the attributes of one tag, in any order
_TAG = re.compile(r"<(?P<tag>[A-Za-z][\w:.\-]{0,64}+)(?P<attributes>\s[^<>]{1,2048}+)>?")
_ATTRIBUTE = re.compile(
    r"(?<![\w\-])(?P<name>[A-Za-z][\w:.\-]{1,64}+)=(?P<quote>\\*[\"'])(?P<value>[^\"'<>\\]{0,1024}+)(?P=quote)"
)
_NAMES = ("name", "key", "id", "type", "property")
_VALUES = ("value", "content")
# variable "db_password" { default = "x" } of Terraform
_DEFAULT = re.compile(
    r"variable[ \t]{1,4}\\?\"(?P<name>[\w\-]{2,64})\\?\"\s{0,8}\{[^{}]{0,512}?(?<!\w)default\s{0,16}=\s{0,16}"
)
# &lt;password&gt;x&lt;/password&gt;
_ESCAPED_ELEMENT = re.compile(
    r"&lt;(?P<name>[A-Za-z_][\w:.\-]{1,64})&gt;"
    r"(?P<value>(?:(?!&lt;)[^<>\r\n]){1,512}+)&lt;/"
)
# ENV NAME x, setx NAME x, aws configure set name x
_SETTING = re.compile(
    r"(?:(?<![\w\-])(?:ENV|setx)|config(?:ure|:)? set)[ \t]{1,4}(?:--[\w\-]{1,16}[ \t]{1,4})?"
    r"(?P<name>[\w.\-]{2,64})[ \t]{1,4}"
    r"[\"']?(?P<value>[^\s\"'=][^\s\"']*+)"
)
# pydantic: the name of the field on one line; what is wrong with the value, and the value, on the next
_INPUT = re.compile(
    r"(?:^|[\r\n.]|\\n)(?P<name>\w{2,64})(?:\r?\n|\\n)  "
    r"[^\r\n]{1,256}?input_value=(?P<value>[^\r\n]{1,512}?)(?=, input_type=)"
)
# a part of multipart/form-data
_FORM_PART = re.compile(
    r"name=\\?\"(?P<name>[\w\[\].\-]{2,64})\\?\"[^\r\n\\]{0,128}(?:\r?\n|\\r\\n|\\n)"
    r"(?:[^\r\n\\]{1,128}(?:\r?\n|\\r\\n|\\n)){0,3}"
    r"(?:\r?\n|\\r\\n|\\n)"
    r"(?P<value>(?:(?!(?:\r?\n|(?:\\r)?\\n)--).){1,4096})"
)
# --password x
_OPTION = re.compile(
    rf"(?<![\w\-])(?:-(?=[A-Za-z_\-]{{3,64}}[ \t\"'])|--)(?P<name>[a-zA-Z_][\w\-]{{1,64}})"
    rf"(?:[ \t]{{1,16}}+|{_QUOTE},{_SPACE})"
    r"(?:(?P<q>\\*+[\"'])(?P<value>[^\"'\r\n\\]++)|(?P<word>[^\s\"'\\\-][^\s\"'\\]*+))"
)
# PostgreSQL: Key (email)=(x) already exists
_KEY_DETAIL = re.compile(r"Key \((?P<columns>[^()]{1,256}(?:\([^()]{0,64}\)[^()]{0,64})?)\)\s?=\s?\(")
_KEY_END = re.compile(
    r"\)(?:\s{1,4}(?:already exists|is not present|is still referenced|conflicts)|\.?$)|[\r\n]|$"
)
_INSERT = re.compile(
    r"(?i)\b(?:insert|replace)\s{1,8}(?:\w{1,16}\s{1,8})?into\s{1,8}[\"`\[]?(?P<table>[\w.\"`\[\]]{1,128}?)[\"`\]]?"
    r"\s{0,8}\((?P<columns>[^()]{1,4096})\)\s{0,8}values\s{0,8}\((?P<values>(?:'(?:[^']|'')*+'|[^()'])*+)"
)
_SQL_VALUE = re.compile(
    r"\s{0,8}(?P<value>(?P<placeholder>(?:%s|%\(\w{1,64}\)s|\?|:\w{1,64}|\$\d{1,4}|null|default)(?=\s{0,8}(?:,|$)))"
    r"|[NnEe]?'(?:[^']|'')*+'|[^,]++),?",
    re.IGNORECASE,
)


class NamedRules:
    """The rules that hide a value for the name it has somewhere near; `verdict` is the key rules' verdict on a name."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        option = self._by(_OPTION, values=("value", "word"))
        self.rules = (
            Rule("named value", PAIR, self._named_values, ("val", "content")),
            Rule("compared value", PAIR, self._by(_COMPARED), ("==", "!=")),
            Rule("pair in a list", PAIR, self._listed_pairs, ("',", '",', "' ,", '" ,')),
            Rule(
                "element",
                PAIR,
                self._by(_ELEMENT, names=("named", "key", "name"), values=("data", "value")),
                ("</",),
            ),
            Rule("escaped element", LOUD, self._by(_ESCAPED_ELEMENT), ("&lt;/",)),
            Rule("attribute", PAIR, self._attributes, ("value", "content")),
            Rule("setting of a variable", PAIR, self._defaults, ("variable",)),
            Rule("setting command", WORDS, self._by(_SETTING), ("env ", "setx ", "config")),
            Rule("input of a validator", PAIR, self._by(_INPUT), ("input_value=",)),
            Rule("form part", PAIR, self._by(_FORM_PART), ("name=",)),
            Rule("long option", WORDS, option, OPTION),
            Rule("quoted long option", LOUD, option, QUOTED_OPTION),
            Rule("columns and values", LOUD, self._columns, ("key (", "into")),
        )

    def _hides(self, name: str) -> bool:
        return self._verdict(name) in (keys.SECRET, keys.COUNT, keys.REFERENCE)

    def _by(
        self,
        pattern: re.Pattern[str],
        *,
        names: tuple[str, ...] = ("name",),
        values: tuple[str, ...] = ("value",),
    ) -> Callable[[str], Iterator[Span]]:
        """A search that hides the first of the groups `values` when the first of the groups `names` says so."""

        def find(text: str) -> Iterator[Span]:
            for match in pattern.finditer(text):
                name = next(match[each] for each in names if match[each] is not None)
                place = next(each for each in values if match[each] is not None)
                value = match[place].strip()
                if (
                    self._hides(name)
                    and not is_kept(value, name, keys.SECRET)
                    and not self._is_name(name, value)
                ):
                    yield match.start(place), match.end(place), HIDDEN

        return find

    def _named_values(self, text: str) -> Iterator[Span]:
        for match in _NAMED.finditer(text):
            name = match["name"] or match["line"]
            if self._hides(name):
                yield from value_text.values(text, match.end(), name, keys.SECRET, sep="=", outer="")

    def _attributes(self, text: str) -> Iterator[Span]:
        for tag in _TAG.finditer(text):
            found = list(_ATTRIBUTE.finditer(text, tag.start("attributes"), tag.end("attributes")))
            names = [tag["tag"], *(each["value"] for each in found if each["name"].lower() in _NAMES)]
            if any(map(self._hides, names)):
                for each in found:
                    if each["name"].lower() in _VALUES and not is_kept(each["value"], "", keys.SECRET):
                        yield each.start("value"), each.end("value"), HIDDEN

    def _defaults(self, text: str) -> Iterator[Span]:
        for match in _DEFAULT.finditer(text):
            if self._hides(match["name"]):
                yield from value_text.values(text, match.end(), match["name"], keys.SECRET, sep="=", outer="")

    def _listed_pairs(self, text: str) -> Iterator[Span]:
        for match in _LISTED.finditer(text):
            if self._hides(match["name"]) and not self._is_field_name(match["value"]):
                yield match.start("value"), match.end("value"), HIDDEN

    def _is_name(self, name: str, value: str) -> bool:
        """`--secret db_password`: the name of a secret."""
        return name == "secret" and value.isidentifier() and self._hides(value)

    def _is_field_name(self, value: str) -> bool:
        return value.lower() in FIELD_NAMES or (value.isidentifier() and self._hides(value))

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
            hides = self._hides(column) or (
                self._verdict(column) == keys.TOKEN and self._hides(f"{match['table']}_{column}")
            )
            if hides and not value["placeholder"]:
                yield (
                    match.start("values") + value.start("value"),
                    match.start("values") + value.end("value"),
                    HIDDEN,
                )
