#!/usr/bin/env python3
"""Check the proof of one audit record, offline and alone.

    python checker.py PROOF.json --pin FILE_OR_HEX

This file needs nothing of logkit, only Python 3.9 or newer and the `cryptography` library. It checks, in this order:

1. the first checkpoint is signed with the pinned public key;
2. every checkpoint is what its key signed, continues the one before (SHA-256 of its line), and uses the key that the
   one before named;
3. the record's line, as an RFC 6962 leaf, leads by the inclusion path to the root of the last checkpoint, at the place
   that its number says.

So whoever held the first key's successors, each used once and erased, signed this line, word for word, at the time that
the last checkpoint says. That the record's content was true when it was written, no signature can say.

Exit codes: 0 proved, 1 not proved, 3 the files cannot be read or the command line is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXT = b"logkit audit checkpoint v1\0"


class NotProved(Exception):  # noqa: N818 - the answer, not a failure of the program
    """The proof does not hold; the message says where."""


def check(proof: dict[str, Any], pin: str) -> dict[str, Any]:
    """The last checkpoint of a proof that holds. Raises `NotProved`, or `KeyError`, `TypeError`, `ValueError` for what
    is no proof."""
    if proof["logkit_audit_proof"] != 1:
        raise NotProved(f"this checker knows proofs of version 1, not {proof['logkit_audit_proof']!r}")
    key, before, last = pin, b"", {}
    for epoch, text in enumerate(proof["checkpoints"]):
        line = text.encode()
        last = json.loads(text)
        check_checkpoint(line, last, epoch, key, before, proof["stream"])
        key, before = last["next_pk"], line
    if not last:
        raise NotProved("the proof has no checkpoint")
    line = proof["line"].encode()
    seq, size, index = proof["seq"], last["next"] - last["first"], proof["seq"] - last["first"]
    if not line.startswith(b'{"seq":%d,"prev":"' % seq) or not line.endswith(b"}\n") or b"\n" in line[:-1]:
        raise NotProved("the line is not the one that the proof speaks of")
    if (
        root_from(leaf_of(line), index, size, [bytes.fromhex(node) for node in proof["path"]]).hex()
        != last["root"]
    ):
        raise NotProved("the line is not under the signed root: it was altered, or it stood elsewhere")
    return last


def check_checkpoint(
    line: bytes, said: dict[str, Any], epoch: int, key: str, before: bytes, stream: str
) -> None:
    """Raise `NotProved` unless the checkpoint is the next one of the chain."""
    if said["epoch"] != epoch or said["stream"] != stream or said["v"] != 1:
        raise NotProved(
            f"checkpoint {epoch} is another one: epoch {said['epoch']}, stream {said['stream']!r}"
        )
    if said["pk"] != key:
        whose = "the pinned key" if epoch == 0 else f"the key that checkpoint {epoch - 1} named"
        raise NotProved(f"checkpoint {epoch} is signed with another key than {whose}")
    if said["prev_cp"] != (hashlib.sha256(before).hexdigest() if before else "0" * 64):
        raise NotProved(f"checkpoint {epoch} does not continue the one before it")
    statement, _, tail = line.rpartition(b',"sig":"')
    try:
        signature = bytes.fromhex(tail.decode("ascii").removesuffix('"}\n'))
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, CONTEXT + statement + b"}")
    except (ValueError, InvalidSignature):
        raise NotProved(f"checkpoint {epoch} is not what its key signed") from None


def leaf_of(line: bytes) -> bytes:
    return hashlib.sha256(b"\0" + line).digest()


def root_from(node: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that an inclusion path leads to: RFC 6962, section 2.1.1."""
    last, rest = size - 1, list(path)
    if not 0 <= index <= last:
        raise NotProved("the line's number is outside of what the checkpoint covers")
    while last:
        if index % 2 or index < last:
            if not rest:
                raise NotProved("the inclusion path is too short")
            other = rest.pop(0)
            left, right = (other, node) if index % 2 else (node, other)
            node = hashlib.sha256(b"\1" + left + right).digest()
        index, last = index // 2, last // 2
    if rest:
        raise NotProved("the inclusion path is too long")
    return node


def read_pin(text: str, stream: str) -> str:
    """The pinned key: 64 hexadecimal digits, or a file of `STREAM KEY` lines as `logkit audit keys pin` writes it."""
    if len(text) == 64 and all(sign in "0123456789abcdef" for sign in text):
        return text
    for line in Path(text).read_text(encoding="ascii").splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2 and words[0] == stream:
            return words[1]
    raise ValueError(f"{text} pins no key for the stream {stream!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the proof of one audit record, offline.")
    parser.add_argument("proof", help="the file that `logkit audit prove` wrote")
    parser.add_argument(
        "--pin", required=True, help="the pinned public key: a file, or 64 hexadecimal digits"
    )
    args = parser.parse_args()
    say = sys.stdout.write
    try:
        proof = json.loads(Path(args.proof).read_text(encoding="utf-8"))
        last = check(proof, read_pin(args.pin, proof["stream"]))
    except NotProved as reason:
        say(f"NOT PROVED: {reason}\n")
        return 1
    except (OSError, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"checker: {type(error).__name__}: {error}\n")
        return 3
    say(
        f"PROVED: line {proof['seq']} of the stream {proof['stream']!r} is what was sealed on {last['time']}\n"
        f"  by checkpoint {last['epoch']} (lines {last['first']} to {last['next'] - 1}),"
        f" whose key is vouched for by the pinned one\n"
        f"{proof['line']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
