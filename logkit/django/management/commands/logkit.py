"""`manage.py logkit VERB ...`: the same verbs as `python -m logkit`, on the project's own trail."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from logkit.cli import main
from logkit.pipeline import current_settings
from logkit.settings import LogSettings


class Command(BaseCommand):
    """Passes its arguments on as they are: the verbs have a parser of their own, with their own help."""

    help = "Read and check the project's logs and its audit trail: tail, story, doctor, lint, audit, ..."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        settings = current_settings()
        if settings is not None and argv[2:3] != [
            "doctor"
        ]:  # which tells the project's choice from the environment's
            for name, path in _places(settings):
                os.environ.setdefault(name, str(path))
        sys.exit(main(argv[2:]))

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """For `manage.py help logkit`."""
        with suppress(SystemExit):
            main(["--help"])

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command("logkit", "audit", "verify")`."""
        sys.exit(main(args))


def _places(settings: LogSettings) -> Iterator[tuple[str, Path]]:
    """Where the project's LOGGING writes, by the variables that the verbs read."""
    audit = settings.audit
    yield "AUDIT_DIR", audit.directory
    yield "AUDIT_SPOOL_DIR", audit.spool_directory
    yield "AUDIT_KEY_DIR", audit.key_directory
    if settings.file is not None:
        yield "LOG_FILE", settings.file
