"""`make walk`: type what the tutorials say, in a fresh clone, and see that it is what they show.

Every file that a page shows is written, every command is typed into one shell in the order of the page; each must end
with 0, and the events and words in capitals of the output that follows on the page must be in what was printed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PAGES = ("first-line", "first-audit-event", "the-slow-task")
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EVENT = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)+\b|\b[A-Z]{5,}\b")
DONE = "walk-has-done-this:"
# Ids on a page, which differ from run to run: what their requests did.
STORIES = {"1843ce": "message.sent", "154686": "circle_export.requested"}
SERVICE = "make run"  # runs until Ctrl-C


class Shell:
    """One bash, as a reader has it open; what was activated or exported stays."""

    def __init__(self, directory: Path) -> None:
        kept = {"PATH", "HOME", "LANG", "TMPDIR"} | {name for name in os.environ if name.startswith("PIP_")}
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={name: value for name, value in os.environ.items() if name in kept} | {"COLUMNS": "120"},
        )

    def type(self, command: str) -> tuple[int, str]:
        """Its exit code, and what it printed."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.write(f'{command} </dev/null\necho "{DONE}$?"\n')
        self._bash.stdin.flush()
        printed = []
        for line in self._bash.stdout:
            before, mark, code = line.partition(DONE)
            printed.append(before)
            if mark:
                return int(code), "".join(printed)
        return 1, "".join(printed)

    def close(self) -> None:
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.close()
        self._bash.wait(timeout=30)
        self._bash.stdout.close()


def walk(page: Path, clone: Path) -> Iterator[str]:
    """What went otherwise than the page says; prints each command."""
    shell, printed, service = Shell(clone), "", None
    ids: dict[str, str] = {}
    try:
        for language, title, text in BLOCK.findall(page.read_text()):
            if title:
                (clone / title).write_text(text)
            elif language == "text":
                expected = {word for word in EVENT.findall(text) if word not in ids}
                for missing in sorted(expected - set(EVENT.findall(printed))):
                    yield f"{page.stem}: the page shows {missing}, and it was not printed"
            elif language == "console":
                for command in (line[2:] for line in text.splitlines() if line.startswith("$ ")):
                    for shown, here in ids.items():
                        command = command.replace(shown, here)
                    print(f"  $ {command}", flush=True)
                    if command == SERVICE:
                        service = started(clone)
                        continue
                    code, printed = shell.type(command)
                    if code:
                        yield f"{page.stem}: {command}: exit code {code}\n{printed[-2000:]}"
                    ids = ids or requests(clone)
    finally:
        shell.close()
        if service:
            os.killpg(service.pid, signal.SIGINT)
            service.wait(timeout=60)


def started(clone: Path) -> subprocess.Popen[bytes]:
    """`make run`, as soon as it answers."""
    process = subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        probe = ["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:8000/healthz"]
        if subprocess.run(probe, check=False).returncode == 0:
            break
        time.sleep(0.2)  # somebody who waits for a page
    return process


def requests(clone: Path) -> dict[str, str]:
    """The ids of the demo's requests in the place of those that the page shows."""
    log = clone / "var" / "demo" / "logs" / "web.jsonl"
    if not log.exists():
        return {}
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    return {
        shown: next(line["context"]["request_id"] for line in lines if line["message"] == event)[-6:]
        for shown, event in STORIES.items()
    }


def main() -> int:
    """Returns the number of things that went otherwise."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="walk-") as directory:
        clone = Path(directory) / "clone"
        subprocess.run(["git", "clone", "--quiet", PROJECT, clone], check=True)
        for name in sys.argv[1:] or PAGES:
            print(f"docs/tutorial/{name}.md", flush=True)
            faults += walk(clone / "docs" / "tutorial" / f"{name}.md", clone)
    for fault in faults:
        print(f"✗ {fault}")
    print(f"{len(faults)} faults" if faults else "Everything is as the pages say.")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
