"""Where the apps speak: in their services, once for a change, in one vocabulary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mysite.events import FIELDS
from tests.program import PROJECT

# The rooms that log. An event looks the same whether HTTP, Celery or the admin caused it, because none of these logs.
SPEAKERS = {
    "users": ("services/", "denials.py", "letters.py"),
    "messaging": ("services.py", "dispatch.py", "push.py", "gateway/"),
    "keeps": ("services.py", "processing.py", "exporting.py", "sharing.py", "upkeep.py", "moves.py"),
    "mysite": ("limits.py", "health.py", "preflight.py"),
}
LEVELS = {"debug", "info", "warning", "error", "critical", "log"}
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


def rooms(app: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module of an app: its path below the app, and its code."""
    for path in sorted((PROJECT / app).rglob("*.py")):
        yield str(path.relative_to(PROJECT / app)), ast.parse(path.read_text())


def imports(module: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def logs_here(module: ast.Module) -> bool:
    """Does it have a logger? One that is imported for its type alone is none."""
    module = ast.Module([node for node in module.body if not _for_types(node)], [])
    return bool(imports(module) & {"loguru.logger", "logkit.logger", "logging"})


def _for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("app", SPEAKERS)
def test_only_the_services_speak(app: str) -> None:
    """Views, tasks, models, the admin and signal handlers have no logger."""
    speaking = {room for room, module in rooms(app) if logs_here(module)}
    assert {room for room in speaking if not room.startswith((*SPEAKERS[app], "demo/"))} == set()


@pytest.mark.parametrize("app", ["users", "messaging", "keeps"])
def test_signal_handlers_say_that_they_ran(app: str) -> None:
    """They are connected by logkit's receiver, which logs start, success and failure; never by Django's."""
    for room, module in rooms(app):
        assert "django.dispatch.receiver" not in imports(module), room
        connects = [node for node in ast.walk(module) if _calls(node, "connect")]
        assert not connects, room


@pytest.mark.parametrize("app", SPEAKERS)
def test_fields_are_of_the_one_vocabulary(app: str) -> None:
    """Whatever an app binds is explained in mysite.events.FIELDS."""
    bound = {
        keyword.arg
        for room, module in rooms(app)
        if not room.startswith("demo/")
        for node in ast.walk(module)
        if _calls(node, "bind")
        for keyword in node.keywords
        if keyword.arg
    }
    assert bound - set(FIELDS) == set()


@pytest.mark.parametrize("app", ["users", "messaging", "keeps"])
def test_a_function_says_one_thing_at_most(app: str) -> None:
    """On no way through a function are two events logged. (The gateway's main is a program: it starts and ends.)"""
    talkative = {
        f"{room}:{node.name}"
        for room, module in rooms(app)
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and most_events(node.body).most > 1
    }
    assert talkative - {"gateway/__main__.py:main"} == set()


def test_the_counting_of_events_counts() -> None:
    """Two in a row are two, one in each branch is one, one before a return is not the one behind it."""
    assert _counted("log.info('a.b')\nlog.info('c.d')") == 2
    assert _counted("if x:\n  log.info('a.b')\nelse:\n  log.info('c.d')") == 1
    assert _counted("if x:\n  log.info('a.b')\n  return\nlog.bind(n=1).info('c.d')") == 1
    assert (
        _counted("try:\n  log.info('a.b')\nexcept E:\n  log.error('c.d')\n  raise\nlog.log(level, event)")
        == 2
    )


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways through a block, by the most events on one that ends inside and on one that goes on; -1: no such way."""

    ends: int = -1
    goes_on: int = 0

    @property
    def most(self) -> int:
        return max(self.ends, self.goes_on)

    def then(self, following: Ways) -> Ways:
        if self.goes_on < 0:
            return self
        ends = self.goes_on + following.ends if following.ends >= 0 else -1
        goes_on = self.goes_on + following.goes_on if following.goes_on >= 0 else -1
        return Ways(max(self.ends, ends), goes_on)

    def either(self, other: Ways) -> Ways:
        return Ways(max(self.ends, other.ends), max(self.goes_on, other.goes_on))


def most_events(block: list[ast.stmt]) -> Ways:
    ways = Ways()
    for statement in block:
        ways = ways.then(_through(statement))
    return ways


def _through(statement: ast.stmt) -> Ways:
    match statement:
        case ast.If(body=body, orelse=orelse):
            return most_events(body).either(most_events(orelse))
        case ast.Match(cases=cases):
            ways = Ways()
            for case in cases:
                ways = ways.either(most_events(case.body))
            return ways
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            done = most_events([*body, *orelse])
            for handler in handlers:  # what was logged before it failed was logged all the same
                done = done.either(Ways(goes_on=0).then(most_events(handler.body)))
            return done.then(most_events(finalbody))
        case ast.With(body=body) | ast.For(body=body) | ast.While(body=body):
            return most_events(body)
        case ast.FunctionDef() | ast.ClassDef():
            return Ways()
        case ast.Return() | ast.Raise():
            return Ways(ends=_events_in(statement), goes_on=-1)
        case _:
            return Ways(goes_on=_events_in(statement))


def _events_in(node: ast.AST) -> int:
    return sum(_is_event(call) for call in ast.walk(node))


def _is_event(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return False
    if node.func.attr == "log":
        return len(node.args) == 2
    name = node.args[0]
    return (
        node.func.attr in LEVELS
        and isinstance(name, ast.Constant)
        and isinstance(name.value, str)
        and EVENT.fullmatch(name.value) is not None
    )


def _calls(node: ast.AST, method: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method


def _counted(source: str) -> int:
    body = "\n".join(f"  {line}" for line in source.splitlines())
    (function,) = ast.parse(f"def f():\n{body}").body
    assert isinstance(function, ast.FunctionDef)
    return most_events(function.body).most
