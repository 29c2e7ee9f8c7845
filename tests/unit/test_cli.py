"""The command line itself: verbs, help, start-up."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from logkit.cli import VERBS, main

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).resolve().parents[2]


def test_help_lists_every_verb_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types `logkit --help` learns what there is."""
    with pytest.raises(SystemExit) as ending:
        main(["--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    for name, verb in VERBS.items():
        assert name in text
        assert verb.help in text
    assert "examples:" in text


def test_the_help_reads_as_it_should(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manual page of the command itself: golden; coloured headings where somebody watches."""
    monkeypatch.setenv("COLUMNS", "100")
    texts = []
    for coloured in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", coloured)
        with pytest.raises(SystemExit):
            main(["--help"])
        texts.append(capsys.readouterr().out)
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        (GOLDEN / "logkit-help.txt").write_text(texts[0])
    assert texts[0] == (GOLDEN / "logkit-help.txt").read_text()
    assert "\x1b[1mexamples:\x1b[0m" in texts[1]
    assert re.sub("\x1b\\[[0-9]+m", "", texts[1]) == texts[0]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_manual_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it is for, its options, an example to copy, what its exit code means."""
    with pytest.raises(SystemExit) as ending:
        main([verb, "--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: logkit {verb}")
    if verb == "audit":  # whose verbs have examples of their own
        with pytest.raises(SystemExit):
            main(["audit", "verify", "--help"])
        text += capsys.readouterr().out
    assert "example" in text
    assert f"  logkit {verb} " in text
    assert "exit " in text


@pytest.mark.parametrize(
    "program",
    [
        [sys.executable, "-m", "logkit"],
        [str(Path(sys.executable).with_name("logkit"))],
        [sys.executable, "manage.py", "logkit"],
        [sys.executable, "manage.py", "help", "logkit"],
    ],
    ids=["module", "console script", "manage.py", "manage.py help"],
)
def test_every_way_in_shows_the_same_verbs(program: list[str]) -> None:
    """One program, whichever way it is called."""
    words = [] if "help" in program else ["--help"]
    environ = {**os.environ, "LOG_ENVIRONMENT": "test", "COLUMNS": "100"}
    result = subprocess.run(
        [*program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PROJECT,
        env=environ,
    )
    assert result.stdout == (GOLDEN / "logkit-help.txt").read_text()


def test_manage_py_knows_where_the_project_writes(tmp_path: Path) -> None:
    """The trail of the settings is the one that the verbs read, and its events are in the catalogue."""
    ours = ("LOG_", "AUDIT", "DJANGO_")
    around = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ = {**around, "LOG_ENVIRONMENT": "test", "AUDIT": "on", "VAR_DIR": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "manage.py", "logkit", "audit", "search"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=PROJECT,
        env=environ,
    )
    assert f"there is no audit trail in {tmp_path / 'audit'}" in result.stderr
    assert result.returncode == 3


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """As installed."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"logkit \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_no_verb_shows_the_help_and_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that forgot the verb must not go on."""
    assert main([]) == 2
    assert "verbs:" in capsys.readouterr().out


def test_an_unknown_verb_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error is one line to mend."""
    with pytest.raises(SystemExit) as ending:
        main(["tial"])
    assert ending.value.code == 2
    assert "there is no verb 'tial'; the verbs are tail" in capsys.readouterr().err


def test_tail_help_reads_as_it_should(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manual page of tail: golden, every option with a word, examples at the end."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["tail", "--help"])
    text = capsys.readouterr().out
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        (GOLDEN / "tail-help.txt").write_text(text)
    assert text == (GOLDEN / "tail-help.txt").read_text()


def test_help_needs_no_heavy_import() -> None:
    """`logkit tail --help` imports neither Loguru nor Django nor orjson, so that it answers at once."""
    code = (
        "import sys\nfrom logkit.cli import main\n"
        "try:\n    main(['tail', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', [name for name in ('loguru', 'django', 'celery', 'orjson') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert "heavy: []" in result.stdout


def test_help_answers_within_150_ms() -> None:
    """The best of five starts, in processor time: this machine may be doing something else as well."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "logkit", "tail", "--help"], capture_output=True, check=True, timeout=30
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.150
