"""What `[tool.logkit.lint]` in pyproject.toml may say, and the catalogues it names."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logkit.errors import LogkitError
from logkit.lint.rules import RULES

_IN_MARKDOWN = re.compile(r"^(?:\|([^|]*)\||#+\s+(`[^`]*`)\s*$)", re.MULTILINE)  # first cells, headings
_NAME = re.compile(r"`([a-z0-9_]+(?:\.[a-z0-9_]+)+)`")
_KEYS = (
    *(
        "exclude",
        "ignore",
        "logger-objects",
        "events",
        "audit-events",
        "audited-models",
        "sensitive",
        "allow",
    ),
)


class LintError(LogkitError):
    """The configuration or a path cannot be used."""


@dataclass(frozen=True, slots=True)
class Config:
    """Catalogues are None when none is configured: then every event name will do."""

    root: Path = field(default_factory=Path.cwd)
    exclude: tuple[str, ...] = ()
    ignore: frozenset[str] = frozenset()
    logger_objects: frozenset[str] = frozenset()
    events: frozenset[str] | None = None
    audit_events: frozenset[str] | None = None
    audited_models: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()

    @property
    def telling(self) -> frozenset[str]:
        """Words without which a module has nothing to be found, beside those that every project has."""
        return self.audited_models | {name.rpartition(".")[2] for name in self.logger_objects}


def load(file: Path | None, ignore: str) -> Config:
    """The configuration of `file`, or of the nearest pyproject.toml above. Raises `LintError`."""
    found = file or next((path for path in _above(Path.cwd()) if path.is_file()), None)
    section: dict[str, Any] = {}
    if found is not None:
        try:
            section = (
                tomllib.loads(found.read_text(encoding="utf-8"))
                .get("tool", {})
                .get("logkit", {})
                .get("lint", {})
            )
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise LintError(f"{found}: {error}") from None
    for key, value in section.items():
        if key not in _KEYS:
            raise LintError(f"{found}: [tool.logkit.lint] has no {key!r}; it has {', '.join(_KEYS)}")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise LintError(f"{found}: [tool.logkit.lint] {key} must be a list of texts")
    root = found.resolve().parent if found else Path.cwd()
    ignored = {*section.get("ignore", ()), *(code.strip() for code in ignore.split(",") if code.strip())}
    if unknown := sorted(ignored - RULES.keys()):
        raise LintError(f"there is no rule {', '.join(unknown)}; the rules are {', '.join(RULES)}")
    return Config(
        root=root,
        exclude=tuple(section.get("exclude", ())),
        ignore=frozenset(ignored),
        logger_objects=frozenset(section.get("logger-objects", ())),
        events=_catalogue(root, section.get("events")),
        audit_events=_catalogue(root, section.get("audit-events")),
        audited_models=frozenset(section.get("audited-models", ())),
        sensitive=frozenset(section.get("sensitive", ())),
        allow=frozenset(section.get("allow", ())),
    )


def _above(directory: Path) -> Iterator[Path]:
    for parent in (directory, *directory.parents):
        yield parent / "pyproject.toml"


def _catalogue(root: Path, patterns: list[str] | None) -> frozenset[str] | None:
    if patterns is None:
        return None
    names: set[str] = set()
    for pattern in patterns:
        files = sorted(root.glob(pattern))
        if not files:
            raise LintError(f"[tool.logkit.lint] the catalogue {pattern!r} is no file below {root}")
        for file in files:
            names.update(_names(file))
    return frozenset(names)


def _names(file: Path) -> Iterator[str]:
    """Event names: keys of EVENTS in Python, headings and first cells in Markdown, `event` or texts in JSON."""
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".py":
            yield from _of_python(ast.parse(text))
        elif file.suffix == ".json":
            data = json.loads(text)
            for item in data:
                yield item["event"] if isinstance(item, dict) else str(item)
        else:
            for cell, heading in _IN_MARKDOWN.findall(text):
                yield from _NAME.findall(cell or heading)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, TypeError, KeyError) as error:
        raise LintError(f"{file}: no catalogue: {error}") from None


def _of_python(module: ast.Module) -> Iterator[str]:
    for statement in module.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if not any(isinstance(target, ast.Name) and target.id == "EVENTS" for target in targets):
            continue
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        members = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", [])
        for member in members:
            if isinstance(member, ast.Constant) and isinstance(member.value, str):
                yield member.value
