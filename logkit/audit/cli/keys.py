"""`logkit audit keys init`, `pin` and `show`: the sealing keys."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from logkit.audit.cli.options import Action, add_actions, add_streams
from logkit.audit.cli.place import Place, find_place
from logkit.audit.cli.verify import PIN_NAME
from logkit.audit.seal.keys import create_key, public_bytes, read_key
from logkit.audit.verify.anchors import first_key, write_pins
from logkit.errors import LogkitError
from logkit.parsers import STREAMS

ACTIONS = {
    "init": Action(
        "make the first key of every stream that has none, and pin them",
        "logkit audit keys init",
        "Run it once, before the service starts for the first time, as the service's user. A key that is there is\n"
        "never replaced. Without it the first seal makes the key, and says so: audit.key_created.",
    ),
    "pin": Action(
        "write the first public keys, which verification starts from",
        "logkit audit keys pin --output /srv/elsewhere/pin.txt",
        "They are no secret. Keep them where the service cannot write: whoever can replace the pin can replace the\n"
        "trail. They stay the same for as long as the trail lives.",
    ),
    "show": Action(
        "which key is in use: its epoch and its public half",
        "logkit audit keys show --stream security",
        "Each key signs one checkpoint and is erased, so the epoch is also the number of checkpoints so far.",
    ),
}


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    """Arguments of `keys`."""
    for name, action in add_actions(parser, ACTIONS).items():
        add_streams(action)
        if name == "pin":
            action.add_argument(
                "--output", "-o", type=Path, metavar="FILE", help="where to write it (default: stdout)"
            )


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    where = find_place(args.dir, None, os.environ)
    where.live()
    directory = where.key_directory
    assert directory is not None
    streams = args.stream or list(STREAMS)
    if args.action == "init":
        return _init(where, directory, streams)
    if args.action == "show":
        return _show(directory, streams)
    content = write_pins(_first_keys(where, directory, streams))
    if args.output is None:
        sys.stdout.write(content)
    else:
        args.output.write_text(content, encoding="ascii")
        sys.stdout.write(f"{args.output}: keep it where the service cannot write\n")
    return 0


def _show(directory: Path, streams: list[str]) -> int:
    for stream in streams:
        key = read_key(directory / f"{stream}.key")
        public = f"epoch {key.epoch}, public key {public_bytes(key.key).hex()}" if key else "no key yet"
        sys.stdout.write(f"{stream}: {public}\n")
    return 0


def _init(where: Place, directory: Path, streams: list[str]) -> int:
    for stream in streams:
        path = directory / f"{stream}.key"
        if first_key(where.root / stream, path) is None and not path.exists():
            create_key(path)
            sys.stdout.write(f"{stream}: made {path}\n")
        else:
            sys.stdout.write(f"{stream}: has a key already\n")
    pin = directory / PIN_NAME
    pin.write_text(write_pins(_first_keys(where, directory, list(STREAMS))), encoding="ascii")
    sys.stdout.write(f"pinned in {pin}: copy it to where the service cannot write\n")
    return 0


def _first_keys(where: Place, directory: Path, streams: list[str]) -> dict[str, bytes]:
    keys = {stream: first_key(where.root / stream, directory / f"{stream}.key") for stream in streams}
    found = {stream: key for stream, key in keys.items() if key is not None}
    if not found:
        raise LogkitError("there are no keys yet; `logkit audit keys init` makes them")
    return found
