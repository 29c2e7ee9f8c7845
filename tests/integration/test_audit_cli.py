"""`logkit audit` through the command's own entry point, on a trail that was really written."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pty
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from logkit.audit import trail
from logkit.audit.files.segments import list_segments
from logkit.cli import main
from tests.unit.audit.ledger_tools import lines_of, make_ledger
from tests.unit.audit_events.desk import OPENING

Run = Callable[..., tuple[int, str, str]]


def record(number: int, **members: object) -> bytes:
    base = {
        "id": f"event-{number}",
        "time": f"2026-11-23T12:00:{number % 60:02}.000000Z",
        "event": "keep.viewed" if number % 3 else "auth.login.failed",
        "severity": "info" if number % 3 else "warning",
        "outcome": "success" if number % 3 else "failure",
        "actor": {"type": "staff" if number % 5 == 0 else "user", "id": str(number % 4)},
        "target": [{"type": "keep", "id": str(number), "owner": "9", "circle_id": "3"}],
        "request": {"id": f"request-{number // 10}"},
    }
    return orjson.dumps({**base, **members})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A trail of 40 records in `security`, sealed, and an environment that names it."""
    for name in ("LOG_ENVIRONMENT", "AUDIT_DIR", "AUDIT_KEY_DIR", "AUDIT_SPOOL_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_ENVIRONMENT", "test")
    monkeypatch.setenv("AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("AUDIT_KEY_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("AUDIT_SPOOL_DIR", str(tmp_path / "spool"))
    ledger = make_ledger(tmp_path)
    for number in range(1, 41):
        ledger.append(record(number))
    ledger.seal()
    ledger.close()
    before = trail.install(None)
    yield tmp_path
    trail.install(before)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one verb: exit code, stdout, stderr."""

    def run_verb(*words: str) -> tuple[int, str, str]:
        try:
            code = main(["audit", *words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_verb


def stated(root: Path) -> list[dict[str, object]]:
    """What the compliance stream says was done, besides being opened and closed."""
    lines = [orjson.loads(line) for line in lines_of(root / "audit/compliance")]
    return [line for line in lines if not line["event"].startswith(OPENING)]


def test_verify_says_what_was_asked_and_proved(root: Path, run: Run) -> None:
    """The report names the range, the count, the seals and the verdict; exit 0."""
    run("keys", "init")
    code, out, _ = run("verify")
    assert code == 0
    assert "asked     from the beginning to now" in out
    assert "40 records, lines 1 to 40" in out
    assert "the pinned first key, the key file" in out
    assert out.splitlines()[-1] == "PROVED  40 records, all there, in order and unaltered.  (exit 0)"


def test_verify_names_tampering(root: Path, run: Run) -> None:
    """A flipped byte: the verdict in capitals, the segment, the line; exit 1; the same as JSON."""
    segment = list_segments(root / "audit/security")[0]
    segment.path.write_bytes(segment.path.read_bytes().replace(b'"event-17"', b'"event-71"', 1))
    code, out, _ = run("verify")
    assert code == 1
    assert re.search(rf"ALTERED  {re.escape(segment.name)}  line 17\n", out)
    assert "TAMPERED" in out.splitlines()[-1]
    code, out, _ = run("verify", "--json")
    report = orjson.loads(out)
    assert (code, report["exit_code"]) == (1, 1)
    finding = report["streams"][0]["findings"][0]
    assert (finding["verdict"], finding["segment"], finding["first"]) == ("ALTERED", segment.name, 17)


def test_a_stream_that_is_gone_as_a_whole_is_noticed(root: Path, run: Run) -> None:
    """The key remembers that the stream was sealed."""
    import shutil

    make_ledger(root, stream="access").record(record(1))
    shutil.rmtree(root / "audit/security")
    code, out, _ = run("verify")
    assert code == 1
    assert "EARLY-DELETED" in out


def test_anchors_from_the_operational_log(root: Path, run: Run) -> None:
    """`seal --json` prints lines that `--anchor` reads; without one, `--require-anchor` is exit 2."""
    make_ledger(root).record(record(41))
    code, anchors, _ = run("seal", "--json")
    assert code == 0
    log = root / "app.log"
    log.write_text("not json\n" + anchors)
    assert orjson.loads(anchors.splitlines()[0])["message"] == "audit.anchored"
    code, out, _ = run("verify", "--stream", "security", "--anchor", str(log), "--require-anchor")
    assert code == 0
    assert "1 anchor" in out
    code, out, _ = run("verify", "--stream", "security", "--require-anchor")
    assert code == 2
    assert "NO-ANCHOR" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--dir", "/nowhere/at/all"), "the directory does not exist"),
        (("verify", "--since", "yesterday"), "is no time"),
        (("verify", "--bogus"), "unrecognized arguments"),
        (("show", "event-999"), "there is no record"),
        (("prove", "event-999"), "no record has the id"),
        (("keys", "pin", "--output", "/nowhere/pin"), "keys: /nowhere/pin: No such file or directory\n"),
        (("hold", "place", "actor=7"), "needs a reason"),
        (("verify", "--stream", "access"), "there is no stream"),
    ],
)
def test_what_cannot_be_done_is_exit_3(run: Run, words: tuple[str, ...], said: str) -> None:
    """Usage and I/O errors have their own code, and say what to do."""
    code, out, err = run(*words)
    assert code in (3, 2) if "--bogus" in words else code == 3
    assert said in err
    assert out == ""


def test_a13_searching_is_recorded_before_it_is_shown(root: Path, run: Run) -> None:
    """`audit.log.read` names the person, the query and the rows."""
    code, out, _ = run("search", "--event", "auth.*", "--actor", "user:2")
    shown = [line for line in out.splitlines()[1:] if "auth.login.failed" in line]
    assert code == 0
    assert len(shown) == sum(n % 3 == 0 and n % 4 == 2 and n % 5 != 0 for n in range(1, 41))
    (said,) = stated(root)
    assert said["event"] == "audit.log.read"
    assert said["detail"] == {"query": "search event=auth.* actor=user:2", "rows": len(shown)}
    assert said["actor"]["id"].startswith("os:")  # type: ignore[index]


def test_a13_what_cannot_be_recorded_is_not_shown(root: Path, run: Run) -> None:
    """With the compliance stream and its spool unwritable, the reader sees nothing."""
    (root / "audit/compliance").write_text("in the way")
    (root / "spool").write_text("in the way")
    code, out, err = run("search")
    assert (code, out) == (3, "")
    assert "compliance" in err


def test_a13_a_copy_is_read_without_a_record(root: Path, run: Run, tmp_path: Path) -> None:
    """`--dir` on another directory than AUDIT_DIR reads a copy: nothing is written anywhere."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(root / "audit", copy)
    code, out, _ = run("search", "--dir", str(copy), "--limit", "0")
    assert (code, len(out.splitlines())) == (0, 41)
    assert not (root / "audit/compliance").exists()
    code, _, err = run("seal", "--dir", str(copy))
    assert code == 3
    assert "only the live trail can be changed" in err


def test_exports_are_recorded_with_count_and_digest(root: Path, run: Run) -> None:
    """The outcome in the trail says what left: rows, bytes and SHA-256 of exactly these bytes."""
    from hashlib import sha256

    target = root / "out.jsonl"
    code, _, err = run("export", "--outcome", "failure", "--output", str(target))
    content = target.read_bytes()
    assert code == 0
    assert len(content.splitlines()) == 13
    detail = stated(root)[-1]["detail"]
    assert isinstance(detail, dict)
    assert (detail["rows"], detail["sha256"]) == (13, sha256(content).hexdigest())
    assert sha256(content).hexdigest() in err
    assert oct(target.stat().st_mode & 0o777) == "0o600"


def test_show_timeline_and_report(root: Path, run: Run) -> None:
    """One record in full with its seal; a request as a story; who reached a person's data."""
    code, out, _ = run("show", "event-17")
    assert code == 0
    assert "sealed by checkpoint 0" in out
    assert run("show", "security:17")[1] == out
    code, out, _ = run("timeline", "request-1")
    assert (code, out.splitlines()[0], len(out.splitlines())) == (0, "2026-11-23", 11)
    code, out, _ = run("report", "access", "--subject", "9", "--json")
    entries = [orjson.loads(line) for line in out.splitlines()]
    assert sum(entry["count"] for entry in entries) == 40
    assert {entry["actor"] for entry in entries} >= {"staff:0", "user:1"}
    code, out, _ = run("report", "access", "--subject", "9")
    assert "Who reached the data of 9" in out


def test_holds_and_retention(root: Path, run: Run) -> None:
    """A hold is placed, listed, shown by retention's dry run and lifted; each change is in the trail."""
    code, out, _ = run("hold", "place", "actor=user:2", "--reason", "matter 7 of the court")
    hold_id = out.split()[0]
    assert code == 0
    assert hold_id in run("hold", "list")[1]
    code, out, _ = run("retention")
    assert code == 0
    assert "Nothing was changed" in out
    assert run("hold", "lift", hold_id, "--reason", "settled")[0] == 0
    assert run("hold", "list")[1] == ""
    actions = [said["detail"]["action"] for said in stated(root)]  # type: ignore[index]
    assert actions == ["placed", "lifted"]
    assert run("retention", "--apply")[0] == 0


@pytest.fixture
def auditors_python(tmp_path: Path) -> Path:
    """Python as an auditor has it: a new virtual environment with `cryptography`, what that needs, and nothing else."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    for name in ("cryptography", "cffi", "_cffi_backend", "pycparser"):
        if (found := importlib.util.find_spec(name)) is None or found.origin is None:
            continue  # cffi 2 needs no pycparser, and PyPy has a cffi of its own
        origin = Path(found.origin)
        source = origin.parent if origin.name.startswith("__init__") else origin
        (site / source.name).symlink_to(source)
    return home / "bin/python"


def test_a_proof_is_checked_without_logkit(root: Path, run: Run, auditors_python: Path) -> None:
    """The checker that `prove` writes runs alone, proves the line, and refuses a changed one or another key."""
    alone = subprocess.run([auditors_python, "-Ic", "import logkit"], capture_output=True, text=True)
    assert "ModuleNotFoundError" in alone.stderr
    run("keys", "init")
    proof, checker = root / "proof.json", root / "checker.py"
    code, _, _ = run("prove", "event-23", "--output", str(proof), "--checker", str(checker))
    assert code == 0
    assert "import logkit" not in checker.read_text()

    def check(pin: str) -> tuple[int, str]:
        done = subprocess.run(
            [auditors_python, "-I", str(checker), str(proof), "--pin", pin],
            capture_output=True,
            text=True,
            cwd="/",
        )
        return done.returncode, done.stdout

    code, out = check(str(root / "keys/pin"))
    assert (code, out.startswith("PROVED: line 23 of the stream 'security'")) == (0, True)
    assert check("0" * 64)[0] == 1
    proof.write_text(proof.read_text().replace("event-23", "event-32"))
    code, out = check(str(root / "keys/pin"))
    assert (code, out.startswith("NOT PROVED")) == (1, True)


@contextlib.contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A terminal as standard error; what it gives returns what the terminal was sent."""
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal, os.fdopen(parent, "rb", buffering=0) as screen:
        os.set_blocking(parent, False)
        monkeypatch.setattr(sys, "stderr", terminal)
        yield lambda: (screen.read(65536) or b"").decode()


@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("search", "--event", "auth.*"),
        ("export", "--format", "csv"),
        ("show", "event-17"),
        ("timeline", "request-1"),
        ("report", "access", "--subject", "9"),
        ("prove", "event-23"),
        ("retention", "--apply"),
    ],
    ids=lambda words: words[0],
)
def test_progress_on_a_terminal_and_silence_in_a_pipe(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Whoever reads the trail says how far it is, where somebody watches, and wipes that away at the end."""
    assert run(*words)[::2] == (0, "")
    with watched(monkeypatch) as screen:
        code, _, _ = run(*words)
        shown = screen()
    assert code == 0
    assert "%" in shown
    assert shown.endswith("\r\x1b[K")


def test_colour_only_on_a_terminal_and_not_with_no_color(root: Path) -> None:
    """A pipe gets plain text; a terminal gets colour unless NO_COLOR is set."""

    def on_terminal(**environ: str) -> str:
        parent, child = pty.openpty()
        command = [sys.executable, "-m", "logkit", "audit", "verify"]
        env = {
            **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
            "TERM": "xterm",
            **environ,
        }
        done = subprocess.run(command, stdout=child, stderr=subprocess.DEVNULL, env=env)
        os.close(child)
        assert done.returncode == 0
        said = os.read(parent, 65536).decode()
        os.close(parent)
        return said

    assert "\x1b[" in on_terminal()
    assert "\x1b[" not in on_terminal(NO_COLOR="1")


@pytest.mark.parametrize(
    "verb",
    [
        "verify",
        "seal",
        "search",
        "show",
        "timeline",
        "report",
        "export",
        "prove",
        "hold",
        "retention",
        "reconcile",
        "keys",
        "keys init",
        "keys pin",
        "keys show",
        "hold place",
        "hold lift",
        "hold list",
    ],
)
def test_help_has_an_example(run: Run, verb: str) -> None:
    """Every verb shows a command that can be typed."""
    code, out, _ = run(*verb.split(), "--help")
    assert code == 0
    assert out.startswith(f"usage: logkit audit {verb} ")
    assert f"example:\n  logkit audit {verb}" in out
