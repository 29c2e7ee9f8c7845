"""`logkit explain-redaction` and `logkit pseudonym`, as people type them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from logkit.cli import main
from logkit.redact import Pseudonyms
from logkit.settings import DEVELOPMENT_KEY

KEY = "the-key-of-the-tests-has-32-characters-and-more"


def test_a_text_is_explained_rule_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """The text as it would be logged, then each rule with a hint of what it hides."""
    assert main(["explain-redaction", "login password=hunter2x from bob@example.org"]) == 0
    assert capsys.readouterr().out == (
        "login password=[REDACTED] from [REDACTED:email]\n"
        "  name and value  hu… (8 characters) -> [REDACTED]\n"
        "  e-mail address  bo… (15 characters) -> [REDACTED:email]\n"
    )


def test_a_clean_text_is_said_to_be_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, as grep has it, when nothing is hidden."""
    assert main(["explain-redaction", "message.sent"]) == 1
    assert capsys.readouterr().out == "message.sent\n  nothing is hidden\n"


def test_lines_of_standard_input_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object for each line, for machines."""
    monkeypatch.setattr("sys.stdin", io.StringIO("token=abc12345\nhello\n"))
    assert main(["explain-redaction", "--json", "-"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["hidden"] == [
        {"rule": "name and value", "hides": "ab… (8 characters)", "shows": "[REDACTED]"}
    ]
    assert second == {"text": "hello", "hidden": []}


def test_keys_are_judged_with_the_configuration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`LOG_REDACT_KEYS` and `LOG_REDACT_ALLOW` count, whatever else is configured."""
    monkeypatch.setenv("LOG_REDACT_KEYS", "nickname")
    monkeypatch.setenv("LOG_REDACT_ALLOW", "token_hint")
    arguments = ["nickname", "token_hint", "password", "tokens", "session", "signature", "author"]
    assert main(["explain-redaction", *(f"--key={name}" for name in arguments)]) == 0
    said = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
    assert [name for name in arguments if said[name].startswith("stays")] == ["token_hint", "author"]
    assert "count" in said["tokens"]
    assert "pseudonym" in said["session"]
    assert "random" in said["signature"]


def test_the_pseudonym_to_look_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under the key in use and, when asked for, under an earlier one."""
    monkeypatch.setenv("LOG_ENVIRONMENT", "test")
    monkeypatch.setenv("LOG_PSEUDONYM_KEY", KEY)
    old = tmp_path / "old"
    old.write_text(DEVELOPMENT_KEY.reveal() + "\n")
    assert main(["pseudonym", "email", "Jane@example.org", "--old-key-file", str(old)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        Pseudonyms(KEY).of("email", "jane@example.org"),
        Pseudonyms(DEVELOPMENT_KEY.reveal()).of("email", "jane@example.org"),
    ]


def test_an_old_key_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file and why, as every other program says it."""
    monkeypatch.setenv("LOG_ENVIRONMENT", "test")
    assert main(["pseudonym", "email", "jane@example.org", "--old-key-file", f"{tmp_path}/none"]) == 2
    assert capsys.readouterr().err == f"logkit pseudonym: {tmp_path}/none: No such file or directory\n"


def test_a_missing_key_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In production there is no pseudonym without a key of its own."""
    monkeypatch.setenv("LOG_ENVIRONMENT", "production")
    monkeypatch.delenv("LOG_PSEUDONYM_KEY", raising=False)
    monkeypatch.delenv("LOG_PSEUDONYM_KEY_FILE", raising=False)
    assert main(["pseudonym", "email", "jane@example.org"]) == 2
    assert "LOG_PSEUDONYM_KEY is not set" in capsys.readouterr().err
