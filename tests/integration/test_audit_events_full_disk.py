"""A04: ledger and spool on a disk that is full, a real one: a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import errno, json, os, sys
from pathlib import Path
import logkit
from logkit import audit
from logkit.errors import AuditUnavailable

logkit.configure()
root = Path(os.environ["ROOT"])
read = {"target": audit.Target("keep", 1), "detail": {"object_count": 1, "purpose": "view"}}
audit.emit("circle.created")
audit.emit("data.read", **read)
with open(root / "filler", "wb", buffering=0) as filler:
    for size in (4096, 64, 1):
        try:
            while True:
                filler.write(b"x" * size)
        except OSError as error:
            assert error.errno == errno.ENOSPC
told = {"ran": 0, "reads": [], "refused": 0, "ran_late": 0}


def act():
    with audit.action("data.export.requested", detail={"scope": "a", "format": "zip", "legal_basis": "c"}):
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
(root / "filler").unlink()
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


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*MOUNTS, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this kernel gives no mount namespace to an ordinary user")
def test_a04_a_full_disk(tmp_path: Path) -> None:
    """No action runs, every read goes on, and afterwards the gap says exactly how many reads were lost."""
    root = tmp_path / "small"
    root.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "ROOT": str(root),
        "LOG_ENVIRONMENT": "test",
        "LOG_STDOUT": "off",
        "AUDIT_DIR": f"{root}/audit",
        "AUDIT_SPOOL_DIR": f"{root}/spool",
        "AUDIT_KEY_DIR": f"{root}/keys",
    }
    script = f'mount -t tmpfs -o size=256k none "$ROOT" && exec "{sys.executable}" -c "$0"'
    done = subprocess.run(
        [*MOUNTS, "sh", "-c", script, PROGRAM],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
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
