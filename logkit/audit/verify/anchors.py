"""Files beside the trail that verification is given: pinned first keys, and anchors in operational logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from logkit.audit.files.checkpoints import checkpoint_hash, parse_checkpoint, read_checkpoints
from logkit.audit.seal.keys import public_bytes, read_key
from logkit.audit.verify.keychain import Anchor

ANCHOR_MESSAGE = "audit.anchored"


def first_key(directory: Path, key_path: Path) -> bytes | None:
    """The first public key of a stream: what its first checkpoint was, or will be, signed with. Raises `SealError`."""
    for line in read_checkpoints(directory):
        return parse_checkpoint(line).pk
    key = read_key(key_path)
    return public_bytes(key.key) if key and key.epoch == 0 else None


def write_pins(keys: Mapping[str, bytes]) -> str:
    """A pin file: one `STREAM KEY` per line."""
    head = "# First public keys (Ed25519) of the audit streams. Keep a copy where the service cannot write.\n"
    return head + "".join(f"{stream} {key.hex()}\n" for stream, key in sorted(keys.items()))


def read_pins(path: Path) -> dict[str, bytes]:
    """The keys of a pin file by stream. Raises `OSError`, `ValueError`."""
    pins: dict[str, bytes] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            stream, key = words
            pins[stream] = bytes.fromhex(key)
        except ValueError:
            raise ValueError(f"{path} line {number} is no `STREAM KEY`: {line[:80]!r}") from None
        if len(pins[stream]) != 32:
            raise ValueError(f"{path} line {number}: a public key has 64 hexadecimal digits")
    return pins


def read_anchors(paths: Iterable[Path]) -> Iterator[Anchor]:
    """The anchors in files of JSON lines: operational logs (any schema), or copies of `checkpoints.jsonl`.

    Lines of other kinds are passed over. Raises `OSError`.
    """
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                if ANCHOR_MESSAGE.encode() in line:
                    yield from _anchors_in(line)
                elif b'"next_pk"' in line:
                    try:
                        said = parse_checkpoint(line)
                    except ValueError:
                        continue
                    yield Anchor(said.stream, said.epoch, said.next, checkpoint_hash(line).hex())


def _anchors_in(line: bytes) -> Iterator[Anchor]:
    try:
        record = orjson.loads(line)
    except ValueError:
        return
    for members in _objects(record, depth=4):
        try:
            yield Anchor(
                str(members["stream"]),
                int(members["epoch"]),
                int(members["next"]),
                str(members["checkpoint"]),
            )
        except (KeyError, TypeError, ValueError):
            continue


def _objects(value: Any, *, depth: int) -> Iterator[dict[str, Any]]:
    """The objects in a JSON value: where an anchor's fields are depends on the schema of the log."""
    if isinstance(value, dict) and depth:
        yield value
        for member in value.values():
            yield from _objects(member, depth=depth - 1)
