"""`assert_no_secrets`: planted canaries, and every sink that is searched for them."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from loguru import logger

import logkit
from logkit import audit
from logkit.testing import QUIET, Canaries, NoSecrets

Plant = Callable[[Canaries], object]


@pytest.fixture
def everywhere(tmp_path: Path) -> Path:
    """Every sink is on: stdout, a file, the trail."""
    logkit.shutdown()
    logkit.configure(
        QUIET
        | {"LOG_STDOUT": "on", "LOG_FORMAT": "json", "LOG_FILE": str(tmp_path / "app.log")}
        | {"AUDIT": "on", "AUDIT_DIR": str(tmp_path / "audit"), "AUDIT_SPOOL_DIR": str(tmp_path / "spool")}
        | {"AUDIT_KEY_DIR": str(tmp_path / "keys"), "AUDIT_FSYNC": "never"}
    )
    return tmp_path


def leak(plant: Plant, *others: str) -> str:
    with pytest.raises(AssertionError) as raised, NoSecrets(*others) as canaries:
        plant(canaries)
    return str(raised.value)


def test_what_is_redacted_is_no_leak(
    assert_no_secrets: Callable[..., NoSecrets], everywhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Canaries that go where secrets go are in no sink; and they were there: each sink has their lines."""
    with assert_no_secrets() as canaries:
        logger.bind(**{name: value for name, value in canaries.items() if name != "text"}).info("form.sent")
        audit.emit(
            "auth.login.failed",
            outcome="failure",
            reason="bad_password",
            actor=audit.Actor.anonymous(auth_method="password"),
            detail={"identifier_ref": "h1:k1:0123", "password": canaries.password},
        )
    out = capfd.readouterr().out
    for text in (out, (everywhere / "app.log").read_text()):
        assert text.count('"message":"canary.planted"') == 3
        assert "form.sent" in text
        assert "[REDACTED" in text


@pytest.mark.parametrize("name", [name for name, _ in Canaries().items() if name != "text"])
def test_each_canary_is_known_by_its_shape(everywhere: Path, name: str) -> None:
    """In the middle of a sentence, where no key tells; a password has none, and a cookie's needs its name."""
    canaries = Canaries()
    value = getattr(canaries, name)
    told = {"password": f"password={value}", "session": f"Cookie: sessionid={value}"}.get(name, value)
    with NoSecrets(value):
        logger.bind(note=f"they wrote {told} to us").info("form.sent")


def test_content_is_a_leak_wherever_it_stands(everywhere: Path) -> None:
    """No rule can know it; the failure names event, field and place."""
    told = leak(lambda canaries: logger.bind(note=canaries.text).info("message.sent"))
    assert told.startswith("a secret can be read in 3 places:\n  text in the field 'note' of message.sent (")
    assert "test_canaries.py:" in told.splitlines()[1]
    assert "\n  text in stdout: " in told
    assert f"\n  text in {everywhere / 'app.log'}: " in told


@pytest.mark.parametrize(
    ("plant", "where"),
    [
        (lambda c: logger.info(c.text), "the message of my dear"),
        (lambda c: print(c.password), "password in stdout"),
        (lambda c: os.write(2, c.password.encode()), "password in stderr"),
        (
            lambda c: logkit.bind_context(note=c.text) or logger.info("keep.seen"),
            "the field 'note' of keep.seen",
        ),
        (
            lambda c: logger.bind(x=base64.b64encode(c.text.encode()).decode()).info("keep.seen"),
            "text (in base64)",
        ),
        (lambda c: logger.bind(x=c.text.encode().hex()).info("keep.seen"), "text (in hex)"),
        (
            lambda c: logger.bind(x=c.text.replace(" ", "%20").replace(",", "%2C")).info("keep.seen"),
            "text (quoted for a URL)",
        ),
        (
            lambda c: subprocess.run([sys.executable, "-c", f"print({c.api_key!r})"], check=True),
            "api_key in stdout",
        ),
    ],
    ids=["message", "print", "stderr", "context", "base64", "hex", "url", "child"],
)
def test_a_leak_is_found(everywhere: Path, plant: Plant, where: str) -> None:
    """Whatever way it took."""
    assert where in leak(plant)


def test_files_are_searched_also_when_they_were_rotated(everywhere: Path) -> None:
    """And compressed; and the trail's."""
    (everywhere / "app.2026-01-01.log.gz").write_bytes(gzip.compress(b"the real token: 0123456789abcdef"))
    (everywhere / "audit" / "security").mkdir(parents=True, exist_ok=True)
    (everywhere / "audit" / "security" / "note.txt").write_text("the real token: 0123456789abcdef")
    told = leak(lambda canaries: None, "0123456789abcdef")
    assert told.startswith("a secret can be read in 2 places:\n  the 1. value in ")
    assert "app.2026-01-01.log.gz: the real token: 0123456789abcdef" in told
    assert "note.txt" in told


def test_another_pythons_lines_are_searched(everywhere: Path) -> None:
    """Of a process that logs by itself."""
    code = (
        "import logkit, sys; logkit.configure({'LOG_ENVIRONMENT': 'test', 'AUDIT': 'off', 'LOG_STDOUT': 'off'});"
        "logkit.logger.bind(note=sys.argv[1]).info('child.spoke')"
    )
    told = leak(lambda c: subprocess.run([sys.executable, "-c", code, c.text], check=True, timeout=60))
    assert "text in the field 'note' of child.spoke" in told


def test_a_block_that_fails_fails_as_itself(everywhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its own error is what is to be read; stdout is what it was, and has what was written meanwhile."""
    with pytest.raises(ZeroDivisionError), NoSecrets() as canaries:  # noqa: PT012
        print(canaries.password)
        raise ZeroDivisionError
    logger.info("keep.seen")
    os.write(1, b"after\n")
    out = capfd.readouterr().out
    assert canaries.password in out
    assert "keep.seen" in out
    assert out.endswith("after\n")


def test_without_any_configuration_it_still_looks() -> None:
    """A library's tests have none."""
    logkit.shutdown()
    with NoSecrets():
        logger.bind(password="x").info("keep.seen")
    assert "the field 'note'" in leak(lambda c: logger.bind(note=c.text).info("keep.seen"))


def test_canaries_are_different_every_time() -> None:
    """What is found was planted by this test."""
    first, second = dict(Canaries().items()), dict(Canaries().items())
    assert all(first[name] != second[name] for name in first)
