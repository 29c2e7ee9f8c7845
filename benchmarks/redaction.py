"""How much the redactor misses, how much it damages, and what it costs, on a file of labelled lines.

`python benchmarks/redaction.py LINES.jsonl` prints leaks and damage by kind. Each line is an object with `text` or
`fields`; no item of `secrets` may appear in what comes out, every item of `keep` must.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from logkit.redact import Redactor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, help="JSON lines with text or fields, secrets, keep, kind")
    parser.add_argument("--show", action="store_true", help="print every line that failed")
    options = parser.parse_args()
    leaks: Counter[str] = Counter()
    damage: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    redactor = Redactor()
    for case in cases(options.lines):
        kinds[case["kind"]] += 1
        shown = redacted(redactor, case)
        leaked = [secret for secret in case["secrets"] if secret in shown]
        lost = [kept for kept in case["keep"] if kept not in shown]
        leaks[case["kind"]] += bool(leaked)
        damage[case["kind"]] += bool(lost)
        if options.show and (leaked or lost):
            print(
                f"{case.get('id')} {case['kind']}\n  in  {case.get('text') or case.get('fields')!r}\n  out {shown}"
            )
            print(f"  leaked {leaked} lost {lost}")
    for kind, count in sorted(kinds.items()):
        print(f"{kind:24} {count:5} lines {leaks[kind]:4} leaks {damage[kind]:4} damaged")
    print(f"{'all':24} {kinds.total():5} lines {leaks.total():4} leaks {damage.total():4} damaged")
    return 1 if leaks.total() or damage.total() else 0


def cases(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def redacted(redactor: Redactor, case: dict[str, Any]) -> str:
    """What comes out, as a reader would see it."""
    if "text" in case:
        return redactor.text(case["text"])
    return orjson.dumps(redactor.fields(case["fields"])).decode()


if __name__ == "__main__":
    sys.exit(main())
