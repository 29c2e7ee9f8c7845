"""`logkit audit reconcile`: write down what killed processes could not say."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import timedelta

from logkit.audit.cli.options import reading
from logkit.audit.cli.place import as_operator, find_place
from logkit.parsers import period


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--older-than",
        type=_period,
        default="1 hour",
        metavar="PERIOD",
        help="leave younger intents alone, whose action may still run (default: 1 hour)",
    )
    parser.add_argument(
        "--within",
        type=_period,
        default="7 days",
        metavar="PERIOD",
        help="how far back to look (default: 7 days)",
    )


def run(args: argparse.Namespace) -> int:
    from logkit.audit.emit.reconcile import reconcile

    place = find_place(args.dir, None, os.environ)
    place.live()
    with as_operator():
        place.emitter()  # the trail that reconcile writes to
        with reading() as progress:
            relayed, unknown = reconcile(older_than=args.older_than, within=args.within, progress=progress)
    if relayed:
        sys.stdout.write(f"{relayed} events taken from the outbox\n")
    intents = "1 intent" if len(unknown) == 1 else f"{len(unknown)} intents"
    sys.stdout.write(f"{intents} without an outcome settled as unknown\n")
    for receipt in unknown:
        sys.stdout.write(f"{receipt.stream}  {receipt.id}\n")
    return 0


def _period(text: str) -> timedelta:
    try:
        return period(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no period: give {error}") from None
