"""A04: ledger and spool on a disk that is full. A limit on the size of files, which needs no right, is one that refuses
every line; where this kernel gives a mount namespace, a small tmpfs is one that fills up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import errno, json, os, resource
from pathlib import Path
import logkit
from logkit import audit
from logkit.errors import AuditUnavailable

logkit.configure()
root = Path(os.environ["ROOT"])
read = {"target": audit.Target("keep", 1), "detail": {"object_count": 1, "purpose": "view" * 60}}
audit.emit("circle.created")
audit.emit("data.read", **read)


def fill_up():
    if os.environ["DISK"] == "limit":  # more than a head, less than a line
        resource.setrlimit(resource.RLIMIT_FSIZE, (540, resource.RLIM_INFINITY))
        return
    with open(root / "filler", "wb", buffering=0) as filler:
        for size in (4096, 64, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC


def make_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (root / "filler").unlink(missing_ok=True)


fill_up()
told = {"ran": 0, "reads": [], "refused": 0, "ran_late": 0}


def act():
    with audit.action("data.export.requested", detail={"scope": "a" * 240, "format": "zip", "legal_basis": "c"}):
        pass


try:
    while told["ran"] < 1000:  # the pages that the files have already take some more lines
        act()
        told["ran"] += 1
except AuditUnavailable:
    pass
for _ in range(3):
    try:
        act()
        told["ran_late"] += 1
    except AuditUnavailable:
        told["refused"] += 1
for _ in range(40):
    told["reads"].append(audit.emit("data.read", **read).state)
make_room()
audit.emit("circle.created")
audit.emit("data.read", **read)
lines = [
    json.loads(line)
    for path in (root / "audit").rglob("*-*.jsonl")
    for line in path.read_bytes().splitlines()
]
told["events"] = sorted(line["event"] for line in lines)
told["gaps"] = [line["detail"] for line in lines if line["event"] == "audit.gap"]
print(json.dumps(told))
"""

MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
SHELL = f'mount -t tmpfs -o size=256k none "$ROOT" && exec "{sys.executable}" -c "$0"'


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*MOUNTS, "true"], capture_output=True, check=False).returncode == 0


DISKS = {"limit": [sys.executable, "-c", PROGRAM]} | (
    {"tmpfs": [*MOUNTS, "sh", "-c", SHELL, PROGRAM]} if _may_mount() else {}
)


@pytest.mark.parametrize("disk", DISKS)
def test_a04_a_full_disk(tmp_path: Path, disk: str) -> None:
    """No action runs, every read goes on, and afterwards the gap says exactly how many reads were lost."""
    root = tmp_path / "small"
    root.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "ROOT": str(root),
        "DISK": disk,
        "LOG_ENVIRONMENT": "test",
        "LOG_STDOUT": "off",
        "AUDIT_DIR": f"{root}/audit",
        "AUDIT_SPOOL_DIR": f"{root}/spool",
        "AUDIT_KEY_DIR": f"{root}/keys",
    }
    done = subprocess.run(DISKS[disk], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ran"] < 1000
    assert (told["ran_late"], told["refused"]) == (0, 3)
    lost = told["reads"].count("lost")
    kept = told["reads"].count("written") + told["reads"].count("spooled")
    assert lost > 0
    assert lost + kept == 40
    assert sum(gap["lost"] for gap in told["gaps"] if gap["stream"] == "access") == lost
    assert told["events"].count("data.read") == 2 + kept
    exports = told["events"].count("data.export.requested")
    lost_outcomes = sum(gap["lost"] for gap in told["gaps"] if gap["stream"] == "compliance")
    assert exports + lost_outcomes == 2 * told["ran"]
