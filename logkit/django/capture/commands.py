"""Management commands: recorded before they run, or they do not run. Some must work where no trail can be written."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from logkit import audit
from logkit.audit import Action, Actor
from logkit.errors import AuditUnavailable

# They build, check or serve; what they change is code or schema, which has a history of its own.
EXEMPT = frozenset(
    {
        "check",
        "collectstatic",
        "compilemessages",
        "doctor",
        "findstatic",
        "help",
        "logkit",  # the trail's own tools record what they do themselves
        "makemessages",
        "makemigrations",
        "migrate",
        "optimizemigration",
        "runserver",
        "showmigrations",
        "sqlmigrate",
        "squashmigrations",
        "test",
        "testserver",
        "version",
    }
)
_MARK = "_logkit_audited"
_COMMON = frozenset(BaseCommand.base_stealth_options) | {
    "args",
    "force_color",
    "no_color",
    "pythonpath",
    "settings",
    "skip_checks",
    "traceback",
    "verbosity",
}


def connect() -> None:
    original = BaseCommand.execute
    if hasattr(original, _MARK):
        return

    @wraps(original)
    def execute(self: BaseCommand, *args: Any, **options: Any) -> Any:
        name = _name(self)
        if name in EXEMPT:
            return original(self, *args, **options)
        return _recorded(_action(self, name, args, options), lambda: original(self, *args, **options))

    setattr(execute, _MARK, True)
    BaseCommand.execute = execute  # type: ignore[method-assign]


def _recorded(action: Action, run: Callable[[], Any]) -> Any:
    try:
        action.__enter__()
    except AuditUnavailable as error:
        raise CommandError(f"The command did not run, because it cannot be recorded: {error}") from error
    try:
        output = run()
    except BaseException as error:
        action.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        action.__exit__(None, None, None)
        return output
    finally:
        audit.settle()


def _action(command: BaseCommand, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Action:
    user = _os_user()
    return audit.action(
        "admin.command.run",
        actor=Actor.system(user),
        detail={"command": name, "os_user": user, "arg_names": _given(command, args, options)},
    )


def _given(command: BaseCommand, args: tuple[Any, ...], options: dict[str, Any]) -> list[str]:
    """The names of the arguments that were given, never their values."""
    default = command.create_parser("manage.py", _name(command)).get_default
    given = {name for name, value in options.items() if name not in _COMMON and value != default(name)}
    return sorted(given | ({"args"} if args else set()))


def _name(command: BaseCommand) -> str:
    return type(command).__module__.rpartition(".")[2]


def _os_user() -> str:
    """From the process, not from the environment, which anybody can set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
