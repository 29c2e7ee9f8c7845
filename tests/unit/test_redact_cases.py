"""The redactor on labelled lines: nothing of the secrets comes out, everything else does. (P01, P02)"""

from __future__ import annotations

import json

import orjson
import pytest

from logkit.redact import Redactor
from tests.redaction_cases import CASES, Case

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
