"""The schema goes forward and back, and says what the models say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def manage(tmp_path: Path, *arguments: str) -> str:
    """A management command in a process and a directory of its own."""
    environ = {
        "PATH": os.environ["PATH"],
        "LOG_ENVIRONMENT": "test",
        "LOG_STDOUT": "off",
        "VAR_DIR": str(tmp_path / "var"),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_migration_can_be_taken_back(tmp_path):
    """Forward, all the way back, and forward again, on a database with people in it."""
    manage(tmp_path, "migrate", "--no-input")
    manage(
        tmp_path,
        "shell",
        "-c",
        "from users.models import User; User.objects.create_user('a@example.org', 'x')",
    )
    manage(tmp_path, "migrate", "users", "zero", "--no-input")
    plan = manage(tmp_path, "showmigrations", "users", "messaging", "keeps")
    assert "[X]" not in plan
    manage(tmp_path, "migrate", "--no-input")


def test_no_model_changed_without_its_migration(tmp_path):
    """`makemigrations` has nothing to do."""
    manage(tmp_path, "makemigrations", "--check", "--dry-run")
