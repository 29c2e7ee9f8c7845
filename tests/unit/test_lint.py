"""`logkit lint`: a corpus of good and bad snippets, checked by it and by ruff; options; reports."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from logkit.cli import main
from logkit.lint.rules import RULES
from tests.pages import blocks

REPOSITORY = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "golden" / "lint-corpus.txt"
PAGE = REPOSITORY / "docs" / "reference" / "lint.md"
CONFIG = """\
[tool.logkit.lint]
events = ["events.py"]
audit-events = ["audit.md"]
audited-models = ["Membership"]
"""
RUFF = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
ABOUT_LOGS = {"G", "LOG", "T20", "BLE", "TRY"}


class Snippet(NamedTuple):
    expected: tuple[str, ...]
    title: str
    code: str

    @property
    def ours(self) -> list[str]:
        return sorted(code for code in self.expected if code.startswith("LK"))

    @property
    def ruffs(self) -> list[str]:
        return sorted(code for code in self.expected if not code.startswith("LK"))


def corpus() -> list[Snippet]:
    snippets = []
    for text in CORPUS.read_text().split("\n== ")[0:]:
        head, _, code = text.removeprefix("== ").partition("\n")
        codes, _, title = head.partition(" | ")
        snippets.append(Snippet(() if codes == "ok" else tuple(codes.split()), title, code.rstrip() + "\n"))
    return snippets


SNIPPETS = corpus()
EVENTS = sorted(
    {
        *(
            "message.sent",
            "message.failed",
            "keep.archived",
            "keep.kept",
            "keep.seen",
            "keep.broken",
            "keep.refused",
        ),
        *(
            "keep.inspected",
            "token.issued",
            "invitation.sent",
            "account.updated",
            "form.sent",
            "session.opened",
        ),
        *("queue.waiting", "share.refused"),
    }
)

Lint = Callable[..., list[tuple[str, int, str]]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration and its catalogues, to lint in."""
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    (tmp_path / "events.py").write_text(f"EVENTS = {dict.fromkeys(EVENTS)!r}\n")
    (tmp_path / "audit.md").write_text("| event | meaning |\n|---|---|\n| `data.deleted` | Gone. |\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lint(project: Path, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Lint one file; (code, line, message) of each finding."""

    def run(code: str, *words: str) -> list[tuple[str, int, str]]:
        (project / "snippet.py").write_text(code)
        exit_code = main(["lint", "--format", "json", *words, "snippet.py"])
        found = [
            (item["code"], item["line"], item["message"]) for item in json.loads(capsys.readouterr().out)
        ]
        assert exit_code == (1 if found else 0)
        return found

    return run


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.title)
def test_corpus(lint: Lint, snippet: Snippet) -> None:
    """Each snippet gives exactly the codes that its heading names, the good ones none."""
    assert sorted({code for code, _, _ in lint(snippet.code)}) == snippet.ours


@pytest.fixture(scope="module")
def ruff_codes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ruff finds in each snippet, with what this project's own configuration says about logging."""
    directory = tmp_path_factory.mktemp("snippets")
    ours = {name: json.dumps(RUFF[name]) for name in ("logger-objects", "ignore")}
    (directory / "ruff.toml").write_text("[lint]\n" + "".join(f"{k} = {v}\n" for k, v in ours.items()))
    for number, snippet in enumerate(SNIPPETS):
        (directory / f"s{number}.py").write_text(snippet.code)
    ruff = Path(sys.executable).with_name("ruff")
    words = [
        str(ruff),
        "check",
        "--no-cache",
        "--select",
        ",".join(ABOUT_LOGS.intersection(RUFF["select"])),
        "--output-format",
        "json",
        "--exit-zero",
        ".",
    ]
    result = subprocess.run(words, cwd=directory, capture_output=True, check=True, timeout=60)
    found: dict[str, list[str]] = {snippet.title: [] for snippet in SNIPPETS}
    for item in json.loads(result.stdout):
        title = SNIPPETS[int(Path(item["filename"]).stem[1:])].title
        found[title] = sorted({*found[title], item["code"]})
    return found


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.title)
def test_ruff_catches_what_the_table_says(ruff_codes: dict[str, list[str]], snippet: Snippet) -> None:
    """The other half of the table is run too."""
    assert ruff_codes[snippet.title] == snippet.ruffs


def test_this_project_runs_what_the_table_speaks_of() -> None:
    """ruff's families about logging are on here, and `make lint` runs both."""
    assert set(RUFF["select"]) >= ABOUT_LOGS
    commands = (REPOSITORY / "Makefile").read_text()
    assert "ruff check ." in commands
    assert "logkit lint logkit mysite users messaging keeps" in commands


def table() -> str:
    rows = [
        f"| {snippet.title} | {', '.join(f'`{code}`' for code in snippet.ours)} | "
        f"{', '.join(f'`{code}`' for code in snippet.ruffs)} |"
        for snippet in SNIPPETS
        if snippet.expected
    ]
    return "\n".join(["| pattern | `logkit lint` | ruff |", "|---|---|---|", *rows])


def test_the_page_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/reference/lint.md has a file, and what `logkit lint` says of it."""
    monkeypatch.chdir(tmp_path)
    (code, *_), (shown,) = blocks(PAGE, "python"), blocks(PAGE, "console")
    (tmp_path / "send.py").write_text(code)
    assert main(["lint", "send.py"]) == 1
    assert capsys.readouterr().out == shown.removeprefix("$ logkit lint send.py\n")


def test_the_page_has_the_table_and_every_rule() -> None:
    """docs/reference/lint.md says which tool catches which pattern, as the corpus proves it."""
    page = PAGE.read_text()
    assert table() in page
    for rule in RULES.values():
        assert f"| `{rule.code}` | {rule.name} | {rule.summary} | {rule.instead} |" in page


def test_every_rule_has_a_bad_snippet() -> None:
    """A rule without an example is not proven."""
    assert {code for snippet in SNIPPETS for code in snippet.ours} == RULES.keys() - {"LK000"}


def test_a_finding_says_where_what_and_what_instead(lint: Lint) -> None:
    """Line, the offending text, and the way out."""
    ((code, line, message),) = lint('from loguru import logger\n\nlogger.info("Message sent")\n')
    assert (code, line) == ("LK103", 3)
    assert "Message sent" in message
    assert "instead: noun.verb in lower case" in message


def test_a_file_that_cannot_be_parsed_is_a_finding(lint: Lint) -> None:
    """One broken file does not end the run; one that has nothing to do with logs is not even parsed."""
    assert [code for code, _, _ in lint("from loguru import logger\ndef broken(:\n")] == ["LK000"]
    assert lint("def broken(:\n") == []


NESTED = {
    "parentheses": "(" * 2000 + ")" * 2000,
    "a sum": " + ".join(["x"] * 20_000),
    "attributes": "x" + ".y" * 20_000,
    "calls": "f(" * 90 + ")" * 90,
    "negations": "not " * 20_000 + "x",
    "blocks": "".join(" " * depth + "if x:\n" for depth in range(90)) + " " * 90 + "pass",
}


@pytest.mark.parametrize("source", NESTED.values(), ids=NESTED)
def test_nothing_is_nested_too_deeply_to_be_answered(lint: Lint, source: str) -> None:
    """It is parsed and checked, or it is one finding; it is never a traceback."""
    found = [code for code, _, _ in lint(f'from loguru import logger\nlogger.info("Bad")\n{source}\n')]
    assert found in (["LK000"], ["LK103"])


HEAD = b"from loguru import logger\n"
ODD = {
    "a null byte": (HEAD + b"x = 1\0\n", ["LK000"]),
    "an unknown encoding": (b"# coding: klingon\n" + HEAD, ["LK000"]),
    "bytes that are no UTF-8": (HEAD + b'x = "\xff"\n', ["LK000"]),
    "latin-1, said so": (b"# coding: latin-1\n" + HEAD + b'x = "\xe9"; logger.info("Bad")\n', ["LK103"]),
    "a byte order mark": (b"\xef\xbb\xbf" + HEAD + b'logger.info("Bad")\n', ["LK103"]),
    "carriage returns": (HEAD.replace(b"\n", b"\r\n") + b'logger.info("Bad")\r\n', ["LK103"]),
    "a form feed": (HEAD + b'\x0clogger.info("Bad")\n', ["LK103"]),
    "a doubtful escape": (HEAD + b'x = "\\d"; logger.info("Bad")\n', ["LK103"]),
    "a notebook": (b'{"cells": [{"source": ["from loguru import logger\\n"]}], "nbformat": 4}', []),
    "a torn file": (HEAD + b'logger.info("""', ["LK000"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("source", "codes"), ODD.values(), ids=ODD)
def test_a_hostile_file_is_answered(
    project: Path, capfd: pytest.CaptureFixture[str], source: bytes, codes: list[str]
) -> None:
    """Whatever bytes a file has, the run goes on to the next, and nothing is said but findings."""
    (project / "hostile.py").write_bytes(source)
    (project / "next.py").write_bytes(HEAD + b'logger.info("Bad")\n')
    assert main(["lint", "--format", "json", "hostile.py", "next.py"]) == 1
    out, err = capfd.readouterr()
    assert [item["code"] for item in json.loads(out)] == [*codes, "LK103"]
    assert err == ""


def test_columns_count_characters(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An editor jumps to the place, whatever letters stand before it, in whatever encoding."""
    line = 'x = "ééé"; logger.info("Bad")\n'
    (project / "utf.py").write_text("from loguru import logger\n" + line, encoding="utf-8")
    latin = "# coding: latin-1\nfrom loguru import logger\n" + line
    (project / "latin.py").write_bytes(latin.encode("latin-1"))
    main(["lint", "utf.py", "latin.py"])
    places = [text.partition(" ")[0] for text in capsys.readouterr().out.splitlines()[:2]]
    assert places == ["latin.py:3:24:", "utf.py:2:24:"]


def test_each_problem_is_said_once(lint: Lint) -> None:
    """Also in a function inside a function, and in a method."""
    code = (
        "class Circle:\n"
        "    def close(self):\n"
        "        def later():\n"
        "            Membership.objects.filter(circle=self).delete()\n"
        "        later()\n"
    )
    assert [(found, line) for found, line, _ in lint(code)] == [("LK401", 4)]


def test_a_suppression_of_a_rule_that_is_off_is_left_alone(lint: Lint) -> None:
    """Switching a rule off for a moment does not turn its suppressions into findings."""
    code = 'from loguru import logger\nlogger.info("Bad")  # logkit: ignore[LK103] another system\n'
    assert lint(code, "--ignore", "LK103") == []


@pytest.mark.parametrize("line", range(2, 6))
def test_a_suppression_works_on_any_line_of_the_call(lint: Lint, line: int) -> None:
    """Formatters move comments to the end of a call."""
    lines = ["from loguru import logger", "logger.info(", "    event,", "    1,", ")", "logger.info(event)"]
    lines[line - 1] += "  # logkit: ignore[LK101, LK104] a table of names"
    assert [(code, number) for code, number, _ in lint("\n".join(lines) + "\n")] == [("LK101", 6)]


def test_a_suppression_may_stand_above_its_statement(lint: Lint) -> None:
    """Where it would make the line too long; it speaks of the next statement and of no further one."""
    code = (
        "from loguru import logger\n"
        "if x:\n"
        "    # logkit: ignore[LK103] another system's words\n"
        "    # which nobody here may change\n"
        "\n"
        '    logger.info("Bad")\n'
        '    logger.info("Bad")\n'
    )
    assert [(found, line) for found, line, _ in lint(code)] == [("LK103", 7)]


def test_a_suppression_on_the_head_of_a_block_is_not_about_its_body(lint: Lint) -> None:
    """Only the head of a compound statement counts as its line."""
    code = (
        "from logkit import logger, bound_context\n"
        "with bound_context(email=x):  # logkit: ignore[LK201, LK103] test data\n"
        '    logger.info("Bad")\n'
    )
    assert [found for found, _, _ in lint(code)] == ["LK103"]


def test_rules_can_be_ignored(lint: Lint, project: Path) -> None:
    """By the option, or by the configuration."""
    code = 'from loguru import logger\nlogger.info("Message sent", 1)\n'
    assert [found for found, _, _ in lint(code, "--ignore", "LK103")] == ["LK104"]
    (project / "pyproject.toml").write_text('[tool.logkit.lint]\nignore = ["LK104"]\n')
    assert [found for found, _, _ in lint(code)] == ["LK103"]


def test_field_names_of_the_project(lint: Lint, project: Path) -> None:
    """`sensitive` adds names, `allow` takes names out."""
    (project / "pyproject.toml").write_text(
        '[tool.logkit.lint]\nsensitive = ["nickname"]\nallow = ["display_name"]\n'
    )
    code = 'from loguru import logger\nlogger.bind(nickname=a, display_name=b, email=c).info("a.b")\n'
    assert [message.split("(")[1].split(")")[0] for _, _, message in lint(code)] == ["nickname", "email"]


def test_loggers_of_other_modules(lint: Lint, project: Path) -> None:
    """`logger-objects` names them, as it does for ruff."""
    code = 'from mysite.logs import log\nlog.info("Bad")\n'
    assert lint(code) == []
    (project / "pyproject.toml").write_text('[tool.logkit.lint]\nlogger-objects = ["mysite.logs.log"]\n')
    assert [found for found, _, _ in lint(code)] == ["LK103"]


def test_an_unknown_event_that_is_nearly_a_known_one_is_told(lint: Lint) -> None:
    """A slip of the fingers is what LK402 mostly finds."""
    ((_, _, message),) = lint('from loguru import logger\nlogger.info("message.snet")\n')
    assert "(message.snet; do you mean message.sent?)" in message


def test_catalogues_may_be_json(lint: Lint, project: Path) -> None:
    """A list of names, or of objects with `event`."""
    (project / "names.json").write_text('["a.made", {"event": "b.made"}]')
    (project / "pyproject.toml").write_text('[tool.logkit.lint]\nevents = ["*.json"]\n')
    code = 'from loguru import logger\nlogger.info("a.made")\nlogger.info("b.made")\nlogger.info("c.made")\n'
    assert [(found, line) for found, line, _ in lint(code)] == [("LK402", 4)]


def test_directories_are_searched_without_what_is_excluded(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Caches, hidden directories and `exclude` are left alone."""
    bad = 'from loguru import logger\nlogger.info("Bad")\n'
    for name in ("a.py", "sub/b.py", "sub/migrations/c.py", ".venv/d.py", "node_modules/e.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(bad)
    (project / "pyproject.toml").write_text('[tool.logkit.lint]\nexclude = ["*/migrations/*"]\n')
    assert main(["lint"]) == 1
    assert capsys.readouterr().out == (
        "a.py:2:13: LK103 the message is no event name (Bad); instead: noun.verb in lower case: message.sent, "
        "keep.processing_failed\n"
        "sub/b.py:2:13: LK103 the message is no event name (Bad); instead: noun.verb in lower case: message.sent, "
        "keep.processing_failed\n"
        "2 problems in 3 files\n"
    )


def test_github_annotations(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Workflow commands, escaped as GitHub wants them."""
    (project / "odd,name.py").write_text('from loguru import logger\nlogger.info("100%\\n")\n')
    assert main(["lint", "--format", "github", "odd,name.py"]) == 1
    assert capsys.readouterr().out == (
        "::error file=odd%2Cname.py,line=2,endLine=2,col=13,title=LK103 message-not-event::the message is no event "
        "name (100%25%0A); instead: noun.verb in lower case: message.sent, keep.processing_failed\n"
    )


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--rules` is the reference in the terminal."""
    assert main(["lint", "--rules"]) == 0
    text = capsys.readouterr().out
    assert all(rule.code in text and rule.summary in text and rule.instead in text for rule in RULES.values())


@pytest.mark.parametrize(
    ("config", "words", "complaint"),
    [
        ("", ["no-such.py"], "no-such.py: no such file or directory"),
        ("", ["--ignore", "LK999", "."], "there is no rule LK999"),
        ("", ["--config", "no-such.toml", "."], "no-such.toml"),
        ("[tool.logkit.lint]\nexlude = []\n", ["."], "has no 'exlude'; it has exclude"),
        ("[tool.logkit.lint]\nignore = 3\n", ["."], "ignore must be a list of texts"),
        ('[tool.logkit.lint]\nevents = ["no-such.md"]\n', ["."], "the catalogue 'no-such.md' is no file"),
        ("[tool.logkit", ["."], "pyproject.toml: "),
    ],
)
def test_what_cannot_be_used_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], config: str, words: list[str], complaint: str
) -> None:
    """Exit code 2 and one line."""
    (project / "pyproject.toml").write_text(config)
    assert main(["lint", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("logkit lint: ")
    assert complaint in error


def test_the_pre_commit_hook_names_the_command() -> None:
    """What pre-commit runs is what the command line has."""
    hook = (REPOSITORY / ".pre-commit-hooks.yaml").read_text()
    assert "id: logkit-lint" in hook
    assert "entry: logkit lint" in hook


def test_help_reads_as_it_should(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The manual page of lint: golden."""
    golden = CORPUS.with_name("lint-help.txt")
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["lint", "--help"])
    text = capsys.readouterr().out
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()
