"""What a reader and a user of logkit may count on: small rooms, and a public API that changes on purpose.

Which room may import which is in the contracts of import-linter, which `make lint` keeps.
"""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from tests.program import PROJECT

MOST_LINES = 400
PUBLIC = ("logkit", "logkit.audit")
GOLDEN = Path(__file__).parent / "golden"


def rooms() -> list[Path]:
    return [
        room
        for app in ("logkit", "mysite", "users", "messaging", "keeps")
        for room in (PROJECT / app).rglob("*.py")
    ]


def test_a_room_can_be_read_at_one_sitting() -> None:
    """None is longer than `MOST_LINES`; what outgrows it is two things."""
    lengths = {str(room.relative_to(PROJECT)): len(room.read_text().splitlines()) for room in rooms()}
    assert len(lengths) > 100
    assert {room: lines for room, lines in lengths.items() if lines > MOST_LINES} == {}


def test_the_fast_lane_stays_small_and_alone() -> None:
    """It has less than 200 lines, and no other room takes a private name from Loguru. (decision 16)"""
    lane = PROJECT / "logkit" / "fastlane.py"
    assert len(lane.read_text().splitlines()) < 200
    private = ("logger._", "from loguru import _", "import loguru._", "from loguru._")
    guilty = [
        str(room.relative_to(PROJECT))
        for room in rooms()
        if room != lane and any(name in room.read_text() for name in private)
    ]
    assert guilty == []


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_api_changes_on_purpose(module: str) -> None:
    """Every public name with its signature is as in the snapshot; a change of it is a change for users (CHANGELOG)."""
    shown = "\n".join(described(module)) + "\n"
    assert shown == (GOLDEN / f"api-{module}.txt").read_text(), f"the public API of {module} is now\n{shown}"


def described(module: str) -> list[str]:
    """A line for each name of `__all__`, and for the methods of its classes."""
    home = import_module(module)
    lines = []
    for name in sorted(home.__all__):
        lines += _one(name, getattr(home, name))
    return lines


def _one(name: str, value: object) -> list[str]:
    if inspect.isfunction(value):
        return [f"{name}{inspect.signature(value)}"]
    if not inspect.isclass(value):
        return [f"{name}: {type(value).__name__}"]
    if issubclass(value, BaseException):
        return [f"{name}({', '.join(base.__name__ for base in value.__bases__)})"]
    fields = getattr(value, "__dataclass_fields__", {})
    members = [
        f"  {member}{inspect.signature(each) if inspect.isfunction(each) else ''}"
        for member, each in sorted(vars(value).items())
        if not member.startswith("_") and member not in fields
    ]
    return [f"class {name}", *(f"  {field}: {fields[field].type}" for field in fields), *members]
