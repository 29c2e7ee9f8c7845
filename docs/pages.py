"""`make pages`: the parts of the reference that are made of the code; `--check` only says which are stale."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from logkit import cli, parsers
from logkit.audit.cli import verbs
from logkit.settings import Variable, variables

REFERENCE = Path(__file__).resolve().parent / "reference"
PICTURE = REFERENCE.parent / "pictures" / "architecture.svg"
_KINDS: dict[Callable[[str], object], str] = {
    parsers.text: "text",
    parsers.path: "a path",
    parsers.words: "words, with commas between",
}


def settings(prefix: str) -> Iterator[str]:
    """The table of the variables that begin with `prefix`, from logkit's own declaration."""
    yield "| variable | default | meaning | values |"
    yield "|---|---|---|---|"
    for _, variable in variables():
        if variable.name.startswith(prefix):
            names = [variable.name, *([variable.name + "_FILE"] if variable.secret else [])]
            default = f"`{variable.default}`" if variable.default else "none"
            said = [", ".join(f"`{name}`" for name in names), default, variable.meaning, values(variable)]
            yield f"| {' | '.join(said)} |"


def values(variable: Variable) -> str:
    """What a variable may be, in the words with which the start refuses anything else."""
    if variable.parse in _KINDS:
        return _KINDS[variable.parse]
    try:
        variable.parse("?!")
    except ValueError as error:
        return str(error)
    return "text"


def members() -> Iterator[str]:
    """The table of the members of a line, from the JSON Schema."""
    schema = json.loads((REFERENCE / "line-schema.json").read_text())
    yield "| member | type | always | meaning |"
    yield "|---|---|---|---|"
    yield from _members(schema, "")
    yield from _members(schema["$defs"]["exception"], "exception.")


def _members(schema: dict[str, Any], prefix: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, member in schema["properties"].items():
        below = member.get("properties")
        kind = member.get("type") or ("`true`" if member.get("const") is True else "an exception")
        if kind == "array":
            kind = "list of strings" if member["items"].get("type") == "string" else "list of exceptions"
        always = "yes" if name in required else ""
        yield f"| `{prefix}{name}` | {kind} | {always} | {member.get('description', '')} |"
        if below:
            yield from _members(member, f"{prefix}{name}.")


def help_texts() -> Iterator[str]:
    """`logkit --help`, and that of every verb below it."""
    yield from _help()
    for name in cli.VERBS:
        yield from _help(name)
        if name == "audit":
            for below in verbs.VERBS:
                yield from _help(name, below)


def _help(*words: str) -> Iterator[str]:
    yield f"{'#' * (len(words) + 2)} {' '.join(['logkit', *words])}"
    yield ""
    yield "```text"
    yield manual(*words)
    yield "```"
    yield ""


def manual(*words: str) -> str:
    """What `--help` prints on 100 columns, without colour."""
    out = io.StringIO()
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with mock.patch.dict(os.environ, plain), contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        cli.main([*words, "--help"])
    return out.getvalue().rstrip()


PARTS: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    "settings.md": {"LOG": lambda: settings("LOG_"), "AUDIT": lambda: settings("AUDIT")},
    "cli.md": {"help": help_texts},
    "line.md": {"members": members},
}


def picture() -> str:
    """docs/pictures/architecture.svg, drawn by the module beside it."""
    return str(runpy.run_path(str(PICTURE.with_suffix(".py")))["drawing"]())


def made(name: str) -> str:
    """The page as it should be: what stands between its marks is made anew."""
    page = (REFERENCE / name).read_text()
    for part, lines in PARTS[name].items():
        mark = re.compile(rf"(<!-- made by docs/pages\.py: {part} -->\n\n).*?(\n*<!-- end -->)", re.DOTALL)
        text = "\n".join(lines()).rstrip("\n")
        page, found = mark.subn(lambda match, text=text: f"{match[1]}{text}\n\n<!-- end -->", page)
        if not found:
            sys.exit(f"docs/reference/{name} has no place for {part}")
    return page


def main() -> int:
    pages = {REFERENCE / name: made(name) for name in PARTS} | {PICTURE: picture()}
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.stderr.writelines(f"docs/{path.parent.name}/{path.name} is stale: make pages\n" for path in stale)
        return len(stale)
    for path in stale:
        path.write_text(pages[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
