"""The code on the pages: Python that compiles and passes `logkit lint`, commands that there are.

And it runs: tutorials by `docs/walk.py`, what guides say to type in tests/integration/test_guides.py, their Python in
tests/apps/project/test_guides.py, the guides on testing and adopting in tests of their own.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from logkit import cli
from logkit.lint.check import check
from logkit.lint.config import Config
from tests.pages import PAGES, PROJECT, blocks, typed

BAD_ON_PURPOSE = {"lint.md", "first-line.md"}  # the tutorial shows what lint says of it
TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
MANAGE = {"check", "logkit", "migrate", "runserver"}


def every(*languages: str) -> list[pytest.param]:  # type: ignore[valid-type]
    """One parameter for each page that has code in these languages."""
    return [
        pytest.param(page, id=str(page.relative_to(PROJECT)))
        for page in PAGES
        if any(blocks(page, *languages))
    ]


@pytest.mark.parametrize("page", every("python"))
def test_python_compiles_and_is_what_logkit_lint_wants(page: Path) -> None:
    """As it stands; `...` is what the reader fills in."""
    for code in blocks(page, "python"):
        compile(code, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if page.name not in BAD_ON_PURPOSE:
            assert [str(found) for found in check(code.encode(), page.name, Config())] == []


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command on a page; a pipeline is several."""
    for line in typed(page):
        words = shlex.split(line, comments=True)
        while words:
            end = next(
                (n for n, word in enumerate(words) if word in ("|", "||", "&&", ">", ">>")), len(words)
            )
            command, words = words[:end], words[end + 1 :]
            while command and re.match(r"[A-Z_]+=", command[0]):
                command.pop(0)
            yield command


@pytest.mark.parametrize("page", every("console", "sh"))
def test_commands_are_there_with_their_options(page: Path) -> None:
    """`logkit` and `manage.py logkit` by their own parsers, `make` by its targets."""
    for command in commands(page):
        match command:
            case ["logkit", *words] | [_, "manage.py", "logkit", *words] | [_, "-m", "logkit", *words]:
                parse(words)
            case [_, "manage.py", verb, *_]:
                assert verb in MANAGE, command
            case ["make", *words]:
                assert {word for word in words if "=" not in word} <= TARGETS, command


def parse(words: list[str]) -> None:
    """Fails where `logkit` would refuse these words."""
    name, *rest = words
    verb = cli.VERBS[name]
    parser = argparse.ArgumentParser(prog=f"logkit {name}", allow_abbrev=False)
    __import__(verb.module, fromlist=["add_arguments"]).add_arguments(parser)
    try:
        (parser.parse_intermixed_args if verb.has_files else parser.parse_args)(rest)
    except SystemExit as error:
        pytest.fail(f"logkit {shlex.join(words)}: exit code {error.code}")


@pytest.mark.parametrize("page", every("json", "toml", "yaml"))
def test_data_can_be_read(page: Path) -> None:
    """JSON, TOML and YAML blocks."""
    for code in blocks(page, "json"):
        json.loads(code)
    for code in blocks(page, "toml"):
        tomllib.loads(code)
    for code in blocks(page, "yaml"):
        assert list(yaml.safe_load_all(code))


@pytest.mark.parametrize("words", [["tail", "--nothing"], ["audit", "prove"], ["story"]])
def test_a_wrong_command_is_seen(words: list[str]) -> None:
    """An option that there is not, an argument that is missing."""
    with pytest.raises(pytest.fail.Exception):
        parse(words)
