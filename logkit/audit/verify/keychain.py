"""The chain of checkpoints and keys of one stream, as a verifier sees it: crash or attack?

The key file's epoch equal to the file's, or one more with a pending line that continues the file, is a crash; anything
else, or a public key that differs from the `next_pk` before it, is an attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from logkit.audit.files.checkpoints import (
    Checkpoint,
    checkpoint_hash,
    has_good_signature,
    parse_checkpoint,
    read_checkpoints,
)
from logkit.audit.seal.keys import KeyState, SealError, read_key
from logkit.audit.verify.verdicts import Finding

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a place outside of the trail remembers of a checkpoint."""

    stream: str
    epoch: int
    next: int
    checkpoint: str


@dataclass(slots=True)
class KeyChain:
    """The checkpoints that can be believed, with what is wrong."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    is_pinned: bool = False
    is_key_checked: bool = False


def read_keychain(directory: Path, *, pin: bytes | None, key_path: Path | None) -> KeyChain:
    """Check the checkpoints of a stream against each other, the pinned first key, and the key file where it can be
    read. Raises `OSError`."""
    key, lines = _consistent(directory, key_path)
    chain = KeyChain(is_pinned=pin is not None)
    torn = b""
    if lines and not lines[-1].endswith(b"\n"):
        torn = lines.pop()
    for line in lines:
        _check_line(chain, directory.name, line, pin)
    if isinstance(key, SealError):
        chain.findings.append(Finding("KEY-CHAIN-BREAK", str(key)))
    elif key is not None:
        chain.is_key_checked = True
        _check_key(chain, directory.name, key, torn, pin)
    elif torn:
        chain.findings.append(
            Finding("TORN-RECOVERED", "the last checkpoint is torn; the next seal completes it")
        )
    return chain


def has_signed(key_path: Path | None) -> bool:
    """Has the stream with this key been sealed, whatever is left of it?"""
    key = _key(key_path)
    return isinstance(key, KeyState) and key.epoch > 0


def check_anchors(
    chain: KeyChain, stream: str, anchors: Sequence[Anchor], *, is_required: bool
) -> list[Finding]:
    """Does the chain contain what was anchored elsewhere?"""
    mine = [anchor for anchor in anchors if anchor.stream == stream]
    findings: list[Finding] = []
    if not mine and is_required:
        why = "no anchor speaks of this stream, and one was required"
        return [Finding("NO-ANCHOR", why)]
    for anchor in mine:
        if anchor.epoch >= len(chain.lines):
            why = (
                f"checkpoint {anchor.epoch} was anchored (lines below {anchor.next}),"
                f" but the checkpoints end at epoch {len(chain.lines) - 1}: the trail was put back"
            )
            findings.append(Finding("TRUNCATED", why, first=anchor.next))
        elif checkpoint_hash(chain.lines[anchor.epoch]).hex() != anchor.checkpoint:
            why = f"checkpoint {anchor.epoch} is not the one that was anchored"
            findings.append(Finding("KEY-CHAIN-BREAK", why))
    return findings


def _consistent(directory: Path, key_path: Path | None) -> tuple[KeyState | SealError | None, list[bytes]]:
    """Key and checkpoints of one moment, while somebody may be sealing."""
    for _ in range(_TRIES):
        before = _key(key_path)
        lines = list(read_checkpoints(directory))
        if _same(before, _key(key_path)):
            break
    return before, lines


def _key(path: Path | None) -> KeyState | SealError | None:
    if path is None:
        return None
    try:
        return read_key(path)
    except PermissionError:
        return None  # an auditor has no right to the key, and does not need it
    except SealError as error:
        return error


def _same(one: object, other: object) -> bool:
    return one == other or (isinstance(one, SealError) and isinstance(other, SealError))


def _check_line(chain: KeyChain, stream: str, line: bytes, pin: bytes | None) -> None:
    epoch = len(chain.lines)
    before = chain.checkpoints[-1] if chain.checkpoints else None
    is_after_accused = bool(chain.findings) and len(chain.checkpoints) != len(chain.lines)
    chain.lines.append(line)

    def find(verdict: str, why: str) -> None:
        chain.findings.append(Finding("BAD-SIGNATURE" if verdict == "signature" else "KEY-CHAIN-BREAK", why))

    try:
        checkpoint = parse_checkpoint(line)
    except ValueError as error:
        find("signature", f"line {epoch + 1} of the checkpoints is {error}")
        return
    where = f"checkpoint {checkpoint.epoch}"
    expected_key = before.next_pk if before is not None and before.epoch == checkpoint.epoch - 1 else None
    if before is None and checkpoint.epoch == 0:
        expected_key = pin
    if not has_good_signature(line, checkpoint):
        find(
            "signature",
            f"{where} (lines {checkpoint.first} to {checkpoint.next - 1}) is not what its key signed",
        )
        return
    if expected_key is not None and checkpoint.pk != expected_key:
        said = (
            "the pinned first key"
            if before is None
            else f"the key that checkpoint {checkpoint.epoch - 1} named"
        )
        find("key", f"{where} is signed with another key than {said}: it was forged")
        return
    if checkpoint.stream != stream:
        find("key", f"{where} belongs to the stream {checkpoint.stream!r}")
        return
    if checkpoint.epoch != epoch and not is_after_accused and _epoch_before(chain) != checkpoint.epoch - 1:
        gone = f"checkpoints {_epoch_before(chain) + 1} to {checkpoint.epoch - 1} were removed before it"
        find("key", f"{where} stands in the wrong place: {gone}")
    elif (
        len(chain.lines) > 1
        and not is_after_accused
        and checkpoint.prev_cp != checkpoint_hash(chain.lines[-2])
    ):
        find("key", f"{where} does not continue the checkpoint before it")
    elif len(chain.lines) == 1 and any(checkpoint.prev_cp):
        find("key", f"{where} continues a checkpoint that is gone")
    chain.checkpoints.append(checkpoint)


def _epoch_before(chain: KeyChain) -> int:
    """The epoch of the line before the one that is looked at, as far as it can be believed."""
    return chain.checkpoints[-1].epoch if chain.checkpoints else -1


def _check_key(chain: KeyChain, stream: str, key: KeyState, torn: bytes, pin: bytes | None) -> None:
    last_line = chain.lines[-1] if chain.lines else None
    last = chain.checkpoints[-1] if chain.checkpoints else None
    epoch = last.epoch if last else -1
    if chain.findings:
        return  # named already; the key can only say the same again
    if torn and not key.pending.startswith(torn):
        chain.findings.append(
            Finding("BAD-SIGNATURE", "the checkpoints end in bytes that no crash left there")
        )
    elif key.epoch == epoch + 1:
        if (key.pending or None) != last_line:
            why = f"checkpoint {epoch} is not the one that was signed with the key of its epoch"
            chain.findings.append(Finding("KEY-CHAIN-BREAK", why))
    elif key.epoch == epoch + 2 and _continues(key, last_line):
        _check_line(chain, stream, key.pending, pin)  # what it seals counts
        why = f"checkpoint {epoch + 1} is signed but not written; the next seal writes it"
        chain.findings.append(Finding("TORN-RECOVERED", why))
    else:
        why = f"the checkpoints end at epoch {epoch}, but {key.epoch} were signed: the last ones were removed"
        chain.findings.append(Finding("KEY-CHAIN-BREAK", why))


def _continues(key: KeyState, last_line: bytes | None) -> bool:
    try:
        pending = parse_checkpoint(key.pending)
    except ValueError:
        return False
    return pending.prev_cp == (checkpoint_hash(last_line) if last_line else bytes(32))
