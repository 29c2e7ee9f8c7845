"""Management commands as units of work. (C15)"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from loguru import logger

import logkit
from logkit.context import EMPTY, get_context, new_scope
from logkit.django import commands
from logkit.testing import Capture


class Command(BaseCommand):
    """Ends as its argument says."""

    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("end")

    def handle(self, *args: object, **options: object) -> None:
        logger.info("command.at_work")
        logkit.add_fields(rows=3)
        end = options["end"]
        if end == "error":
            raise CommandError("no such circle", returncode=4)
        if end == "bug":
            raise KeyError("broken")
        if end == "exit":
            raise SystemExit(0)


def test_c15_a_command_has_an_id_and_one_canonical_line(logs: Capture) -> None:
    """Its lines share the id, its own fields are on the last one, and nothing stays behind."""
    call_command(Command(), "well")
    finished, at_work = logs.only("command.finished"), logs.only("command.at_work")
    assert finished["level"] == "INFO"
    assert finished["context"]["request_id"] == at_work["context"]["request_id"]
    assert (finished["context"]["command"], finished["context"]["rows"]) == ("test_commands", 3)
    assert finished["context"]["outcome"] == "success"
    assert finished["context"]["duration_ms"] > 0
    assert get_context() is EMPTY


@pytest.mark.parametrize(
    ("end", "kind", "exit_code"), [("error", CommandError, 4), ("bug", KeyError, None)], ids=["error", "bug"]
)
def test_c15_a_failure_has_its_line_and_goes_on(
    logs: Capture, end: str, kind: type[Exception], exit_code: int | None
) -> None:
    """ERROR with the type; the exception reaches the caller, who has its traceback."""
    with pytest.raises(kind):
        call_command(Command(), end)
    failed = logs.only("command.failed")
    assert (failed["level"], failed["context"]["exception_type"]) == ("ERROR", kind.__name__)
    assert failed["context"].get("exit_code") == exit_code
    assert "exception" not in failed
    assert get_context() is EMPTY


def test_c15_leaving_with_zero_is_no_failure(logs: Capture) -> None:
    """`sys.exit(0)` in a command."""
    with pytest.raises(SystemExit):
        call_command(Command(), "exit")
    assert logs.only("command.finished")["context"]["exit_code"] == 0


def test_c15_a_command_called_by_a_request_belongs_to_it(logs: Capture) -> None:
    """It keeps the id and the user, and gives the context back."""
    with new_scope({"request_id": "request-1", "user_id": "7"}) as outer:
        call_command(Command(), "well")
        assert get_context() is outer
    assert logs.only("command.finished", request_id="request-1", user_id="7")


def test_c15_the_line_of_a_command_that_prints_data_is_debug(
    logs: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dumpdata > file` stays a file of data; a failure is still told."""
    monkeypatch.setattr(commands, "PRINT_DATA", frozenset({"test_commands"}))
    call_command(Command(), "well")
    assert logs.only("command.finished")["level"] == "DEBUG"
    with pytest.raises(KeyError):
        call_command(Command(), "bug")
    assert logs.only("command.failed")["level"] == "ERROR"


def test_c15_a_program_is_no_unit_of_work(logs: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runserver`, `shell` and their like leave the context alone."""
    monkeypatch.setattr(commands, "PROGRAMS", frozenset({"test_commands"}))
    call_command(Command(), "well")
    logs.none("command.finished")
    assert logs.only("command.at_work")["context"] == {}


def test_c09_commands_are_wrapped_once(logs: Capture) -> None:
    """Connecting again doubles no line."""
    commands.connect()
    call_command(Command(), "well")
    logs.only("command.finished")
