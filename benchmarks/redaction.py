"""How much the redactor misses, how much it damages, what it costs; and the same of its peers.

`python -m benchmarks.redaction` compares and times: what `--compare` and `--speed` do, with the promises beside it.
`--compare` runs every scrubber that can be imported here on the project's own labelled lines: Sentry's EventScrubber,
logfire's Scrubber and Django's SafeExceptionReporterFilter. `--speed` compares with Loguru.
`LINES.jsonl` prints leaks and damage by kind. Each line is an object with `text` or `fields`; no item of `secrets` may
appear in what comes out, every item of `keep` must. `--own` does the same with the project's own lines.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import Bar, chart
from logkit.redact import Redactor

MOST_WARM = 0.15  # of Loguru's line with a sink that does nothing
MOST_COLD = 1.5
Source = str | dict[str, Any]
Scrub = Callable[[Source], str]


class Labelled(NamedTuple):
    """One line: what it is, what must not come out, what must."""

    kind: str
    source: Source
    secrets: tuple[str, ...]
    keep: tuple[str, ...]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "lines", type=Path, nargs="?", help="JSON lines with text or fields, secrets, keep, kind"
    )
    what.add_argument("--own", action="store_true", help="the project's own lines")
    what.add_argument("--compare", action="store_true", help="all scrubbers on the project's own lines")
    what.add_argument(
        "--speed", action="store_true", help="cost against Loguru's line with a sink that does nothing"
    )
    parser.add_argument("--show", action="store_true", help="print every line that failed")
    options = parser.parse_args()
    if not (options.lines or options.own or options.compare or options.speed):
        return compare() | speed()
    if options.speed:
        return speed()
    if options.compare:
        return compare()
    return report(list(own() if options.own else of_file(options.lines)), show=options.show)


def of_file(path: Path) -> Iterator[Labelled]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            case = json.loads(line)
            source = case["text"] if "text" in case else case["fields"]
            yield Labelled(case["kind"], source, tuple(case["secrets"]), tuple(case["keep"]))


def own() -> Iterator[Labelled]:
    from tests.redaction import CASES

    for case in CASES:
        yield Labelled(case.kind, case.source, case.secrets, case.keep)


def report(lines: list[Labelled], *, show: bool) -> int:
    """Leaks and damage of the redactor by kind; 1 when there are any."""
    kinds: Counter[str] = Counter()
    leaks: Counter[str] = Counter()
    damage: Counter[str] = Counter()
    scrub = logkit()
    for line in lines:
        shown = scrub(line.source)
        leaked, lost = failures(line, shown)
        kinds[line.kind] += 1
        leaks[line.kind] += bool(leaked)
        damage[line.kind] += bool(lost)
        if show and (leaked or lost):
            print(f"{line.kind}\n  in     {line.source!r}\n  out    {shown}\n  leaked {leaked} lost {lost}")
    for kind, count in sorted(kinds.items()):
        print(f"{kind:24} {count:5} lines {leaks[kind]:5} leaks {damage[kind]:5} damaged")
    print(f"{'all':24} {kinds.total():5} lines {leaks.total():5} leaks {damage.total():5} damaged")
    return 1 if leaks.total() or damage.total() else 0


def failures(line: Labelled, shown: str) -> tuple[list[str], list[str]]:
    leaked = [secret for secret in line.secrets if secret in shown]
    return leaked, [kept for kept in line.keep if kept not in shown]


def compare() -> int:
    """Leaks, damage and time of every scrubber; those that are not installed are named. 1 when ours has any."""
    lines = list(own())
    secret = sum(bool(line.secrets) for line in lines)
    kept = sum(bool(line.keep) for line in lines)
    print(
        f"| scrubber | lines with a secret that leak, of {secret:,} | damaged, of {kept:,} | us a line, cold |"
    )
    print("|---|---|---|---|")
    failed = 0
    bars = []
    for name, module, make in SCRUBBERS:
        try:
            importlib.import_module(module)
        except ImportError:
            print(f"| {name} | {module.partition('.')[0]} is not installed here | | |")
            continue
        scrub = make()
        results = [failures(line, scrub(line.source)) for line in lines]
        leaks = sum(bool(leaked) for leaked, _ in results)
        damaged = sum(bool(lost) for _, lost in results)
        print(f"| {name} | {leaks:,} | {damaged:,} | {cost(make, lines):.1f} |")
        bars.append(Bar(name, float(leaks), make is logkit))
        failed |= make is logkit and bool(leaks or damaged)
    print()
    title = f"Lines that still show their secret, of {secret:,}"
    chart("redaction", title, unit="lines", better="less", bars=bars)
    return int(failed)


def cost(make: Callable[[], Scrub], lines: list[Labelled]) -> float:
    """Median microseconds for a line, over repeats with a scrubber that has not seen the lines."""
    times = []
    for _ in range(5):
        scrub = make()
        started = time.process_time()
        for line in lines:
            scrub(line.source)
        times.append((time.process_time() - started) / len(lines) * 1e6)
    return statistics.median(times)


def logkit() -> Scrub:
    redactor = Redactor()

    def scrub(source: Source) -> str:
        return (
            redactor.text(source)
            if isinstance(source, str)
            else orjson.dumps(redactor.fields(source)).decode()
        )

    return scrub


def sentry() -> Scrub:
    from sentry_sdk.scrubber import EventScrubber

    scrubber = EventScrubber(recursive=True)

    def scrub(source: Source) -> str:
        fields = {"message": source} if isinstance(source, str) else copy.deepcopy(source)
        scrubber.scrub_dict(fields)
        return shown(fields["message"] if isinstance(source, str) else fields)

    return scrub


def logfire() -> Scrub:
    from logfire._internal.scrubbing import Scrubber

    scrubber = Scrubber(None)

    def scrub(source: Source) -> str:
        return shown(scrubber.scrub_value(("attributes", "message"), source)[0])

    return scrub


def django() -> Scrub:
    from django.conf import settings
    from django.views.debug import SafeExceptionReporterFilter

    if not settings.configured:
        settings.configure()
    reporter = SafeExceptionReporterFilter()

    def scrub(source: Source) -> str:
        return shown(reporter.cleanse_setting("message", source))

    return scrub


def shown(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


SCRUBBERS: tuple[tuple[str, str, Callable[[], Scrub]], ...] = (
    ("logkit", "logkit.redact", logkit),
    ("Sentry EventScrubber", "sentry_sdk.scrubber", sentry),
    ("logfire Scrubber", "logfire._internal.scrubbing", logfire),
    ("Django SafeExceptionReporterFilter", "django.views.debug", django),
)


def speed() -> int:
    """Redaction against Loguru's line with a sink that does nothing, interleaved; medians of ratios."""
    from loguru import logger

    logger.remove()
    logger.add(lambda message: None)
    redactor = Redactor()
    warm_fields = {"circle_id": "550e8400-e29b-41d4-a716-446655440000", "message_id": 42, "recipients": 5}
    warm: list[float] = []
    cold: list[float] = []
    lines = 2_000
    for batch in range(31):
        new = [new_line(number) for number in range(batch * lines, (batch + 1) * lines)]
        floor = timed(lambda: logger.info("message.sent"), lines)
        warm.append(
            timed(lambda: (redactor.text("message.sent"), redactor.fields(warm_fields)), lines) / floor
        )
        started = time.process_time()
        for message, fields in new:
            redactor.text(message)
            redactor.fields(fields)
        cold.append((time.process_time() - started) / lines / floor)
    print(f"{len(warm)} rounds of {lines:,} lines; Loguru's no-op line: {floor * 1e6:.1f} us\n")
    print("| redaction of | against | ratio, eight rounds of ten | promise | |")
    print("|---|---|---|---|---|")
    missed = False
    for what, ratios, most in (
        ("a known message and 3 fields", warm, MOST_WARM),
        ("a new message of 120 characters and 8 new fields", cold, MOST_COLD),
    ):
        median = statistics.median(ratios)
        low, *_, high = statistics.quantiles(ratios, n=10)
        missed |= median > most
        verdict = "MISSED" if median > most else "held"
        cells = [what, "Loguru with a no-op sink", f"{median:.3f} ({low:.3f} to {high:.3f})", f"<= {most:g}"]
        print(f"| {' | '.join(cells)} | {verdict} |")
    return int(missed)


def timed(call: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


def new_line(number: int) -> tuple[str, dict[str, object]]:
    message = (
        f"imported {number} rows of the members file into the circle and skipped those "
        "that had been there before, in batches"
    )
    return message, {
        "circle_id": f"{number:08x}-aaaa-4bbb-8ccc-000000000000",
        "path": f"/circles/{number}/messages",
        "file": f"members-{number}.csv",
        "step": f"step {number}",
        "rows": number,
        "ratio": number / 3,
        "state": f"done{number}",
        "worker": f"web-{number}",
    }


if __name__ == "__main__":
    sys.exit(main())
