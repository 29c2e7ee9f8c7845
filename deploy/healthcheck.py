"""What the containers' health checks run: `python healthcheck.py web|worker|beat`; exit code 0, or 1 and why."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

_PATIENCE = 5  # seconds
_BEAT_WRITES_WITHIN = 600  # seconds; it saves its schedule every three minutes


def web() -> str | None:
    """Does the process answer? /readyz is for the load balancer: a database that is away is no reason to restart."""
    port = os.environ.get("WEB_BIND", "127.0.0.1:8000").rpartition(":")[2]
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().removeprefix(".")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - our own address
            return None if answer.status == 200 else str(answer.status)
    except (OSError, urllib.error.URLError) as error:
        return type(error).__name__


def worker() -> str | None:
    """Does the worker of this container answer over the broker?"""
    name = f"celery@{os.uname().nodename}"
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "mysite",
        "inspect",
        "ping",
        "-d",
        name,
        "-t",
        str(_PATIENCE),
    ]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return None if done.returncode == 0 else "no pong"


def beat() -> str | None:
    """Has beat saved its schedule lately?"""
    saved = Path(os.environ.get("VAR_DIR", "var")).glob("celerybeat-schedule*")
    age = time.time() - max((file.stat().st_mtime for file in saved), default=0.0)
    return None if age < _BEAT_WRITES_WITHIN else "not saved lately"


if __name__ == "__main__":
    if fault := {"web": web, "worker": worker, "beat": beat}[sys.argv[1]]():
        sys.exit(fault)
