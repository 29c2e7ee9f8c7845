"""Golden files of what was logged: events as text in which nothing depends on the day, the machine or the run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson

from logkit.testing.capture import LOG, Capture
from logkit.testing.expectation import Line

_MEASURED = re.compile(r"(.*_)?(ms|s|seconds|bytes|duration|elapsed|pid|port)")
_VARYING = (
    ("time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
    ("id", re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")),
    ("id", re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{16}(?:[0-9a-f]{16})?\b")),
    ("pseudonym", re.compile(r"h1:[\w-]+:[0-9a-f]+")),
    ("address", re.compile(r"\b(?:127\.0\.0\.1|localhost):\d+\b")),
)


class FrozenLog:
    """What was logged, to be held against a golden file. `directory` is where relative names start.

    In the text measures (`duration_ms`, `bytes`) are `<ms>` and the like; ids, times and pseudonyms are numbered as
    they come, so that the same one is the same everywhere: `<request_id 1>`. Line numbers, stacks, processes and
    threads are left out.
    """

    def __init__(self, captured: Capture, directory: Path, name: str, *, update: bool = False) -> None:
        self._captured = captured
        self._directory = directory
        self._name = name
        self._update = update

    def text(self, events: str = "*", *, level: str = "INFO", without: Sequence[str] = ()) -> str:
        """The events whose names match the glob `events`, of `level` and above; the fields `without` left out."""
        least = LOG.least(level)
        chosen = [
            line
            for line in self._captured.events
            if fnmatchcase(line["message"], events) and LOG.rank(line) >= least
        ]
        names = _Names()
        return "\n".join(_block(line, frozenset(without), names) for line in chosen)

    def check(
        self, path: str | None = None, *, events: str = "*", level: str = "INFO", without: Sequence[str] = ()
    ) -> None:
        """Compare with a golden file, beside the test unless `path` says otherwise. Raises `AssertionError`.

        With `pytest --logkit-update` the file is written instead.
        """
        __tracebackhide__ = True
        golden = self._directory / (path or f"golden/{self._name}.log")
        text = self.text(events, level=level, without=without)
        if self._update:
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(text, encoding="utf-8")
            return
        if not golden.exists():
            raise AssertionError(
                f"there is no golden file {golden}; pytest --logkit-update writes it, with this:\n\n{text}"
            )
        known = golden.read_text(encoding="utf-8")
        if known != text:
            lines = unified_diff(
                known.splitlines(), text.splitlines(), "golden", "logged now", lineterm="", n=5
            )
            diff = "\n".join(f"  {line}" for line in lines)
            raise AssertionError(
                f"what was logged differs from {golden.name}; if that is right, pytest --logkit-update\n\n{diff}"
            )


class _Names:
    """Numbers for what varies, in the order of its coming."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def of(self, kind: str, value: str) -> str:
        if value not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[value] = f"<{kind} {self._counts[kind]}>"
        return self._given[value]


def _block(line: Line, without: frozenset[str], names: _Names) -> str:
    rows = [f"{line['level']} {line['message']}"]
    fields = line["context"]
    rows += [
        f"  {name}: {_frozen(name, fields[name], names)}" for name in sorted(fields) if name not in without
    ]
    if error := line.get("exception"):
        rows.append(f"  exception: {error['type']}: {_text('exception', error['message'], names)}")
    return "\n".join(rows) + "\n"


def _frozen(name: str, value: Any, names: _Names) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _MEASURED.fullmatch(name):
            return f"<{name.rpartition('_')[2]}>"
        if name == "id" or name.endswith("_id"):
            return names.of(name, f"{name}={value}")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {_frozen(key, value[key], names)}" for key in sorted(value))
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_frozen(name, each, names) for each in value)}]"
    if isinstance(value, str):
        whole = _text(name, value, names)
        return whole if whole != value else orjson.dumps(value).decode()
    return orjson.dumps(value).decode()


def _text(name: str, text: str, names: _Names) -> str:
    for kind, pattern in _VARYING:
        if pattern.fullmatch(text):
            return names.of(name if kind == "id" else kind, text)
        for found in pattern.findall(text):
            text = text.replace(found, names.of(kind, found))
    return text
