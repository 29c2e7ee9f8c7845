"""The schema goes forward and back, and says what the models say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.apps.databases import own_database

PROJECT = Path(__file__).resolve().parents[3]

FORTH_AND_BACK = """
import django; django.setup()
from django.core.management import call_command
from django.db import connection
from keeps.models import Keep
from messaging.models import Message
from users.models import Circle, User

def tables():
    apps = ("users_", "messaging_", "keeps_")
    return sorted(name for name in connection.introspection.table_names() if name.startswith(apps))

def fill():
    user = User.objects.create_user("a@people.example", "x")
    circle = Circle.objects.create(name="Us")
    message = Message.objects.create(circle=circle, author=user, body="x")
    Keep.objects.create(circle=circle, owner=user, message=message, mime="text/plain", bytes=1, sha256="0" * 64)

quiet = {"interactive": False, "verbosity": 0}
call_command("migrate", **quiet)
call_command("makemigrations", check_changes=True, dry_run=True, verbosity=1)
fill()
there = tables()
for app in ("keeps", "messaging", "users"):
    call_command("migrate", app, "zero", **quiet)
left = tables()
call_command("migrate", **quiet)
fill()
assert (left, tables()) == ([], there), (left, tables(), there)
print("forth and back")
"""


def test_every_migration_can_be_taken_back(tmp_path):
    """Forward, all the way back, and forward again, with rows in the tables; nothing is left to migrate."""
    environ = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "LOG_ENVIRONMENT": "test",
        "LOG_STDOUT": "off",
        "VAR_DIR": str(tmp_path / "var"),
    }
    with own_database(tmp_path) as url:
        done = subprocess.run(
            [sys.executable, "-c", FORTH_AND_BACK],
            env=environ | {"DATABASE_URL": url},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["No changes detected", "forth and back"]
