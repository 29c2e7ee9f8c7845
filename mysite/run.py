"""`make run`: web, worker and gateway, and their log in the terminal, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from mysite.processes import PROJECT, ProcessFailed, manage, plan, running

_STOPS = (signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Returns the exit code: 0 after Ctrl-C, 1 when something could not start."""
    for number in _STOPS:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    directory = PROJECT / os.environ.get("VAR_DIR", "var") / "run"
    ports = {name: _port(name, default) for name, default in (("WEB_PORT", 8000), ("GATEWAY_PORT", 8099))}
    try:
        service = plan(directory, os.environ, port=ports["WEB_PORT"], gateway_port=ports["GATEWAY_PORT"])
        manage("migrate", "--no-input", environ=service.environ)
        logs = [directory / f"{process.name}.jsonl" for process in service.processes()]
        for log in logs:
            log.write_bytes(b"")  # a run's story starts with the run
        with running(service):
            print(f"web      {service.web}/api/docs\ngateway  {service.gateway}\nCtrl-C stops everything\n")
            _tail(logs)
    except KeyboardInterrupt:
        return 0
    except ProcessFailed as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0


def _port(name: str, default: int) -> int:
    given = os.environ.get(name, "")
    if not given:
        return default
    if given.isdecimal() and int(given) < 65536:
        return int(given)
    raise SystemExit(
        f"make run: {name} is {given!r}, which is no port; give a number up to 65535, 0 for any free one"
    )


def _tail(logs: list[Path]) -> None:
    tail = subprocess.Popen([sys.executable, "-m", "logkit", "tail", "-F", *map(str, logs)])
    try:
        tail.wait()
    finally:
        tail.terminate()
        tail.wait()


if __name__ == "__main__":
    sys.exit(main())
