"""The redactor on labelled lines: nothing of the secrets comes out, everything else does. (P01, P02)"""

from __future__ import annotations

import json
from collections import defaultdict

import orjson
import pytest

from logkit.redact import Redactor
from logkit.redact.keys import KeyRules
from logkit.redact.rule import ALL
from logkit.redact.values import ValueRules, signs_of
from tests.redaction import CASES, NAMES_HIDDEN, NAMES_KEPT, Case

REDACTOR = Redactor()
KINDS: dict[str, list[Case]] = defaultdict(list)
for case in CASES:
    KINDS[case.kind].append(case)


def _shown(source: object) -> str:
    if isinstance(source, str):
        return REDACTOR.text(source)
    assert isinstance(source, dict)
    return orjson.dumps(REDACTOR.fields(source)).decode()


@pytest.mark.parametrize("kind", KINDS)
def test_p02_labelled_lines(kind: str) -> None:
    """No secret of a labelled line comes out, and everything that should be kept does; the second time too."""
    failed = []
    for case in KINDS[kind] * 2:
        shown = _shown(case.source)
        leaked = [secret for secret in case.secrets if secret in shown]
        lost = [part for part in case.keep if part not in shown]
        if leaked or lost:
            failed.append(f"{case.source!r} -> {shown}\n  leaked {leaked}, lost {lost}")
    assert not failed, "\n".join(failed)


def test_p05_redacting_twice_changes_nothing() -> None:
    """What was redacted stays as it is when it passes the redactor again."""
    for case in CASES:
        once = _shown(case.source)
        again = REDACTOR.text(once) if isinstance(case.source, str) else _shown(json.loads(once))
        assert again == once, case


TEXTS = [case.source for case in CASES if isinstance(case.source, str)]
RULES = ValueRules(KeyRules().verdict)


def test_p02_no_gate_hides_a_rule() -> None:
    """The signs and words that call for rules save time and change nothing: without them the same is hidden."""
    for text in TEXTS:
        gated = RULES.scrub(text)
        ungated = text
        for each in RULES.rules:
            ungated = each.apply(ungated)
        assert RULES.scrub(ungated) == gated, text  # scrubbed: escapes are taken apart once more


def test_p02_every_way_through_a_gate_is_walked() -> None:
    """Every rule hides something of some line, through every one of its words; no gate can be narrowed unseen."""
    walked: set[tuple[str, str]] = set()
    for text in TEXTS:
        low = f" {text.lower()}"
        for each in RULES.called_for(text, signs_of(text)):
            ways = [need for need in each.needs or ("",) if need in low]
            if len(ways) == 1 and next(each.find(text), None) is not None:  # the only way for this text
                walked.add((each.name, ways[0]))
            text = each.apply(text)
    every = {(each.name, need) for each in RULES.rules for need in each.needs or ("",)}
    assert every - walked == set()


def test_p02_rules_are_called_for_by_their_signs() -> None:
    """A text that shows all signs is looked at by every rule whose words it has."""
    everything = " ".join(need for each in RULES.rules for need in each.needs)
    assert RULES.called_for(everything, ALL) == list(RULES.rules)


WRITTEN = [
    "{name}={value}",
    "{name}={value} next=1",
    "{name}: {value}, next: 1",
    "{name} = '{value}' next=1",
    '{name}="{value}" next=1',
    '"{name}": "{value}", "next": 1',
    "'{name}': '{value}', 'next': 1",
    '{{\\"{name}\\": \\"{value}\\", \\"next\\": 1}}',
    "{name} => '{value}', next",
    "a=1&{name}={value}&next=1",
    "?{name}={value}#next",
    "{name} := {value}",
    "[{name}={value}] next",
    "({name}={value}, next=1)",
    "--{name}={value} next",
    "{{'{name}': {value}}} next",
    "{name} -> {value}",
    "\\n{name}={value}\\nnext=1",
    "{name}={value}|next=1",
    "err: {name}={value}: next",
]


@pytest.mark.parametrize("template", WRITTEN)
def test_p02_every_name_in_every_way_of_writing(template: str) -> None:
    """Names that are secrets hide their value, however the pair is written; other names hide nothing."""
    for name in filter(_is_one_word, NAMES_HIDDEN):
        for value in ("hunter2", "Xk9-mQ2_vL7pR4tY8wZ1", "p@ss!W0rd#1", "correct-horse-battery", "12345678"):
            text = template.format(name=name, value=value)
            shown = REDACTOR.text(text)
            assert value not in shown, text
            assert ("next" in shown) == ("next" in text), (text, shown)
    for name in NAMES_KEPT:
        for value in (
            "blue-17",
            "42",
            "2026-11-23",
            "user:42:profile",
            "550e8400-e29b-41d4-a716-446655440000",
        ):
            text = template.format(name=name, value=value)
            assert REDACTOR.text(text) == text


def _is_one_word(name: str) -> bool:
    return "[" not in name
