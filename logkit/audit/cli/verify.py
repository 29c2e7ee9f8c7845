"""`logkit audit verify` and `prove`."""

from __future__ import annotations

import argparse
import os
import sys
from hashlib import sha256
from pathlib import Path

import orjson

from logkit.audit.cli.options import Progress, add_range, add_streams, reading, use_colour
from logkit.audit.cli.place import Place, as_operator, find_place
from logkit.audit.cli.verdict_text import render
from logkit.audit.verify import Question, checker, verify_stream
from logkit.audit.verify.anchors import read_anchors, read_pins
from logkit.audit.verify.keychain import has_signed
from logkit.audit.verify.prove import prove
from logkit.audit.verify.verdicts import Verification
from logkit.parsers import STREAMS

PIN_NAME = "pin"


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    if verb == "prove":
        parser.add_argument("id", metavar="ID", help="an event's id, or STREAM:SEQ")
        parser.add_argument(
            "--output", "-o", type=Path, metavar="FILE", help="where to write it (default: stdout)"
        )
        parser.add_argument(
            "--checker", type=Path, metavar="FILE", help="also write the program that checks proofs"
        )
        return
    add_streams(parser)
    add_range(parser)
    parser.add_argument(
        "--keys", type=Path, metavar="FILE", help="pinned first keys (default: AUDIT_KEY_DIR/pin)"
    )
    parser.add_argument("--key-dir", type=Path, metavar="DIR", help="the key files, where they can be read")
    parser.add_argument(
        "--anchor",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="an operational log with anchors",
    )
    parser.add_argument(
        "--require-anchor", action="store_true", help="a stream without an anchor is not proved"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes to use")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("-v", "--verbose", action="store_true", help="list every segment and what expired")


def run(args: argparse.Namespace) -> int:
    return _prove(args) if args.audit_verb == "prove" else _verify(args)


def _verify(args: argparse.Namespace) -> int:
    place = find_place(args.dir, args.key_dir, os.environ)
    pins = _pins(args.keys, place)
    question = Question(
        since=args.since,
        until=args.until,
        anchors=tuple(read_anchors(args.anchor)),
        require_anchor=args.require_anchor,
        retention=place.retention,
        jobs=max(args.jobs, 1),
    )
    progress = Progress()
    reports = []
    for directory in _asked(place, args.stream, question):
        stream = directory.name
        reports.append(
            verify_stream(
                directory, question, pin=pins.get(stream), key_path=place.key_path(stream), progress=progress
            )
        )
    progress.finish()
    verification = Verification(tuple(reports))
    if args.json:
        sys.stdout.write(orjson.dumps(verification.as_json(), option=orjson.OPT_APPEND_NEWLINE).decode())
    else:
        text = render(verification, where=str(place.root), colour=use_colour(), verbose=args.verbose)
        sys.stdout.write(text)
    return verification.exit_code


def _asked(place: Place, wanted: list[str] | None, question: Question) -> list[Path]:
    """The streams that are there, and those that were: a stream that is gone as a whole must not go unnoticed."""
    if wanted:
        return place.streams(wanted)
    anchored = {anchor.stream for anchor in question.anchors}
    traces = [stream for stream in STREAMS if stream in anchored or has_signed(place.key_path(stream))]
    gone = [place.root / stream for stream in traces if not (place.root / stream).is_dir()]
    return gone + (place.streams() if place.root.is_dir() or not gone else [])


def _pins(given: Path | None, place: Place) -> dict[str, bytes]:
    if given is not None:
        return read_pins(given)
    if place.key_directory is None:
        return {}
    try:
        return read_pins(place.key_directory / PIN_NAME)
    except (FileNotFoundError, PermissionError):
        return {}  # an auditor may not look into the key directory; the report says that nothing is pinned


def _prove(args: argparse.Namespace) -> int:
    place = find_place(args.dir, None, os.environ)
    if args.checker:
        args.checker.write_bytes(Path(checker.__file__).read_bytes())
    with reading() as progress:
        proof = prove(place.streams(), args.id, progress=progress)
    content = proof.encode()
    if place.is_live:
        detail = {"query": f"prove {proof.stream}:{proof.seq}", "rows": 1, "format": "proof"}
        with as_operator():
            place.emitter()("audit.log.exported", {**detail, "sha256": sha256(content).hexdigest()})
    if args.output is None:
        sys.stdout.write(content.decode())
        return 0
    args.output.write_bytes(content)
    sys.stdout.write(
        f"{args.output}: line {proof.seq} of {proof.stream}, vouched for by {_checkpoints(len(proof.checkpoints))}\n"
    )
    return 0


def _checkpoints(count: int) -> str:
    return "1 checkpoint" if count == 1 else f"{count} checkpoints"
