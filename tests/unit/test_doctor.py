"""`logkit doctor`: what it finds in a healthy place, and what it says of each fault."""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from loguru import logger

import logkit
from logkit.cli import main
from logkit.pipeline import current_settings
from logkit.testing import QUIET

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-that-no-report-may-show-0123456789"

OURS = "import os, mysite.logging\nlogconfig_dict = mysite.logging.get_logging_config(os.environ)\n"

Findings = dict[str, list[dict[str, Any]]]
Doctor = Callable[..., Findings]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Variables that put everything below `tmp_path`."""
    names = {
        "AUDIT_DIR": "audit",
        "AUDIT_SPOOL_DIR": "spool",
        "AUDIT_KEY_DIR": "keys",
        "LOG_FILE": "app.jsonl",
    }
    return {name: str(tmp_path / place) for name, place in names.items()}


@pytest.fixture
def configured(places: dict[str, str]) -> Iterator[dict[str, str]]:
    """This process logs as `places` say; the variables."""
    environ = {**QUIET, "AUDIT": "on", "LOG_STDOUT": "on", **places}
    logkit.configure(environ)
    yield environ
    logkit.shutdown()


@pytest.fixture
def doctor(configured: dict[str, str], capsysbinary: pytest.CaptureFixture[bytes]) -> Doctor:
    """Run `logkit doctor --json` in this process; findings by what they are about. `code` is the exit code expected."""

    def run(*words: str, code: int = 0) -> Findings:
        assert main(["doctor", "--json", *words]) == code
        found: Findings = {}
        for finding in json.loads(capsysbinary.readouterr().out)["findings"]:
            found.setdefault(finding["about"], []).append(finding)
        return found

    return run


def as_program(
    *words: str, environ: Mapping[str, str], program: tuple[str, ...] = ("-m", "logkit"), **options: Any
) -> subprocess.CompletedProcess[str]:
    """`logkit doctor` as a process that knows nothing of this one's settings."""
    around = {
        name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, *program, "doctor", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=PROJECT,
        env={**around, **environ},
        **options,
    )


def states(found: Findings, about: str) -> list[str]:
    return [finding["state"] for finding in found[about]]


# The report


def test_a_healthy_place(places: dict[str, str], tmp_path: Path) -> None:
    """What is on, every canary back, the better command: golden, but for what differs from machine to machine."""
    result = as_program(
        environ={"LOG_ENVIRONMENT": "dev", "LOG_STDOUT_MODE": "buffered", "LOG_FAST_LANE": "auto", **places}
    )
    text = result.stdout.replace(str(tmp_path), "DIR")
    for pattern, instead in (
        (r"Python .*", "VERSIONS"),
        (r"\d{8}T\d{6}Z", "TIME"),
        (r"[\d.,]+ of [\d.,]+ GB free \(\w+\)", "ROOM"),
        (r"[✓·] clock .*", "✓ clock              NOW"),
        (r"\d+ checks", "N checks"),
    ):
        text = re.sub(pattern, instead, text)
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        (GOLDEN / "doctor.txt").write_text(text)
    assert text == (GOLDEN / "doctor.txt").read_text()
    assert (result.returncode, result.stderr) == (0, "")


def test_help_reads_as_it_should(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The manual page of doctor: golden."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    text = capsys.readouterr().out
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        (GOLDEN / "doctor-help.txt").write_text(text)
    assert text == (GOLDEN / "doctor-help.txt").read_text()


def test_the_project_is_looked_at_under_manage_py(tmp_path: Path) -> None:
    """Middleware, gunicorn and Celery of this service are in order; the settings are the project's."""
    environ = {"LOG_ENVIRONMENT": "test", "VAR_DIR": str(tmp_path), "AUDIT": "on"}
    result = as_program("--json", environ=environ, program=("manage.py", "logkit"))
    report = json.loads(result.stdout)
    found = {finding["about"]: finding["state"] for finding in report["findings"]}
    assert found["middleware"] == found["gunicorn"] == found["worker"] == found["broker"] == "ok"
    assert report["settings"]["AUDIT_DIR"] == {"value": str(tmp_path / "audit"), "origin": "project"}
    assert result.returncode == 0


@pytest.mark.parametrize(
    ("variables", "variable", "origin"),
    [
        ({"LOG_PSEUDONYM_KEY": SECRET}, "LOG_PSEUDONYM_KEY", "environment"),
        ({"LOG_PSEUDONYM_KEY_FILE": "{dir}/key"}, "LOG_PSEUDONYM_KEY", "file"),
        ({}, "LOG_PSEUDONYM_KEY", "development key"),
        ({"LOG_LEVEL": "debug"}, "LOG_LEVEL", "environment"),
        ({}, "AUDIT_LEVEL", "default"),
    ],
)
def test_every_setting_says_where_it_came_from(
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    variables: dict[str, str],
    variable: str,
    origin: str,
) -> None:
    """The values of secrets are nowhere."""
    (tmp_path / "key").write_text(SECRET)
    given = {name: value.format(dir=tmp_path) for name, value in variables.items()}
    for name in [name for name in os.environ if name.startswith(("LOG_", "AUDIT"))]:
        monkeypatch.delenv(name)
    for name, value in {"LOG_ENVIRONMENT": "dev", **places, **given}.items():
        monkeypatch.setenv(name, value)
    logkit.shutdown()
    main(["doctor", "--json", "--no-canary"])
    report = capsysbinary.readouterr().out
    assert json.loads(report)["settings"][variable]["origin"] == origin
    main(["doctor", "--all", "--no-canary"])
    assert SECRET.encode() not in report + capsysbinary.readouterr().out


def test_settings_that_cannot_be_used_are_the_diagnosis(places: dict[str, str]) -> None:
    """Each fault by itself, in production above all."""
    result = as_program(environ={**places, "LOG_LEVEL": "LOUD", "AUDIT_FSYNC": "maybe"})
    assert result.returncode == 1
    assert "✗ settings           LOG_LEVEL is 'LOUD'" in result.stdout
    assert "AUDIT_FSYNC is 'maybe'" in result.stdout
    assert "✗ 2 faults" in result.stdout


def test_quiet_and_strict(doctor: Doctor, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """--quiet leaves out what is in order; --strict counts a warning as a fault."""
    handler = logger.add(lambda _: None, diagnose=False)
    doctor("--no-canary")
    doctor("--no-canary", "--strict", code=1)
    main(["doctor", "--no-canary", "--quiet"])
    text = capsysbinary.readouterr().out.decode()
    logger.remove(handler)
    assert "✓" not in text
    assert text.startswith("Handlers\n! handlers")


# Sinks


def test_every_sink_gets_its_canary(doctor: Doctor, configured: dict[str, str]) -> None:
    """Stdout, file, streams, added sinks; the settings are as before, and nothing of it is on the real stdout."""
    events: list[Mapping[str, Any]] = []
    before = current_settings()
    logkit.add_sink(events.append, level="ERROR", name="collector")
    found = doctor()
    assert [states(found, about) for about in ("stdout", "file", "sink")] == [["ok"]] * 3
    assert [states(found, f"audit {stream}")[0] for stream in ("security", "compliance", "access")] == [
        "ok"
    ] * 3
    assert [event["message"] for event in events] == ["logkit.canary"] * 2
    assert events[0]["context"]["password"] == "[REDACTED]"
    assert current_settings() == before
    trail = Path(configured["AUDIT_DIR"])
    lines = [json.loads(line) for file in trail.glob("*/2*.jsonl") for line in file.read_text().splitlines()]
    checked = [line for line in lines if line["event"].endswith(".checked")]
    assert sorted(line["stream"] for line in checked) == ["access", "compliance", "security"]


@pytest.mark.parametrize("mode", ["direct", "buffered"])
@pytest.mark.parametrize("form", ["json", "console"])
def test_stdout_in_every_form(configured: dict[str, str], doctor: Doctor, mode: str, form: str) -> None:
    """Whatever is set, the canary is read back from a pipe."""
    logkit.configure({**configured, "LOG_FORMAT": form, "LOG_STDOUT_MODE": mode})
    assert states(doctor(), "stdout") == ["ok"]


def test_levels_do_not_hide_the_canary(configured: dict[str, str], doctor: Doctor) -> None:
    """It has the least level that passes."""
    logkit.configure({**configured, "LOG_LEVEL": "WARNING", "LOG_LEVELS": "logkit=ERROR"})
    found = doctor()
    assert (states(found, "stdout"), states(found, "file")) == (["ok"], ["ok"])


def test_without_canary_nothing_is_written(doctor: Doctor, configured: dict[str, str]) -> None:
    """Looking leaves no trace."""
    size = Path(configured["LOG_FILE"]).stat().st_size
    found = doctor("--no-canary")
    assert states(found, "sinks") == ["note"]
    assert Path(configured["LOG_FILE"]).stat().st_size == size
    assert not Path(configured["AUDIT_DIR"]).exists()


def test_a_canary_that_does_not_arrive(doctor: Doctor) -> None:
    """Somebody silenced the standard library."""
    logging.disable(logging.CRITICAL)
    try:
        (finding,) = doctor(code=1)["stdout"]
    finally:
        logging.disable(logging.NOTSET)
    assert finding["text"] == "The canary sent through the standard library did not arrive in a pipe."


def test_a_canary_that_comes_twice(doctor: Doctor) -> None:
    """Somebody's handler writes to the same place."""
    handler = logger.add(
        lambda message: os.write(1, message.record["extra"].get("canary", "").encode()), diagnose=False
    )
    try:
        (finding,) = doctor(code=1)["stdout"]
    finally:
        logger.remove(handler)
    assert finding["text"] == "The canary sent through Loguru came 2 times."


def test_p08_a_password_that_arrives(doctor: Doctor) -> None:
    """Somebody's handler writes what nobody redacted."""
    handler = logger.add(lambda message: os.write(1, repr(message.record["extra"]).encode()), diagnose=True)
    try:
        found = doctor(code=1)
    finally:
        logger.remove(handler)
    assert found["stdout"][0]["text"].startswith("The canary's password is in a pipe")
    assert [finding["code"] for finding in found["handlers"]] == ["logkit.E007", "logkit.W006"]


def test_a_sink_that_raises(doctor: Doctor) -> None:
    """An added sink that cannot take the canary is named."""

    def broken(_: object) -> None:
        raise RuntimeError

    logkit.add_sink(broken, name="broken")
    (finding,) = doctor(code=1)["sink"]
    assert finding["text"] == "broken raised at the canary."


def test_a_disk_that_takes_nothing(places: dict[str, str], tmp_path: Path) -> None:
    """Neither the file nor the trail got their canary: a limit on file sizes stands for a full disk."""
    result = as_program(
        "--json",
        environ={"LOG_ENVIRONMENT": "dev", **places},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    found = {finding["about"]: finding for finding in json.loads(result.stdout)["findings"]}
    assert found["file"]["text"].startswith("The canary sent through Loguru did not arrive in")
    assert found["audit security"]["text"].startswith("The trail did not take the canary")
    assert result.returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="changes of owner need root")
def test_the_trail_of_another_user_is_left_alone(doctor: Doctor, configured: dict[str, str]) -> None:
    """Root must not begin files that the service cannot continue."""
    trail = Path(configured["AUDIT_DIR"])
    trail.mkdir()
    os.chown(trail, 65534, 65534)
    found = doctor()
    assert states(found, "audit security") == ["warning"]
    assert states(found, "audit trail") == ["warning"]
    assert [*trail.iterdir()] == []


# The machine


def test_places_that_cannot_be_used(configured: dict[str, str], doctor: Doctor, tmp_path: Path) -> None:
    """A file where a directory should be made."""
    (tmp_path / "file").touch(mode=0o400)
    logkit.configure({**configured, "AUDIT_DIR": str(tmp_path / "file" / "audit")})
    found = doctor("--no-canary", code=1)
    assert found["audit trail"][0]["text"] == f"{tmp_path / 'file'} is not a directory."


def test_a_clock_that_was_set_back(doctor: Doctor, configured: dict[str, str]) -> None:
    """The trail was written to in what is now the future."""
    doctor()
    (segment,) = Path(configured["AUDIT_DIR"], "security").glob("2*.jsonl")
    os.utime(segment, (time.time() + 3600, time.time() + 3600))
    assert "before the trail's last write" in doctor("--no-canary", code=1)["clock"][0]["text"]


def test_lines_that_nobody_sealed(doctor: Doctor, configured: dict[str, str]) -> None:
    """An idle trail is sealed by beat or cron only."""
    doctor()
    for segment in Path(configured["AUDIT_DIR"]).glob("*/2*.jsonl"):
        os.utime(segment, (time.time() - 3600, time.time() - 3600))
    (finding,) = doctor("--no-canary")["audit security"]
    assert (finding["state"], finding["text"]) == ("note", "its last 1 lines are unsealed for 60 min")


def test_a_stream_past_its_time(doctor: Doctor, configured: dict[str, str]) -> None:
    """Nobody applies the retention."""
    stream = Path(configured["AUDIT_DIR"], "access")
    stream.mkdir(parents=True, mode=0o750)
    for name in ("20240101T000000Z-000000000001.jsonl", "20240201T000000Z-000000000002.jsonl"):
        (stream / name).touch(mode=0o640)
    (finding,) = doctor("--no-canary")["audit access"]
    assert finding["text"] == "20240101T000000Z-000000000001.jsonl is past its 180 days."


def test_a_log_file_that_is_not_rotated(doctor: Doctor, configured: dict[str, str]) -> None:
    """Twice the size at which it should have been."""
    os.truncate(configured["LOG_FILE"], 300_000_000)
    (finding,) = doctor("--no-canary")["rotation"]
    assert (finding["state"], "300 MB and should be rotated at 100 MB" in finding["text"]) == (
        "warning",
        True,
    )


# The project


def test_the_middleware(doctor: Doctor, settings: LazySettings) -> None:
    """The findings of the system checks, with their ids."""
    settings.MIDDLEWARE = []
    (finding,) = doctor("--no-canary", code=1)["middleware"]
    assert (finding["state"], finding["code"]) == ("problem", "logkit.E001")


def test_what_the_project_leaves_out(doctor: Doctor, settings: LazySettings) -> None:
    """The app, and a LOGGING_CONFIG of its own."""
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "logkit.django"]
    settings.LOGGING_CONFIG = None
    found = doctor("--no-canary")
    assert (states(found, "apps"), states(found, "LOGGING")) == (["warning"], ["warning"])


def test_debug_in_production(configured: dict[str, str], doctor: Doctor, settings: LazySettings) -> None:
    """Its pages show what lines hide."""
    settings.DEBUG = True
    logkit.configure({**configured, "LOG_ENVIRONMENT": "production", "LOG_PSEUDONYM_KEY": SECRET})
    assert states(doctor("--no-canary", code=1), "DEBUG") == ["problem"]


@pytest.mark.parametrize(
    ("config", "state"),
    [
        (
            OURS,
            "ok",
        ),
        (
            OURS + "accesslog = '-'",
            "note",
        ),
        ("workers = 2", "warning"),
        ("workers = two", "problem"),
    ],
)
def test_gunicorn(doctor: Doctor, tmp_path: Path, config: str, state: str) -> None:
    """Are its own lines ours, from its first one?"""
    (tmp_path / "config.py").write_text(config)
    found = doctor("--no-canary", "--gunicorn", str(tmp_path / "config.py"), code=int(state == "problem"))
    assert states(found, "gunicorn") == [state]


def test_celery(doctor: Doctor) -> None:
    """Eager tasks, pickle, and a broker that is not there."""
    from celery import Celery

    from mysite.celery import app

    other = Celery("other", broker="amqp://user:secret@127.0.0.1:1//")
    other.conf.update(task_always_eager=True, accept_content=["json", "pickle"])
    other.set_current()
    try:
        found = doctor("--no-canary", code=1)
    finally:
        app.set_current()
        app.set_default()
        other.close()
    assert [finding["text"].split(":")[0] for finding in found["tasks"]] == [
        "task_always_eager is on",
        "pickle is accepted",
    ]
    assert states(found, "broker") == ["problem"]
    assert "secret" not in found["broker"][0]["text"]
