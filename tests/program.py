"""Run a small program in a process of its own and read what it wrote: the real thing, stdout and all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.schema import check_line

PROJECT = Path(__file__).resolve().parent.parent
LANE = os.environ.get("TEST_FAST_LANE", "auto")  # make test-ordinary: off
ENVIRON = {"LOG_ENVIRONMENT": "test", "LOG_FORMAT": "json", "AUDIT": "off", "LOG_FAST_LANE": LANE}
_CONFIGURE = (
    "import logkit, logging, sys, os, threading, time\nfrom loguru import logger\nlogkit.configure()\n"
)


@dataclass(frozen=True)
class Result:
    """What a program left behind."""

    stdout: bytes
    stderr: bytes
    code: int

    @property
    def raw_lines(self) -> list[dict[str, Any]]:
        """Every stdout line as JSON; anything else on stdout fails here."""
        return [json.loads(line) for line in self.stdout.split(b"\n")[:-1]]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every stdout line, valid by schema v1."""
        lines = self.raw_lines
        for line in lines:
            check_line(line)
        return lines

    def find(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["message"] == event]

    def only(self, event: str) -> dict[str, Any]:
        found = self.find(event)
        assert len(found) == 1, f"{len(found)} lines of {event!r} in {self.stdout!r}, stderr {self.stderr!r}"
        return found[0]


def program_environ(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program under test: ours, without what would configure logging otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT"))}
    for name in ("DJANGO_SETTINGS_MODULE", "LOGKIT_CAPTURE"):
        kept.pop(name, None)
    return {**kept, "PYTHONPATH": str(PROJECT), **ENVIRON, **(environ or {})}


def run(
    code: str, *, environ: Mapping[str, str] | None = None, configure: bool = True, timeout: float = 60
) -> Result:
    """Run `code` after `logkit.configure()`, with `logger`, `logging` and the usual modules imported."""
    source = (_CONFIGURE if configure else "") + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", source],
        env=program_environ(environ),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.stdout, done.stderr, done.returncode)
