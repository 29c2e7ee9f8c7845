"""The migrations of messaging and keeps, run by the real command on a database of their own."""

import os

from mysite.processes import manage


def test_migrations_are_complete_and_go_back_and_forth(tmp_path):
    """No model is ahead of them, and each can be undone and done again."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "VAR_DIR": str(tmp_path)}
    manage("makemigrations", "--check", "messaging", "keeps", environ=environ)
    for target in ([], ["keeps", "zero"], ["messaging", "zero"], []):
        manage("migrate", *target, environ=environ)
