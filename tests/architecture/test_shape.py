"""The shape of the code: rooms of a readable size, a public face that changes on purpose, imports that stay light."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import logkit
from tests.program import PROJECT, program_environ, run

LARGEST = 340  # lines; a room that passes about 300 is asking to be two
PACKAGES = ("logkit", "mysite", "users", "messaging", "keeps")
FACE = {
    *(
        "AuditSchemaError",
        "AuditSettings",
        "AuditUnavailable",
        "ConfigError",
        "ContextExecutor",
        "LogSettings",
    ),
    *(
        "LogkitError",
        "RequestContextFilter",
        "add_fields",
        "add_sink",
        "audit",
        "bind_context",
        "bound_context",
    ),
    *("carry_context", "configure", "get_context", "logger", "remove_sink", "shutdown"),
}


def test_no_room_has_outgrown_itself() -> None:
    """Every module of the repository can be read in one sitting."""
    sizes = {
        str(path.relative_to(PROJECT)): len(path.read_text().splitlines())
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*.py")
        if "migrations" not in path.parts
    }
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_one_room_knows_the_private_names_of_loguru() -> None:
    """Another version of Loguru is a matter of one file."""
    private = re.compile(r"from loguru import .*\b_\w|\bloguru\._|\blogger\._|\b_exception_formatter\b")
    rooms = (PROJECT / "logkit").rglob("*.py")
    assert [path.name for path in rooms if private.search(path.read_text())] == ["fastlane.py"]


def test_the_public_face_is_what_it_was() -> None:
    """A name that comes or goes is a decision, with an entry in the changelog."""
    assert set(logkit.__all__) == FACE
    assert all(getattr(logkit, name) is not None for name in FACE)


@pytest.mark.parametrize("name", ["nothing", "_private"])
def test_an_unknown_name_is_an_attribute_error(name: str) -> None:
    """The lazy face behaves like a module."""
    with pytest.raises(AttributeError, match=name):
        getattr(logkit, name)


def test_the_root_imports_neither_django_nor_celery() -> None:
    """Every public name loads in a process that never sees the frameworks."""
    result = run(
        """
        for name in logkit.__all__: getattr(logkit, name)
        loaded = {"django", "celery", "httpx", "opentelemetry", "requests", "pytest"} & set(sys.modules)
        logger.bind(loaded=sorted(loaded)).info("names.loaded")
        """
    )
    assert result.only("names.loaded")["context"]["loaded"] == []


def test_the_rooms_keep_their_order() -> None:
    """import-linter's contracts hold."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter], cwd=PROJECT, env=program_environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_every_behaviour_row_has_its_test() -> None:
    """The rows of requests, Celery, lines, privacy and audit are each named by at least one test."""
    rows = {"r": 27, "c": 19, "l": 17, "p": 8, "a": 15}
    named = "\n".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    missing = [
        f"{row}{number:02}"
        for row, count in rows.items()
        for number in range(1, count + 1)
        if f"def test_{row}{number:02}_" not in named
    ]
    assert missing == []
