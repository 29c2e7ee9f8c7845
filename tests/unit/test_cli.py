"""The command line itself: verbs, help, start-up."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from logkit.cli import VERBS, main

GOLDEN = Path(__file__).parent / "golden"


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
