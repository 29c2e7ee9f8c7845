"""The redactor on labelled lines: nothing of the secrets comes out, everything else does. (P01, P02)"""

from __future__ import annotations

import json

import orjson
import pytest

from logkit.redact import Redactor
from logkit.redact.keys import KeyRules
from logkit.redact.values import ValueRules
from tests.redaction_cases import CASES, FIELDS_HIDDEN, FIELDS_KEPT, Case

REDACTOR = Redactor()


def _shown(source: object) -> str:
    if isinstance(source, str):
        return REDACTOR.text(source)
    assert isinstance(source, dict)
    return orjson.dumps(REDACTOR.fields(source)).decode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_p02_labelled_lines(case: Case) -> None:
    """No secret of a labelled line comes out, and everything that should be kept does."""
    shown = _shown(case.source)
    assert not [secret for secret in case.secrets if secret in shown], shown
    assert not [part for part in case.keep if part not in shown], shown


def test_p05_redacting_twice_changes_nothing() -> None:
    """What was redacted stays as it is when it passes the redactor again."""
    for case in CASES:
        once = _shown(case.source)
        again = REDACTOR.text(once) if isinstance(case.source, str) else _shown(json.loads(once))
        assert again == once, case


def test_p02_every_rule_is_reached() -> None:
    """Each value rule hides something of some line, through the signs and words that call for it."""
    reached = {
        rule for case in CASES if isinstance(case.source, str) for rule, _, _ in REDACTOR.explain(case.source)
    }
    assert reached == {rule.name for rule in ValueRules(KeyRules().verdict).rules}


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
    for name in FIELDS_HIDDEN:
        for value in ("hunter2", "Xk9-mQ2_vL7pR4tY8wZ1", "p@ss!W0rd#1", "correct-horse-battery", "12345678"):
            text = template.format(name=name, value=value)
            shown = REDACTOR.text(text)
            assert value not in shown, text
            assert ("next" in shown) == ("next" in text), (text, shown)
    for name in FIELDS_KEPT:
        for value in (
            "blue-17",
            "42",
            "2026-11-23",
            "user:42:profile",
            "550e8400-e29b-41d4-a716-446655440000",
        ):
            text = template.format(name=name, value=value)
            assert REDACTOR.text(text) == text
