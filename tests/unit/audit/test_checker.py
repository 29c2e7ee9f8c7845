"""The auditor's checker, step by step: whatever was changed in a proof is named.

That it runs alone, without logkit, is shown in tests/integration/test_audit_cli.py.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logkit.audit.files.segments import list_segments
from logkit.audit.verify import checker
from logkit.audit.verify.prove import ProofError, prove
from tests.unit.audit.ledger_tools import body, make_ledger

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """A stream of nine records under three checkpoints, and a tenth that is not sealed."""
    ledger = make_ledger(tmp_path)
    for number in range(1, 10):
        ledger.append(body(number))
        if number % 3 == 0:
            ledger.seal()
    ledger.append(body(10))
    ledger.close()
    return tmp_path / "audit" / "security"


@pytest.fixture
def proof(trail: Path) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(prove([trail], "event-8").encode())
    return decoded


def pin_of(proof: dict[str, Any]) -> str:
    return str(proof["first_key"])


def altered_checkpoint(epoch: int, **members: object) -> Change:
    """A change of one checkpoint, in words that are still a checkpoint's."""

    def change(proof: dict[str, Any]) -> None:
        said = json.loads(proof["checkpoints"][epoch])
        proof["checkpoints"][epoch] = json.dumps({**said, **members}, separators=(",", ":")) + "\n"

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "another version": (lambda proof: proof.update(logkit_audit_proof=2), "knows proofs of version 1, not 2"),
    "no checkpoint": (lambda proof: proof.update(checkpoints=[]), "has no checkpoint"),
    "one left out": (lambda proof: proof["checkpoints"].pop(1), "checkpoint 1 is another one"),
    "of another stream": (lambda proof: proof.update(stream="access"), "checkpoint 0 is another one"),
    "another key": (altered_checkpoint(1, pk="0" * 64), "another key than the key that checkpoint 0 named"),
    "another predecessor": (altered_checkpoint(1, prev_cp="0" * 64), "checkpoint 1 does not continue"),
    "another root": (altered_checkpoint(2, root="0" * 64), "checkpoint 2 is not what its key signed"),
    "another line": (lambda proof: proof.update(line=proof["line"].replace("event-8", "event-7")), "altered"),
    "another number": (lambda proof: proof.update(seq=7), "not the one that the proof speaks of"),
    "two lines": (lambda proof: proof.update(line=proof["line"] * 2), "not the one that the proof speaks of"),
    "a short path": (lambda proof: proof.update(path=proof["path"][:1]), "path is too short"),
    "a long path": (lambda proof: proof.update(path=proof["path"] * 2), "path is too long"),
}


def test_what_is_proved(proof: dict[str, Any]) -> None:
    """The answer is the checkpoint that covers the line."""
    last = checker.check(proof, pin_of(proof))
    assert (last["epoch"], last["first"] <= 8 < last["next"]) == (2, True)


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_named(proof: dict[str, Any], change: Change, said: str) -> None:
    """Each part of a proof stands under a signature or a hash."""
    pin = pin_of(proof)
    change(proof)
    with pytest.raises(checker.NotProved, match=said):
        checker.check(proof, pin)


def test_another_pin_proves_nothing(proof: dict[str, Any]) -> None:
    """The chain of keys begins at the pinned one."""
    with pytest.raises(
        checker.NotProved, match="checkpoint 0 is signed with another key than the pinned key"
    ):
        checker.check(proof, "0" * 64)


def test_a_line_outside_of_what_is_covered() -> None:
    """A path leads nowhere from a place that the tree does not have."""
    with pytest.raises(checker.NotProved, match="outside of what the checkpoint covers"):
        checker.root_from(b"", 3, 3, [])


@pytest.mark.parametrize(
    ("pins", "code", "said"),
    [
        ("security {pin}  # of March\n", 0, "PROVED: line 8 of the stream 'security'"),
        ("access {pin}\n", 3, "pins no key for the stream 'security'"),
        (None, 3, "FileNotFoundError"),
        (f"security {'0' * 64}\n", 1, "NOT PROVED: checkpoint 0"),
    ],
)
def test_the_command_says_how_it_ended(
    proof: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pins: str | None,
    code: int,
    said: str,
) -> None:
    """In words and as an exit code; what cannot be read is no verdict."""
    file, pin = tmp_path / "proof.json", tmp_path / "pin"
    file.write_text(json.dumps(proof))
    if pins is not None:
        pin.write_text(pins.format(pin=pin_of(proof)))
    monkeypatch.setattr(sys, "argv", ["checker.py", str(file), "--pin", str(pin)])
    assert checker.main() == code
    assert said in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        ("event-10", "line 10 of security is not sealed yet: run `logkit audit seal` first"),
        ("event-11", "no record has the id 'event-11'"),
        ("security:12", "there is no line 12 in the stream 'security'"),
        ("access:1", "there is no line 1 in the stream 'access'"),
    ],
)
def test_what_cannot_be_proved(trail: Path, identifier: str, said: str) -> None:
    """The message says why, and what to do."""
    with pytest.raises(ProofError, match=said):
        prove([trail], identifier)


def test_a_line_is_found_by_its_number(trail: Path) -> None:
    """As `STREAM:SEQ`, the way that the verifier names places."""
    assert prove([trail], "security:8") == prove([trail], "event-8")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace(b"event-8", b"event-7"), "is not what checkpoint 2 signed"),
        (lambda text: b"".join(text.splitlines(keepends=True)[:8]), "was cut: run `logkit audit verify`"),
    ],
    ids=["altered", "cut"],
)
def test_a_trail_that_was_touched_proves_nothing(
    trail: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    """The prover looks at the whole covered part, and says who can tell more."""
    (segment,) = list_segments(trail)
    segment.path.chmod(0o600)
    segment.path.write_bytes(spoil(segment.path.read_bytes()))
    with pytest.raises(ProofError, match=said):
        prove([trail], "security:8")
