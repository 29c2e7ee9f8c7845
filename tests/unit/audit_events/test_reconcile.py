"""`logkit audit reconcile` at the terminal."""

import pytest

from logkit import audit, cli
from tests.unit.audit_events.desk import Desk

EXPORT = {"scope": "all", "format": "zip", "legal_basis": "consent"}


@pytest.fixture
def terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The environment of the desk's trail."""
    monkeypatch.setenv("LOG_ENVIRONMENT", "test")
    for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR"):
        monkeypatch.setenv(name, str(desk.root / name.lower()))
    return desk


def test_an_intent_without_an_outcome_is_settled_once(
    terminal: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Young intents are left alone; an old one gets `unknown`, and a second run has nothing to do."""
    left = audit.action("data.export.requested", detail=EXPORT)
    left.__enter__()
    with audit.action("data.export.requested", detail=EXPORT):
        pass
    assert cli.main(["audit", "reconcile"]) == 0
    assert capsys.readouterr().out.startswith("0 intents")
    assert cli.main(["audit", "reconcile", "--older-than", "0.000001s"]) == 0
    assert capsys.readouterr().out.startswith("1 intent")
    assert cli.main(["audit", "reconcile", "--older-than", "0.000001s"]) == 0
    assert capsys.readouterr().out.startswith("0 intents")
    (unknown,) = [line for line in terminal.lines() if line.get("reason") == "no_outcome"]
    assert (unknown["intent_id"], unknown["outcome"]) == (left.id, "unknown")


def test_a_period_that_is_none_is_explained(terminal: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and what is allowed."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["audit", "reconcile", "--older-than", "soon"])
    assert exit_.value.code == 3
    assert "a period such as" in capsys.readouterr().err
