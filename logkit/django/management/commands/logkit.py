"""`manage.py logkit VERB ...`: the same verbs as `python -m logkit`, on the project's own trail."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from logkit.cli import main
from logkit.pipeline import current_settings


class Command(BaseCommand):
    """Passes its arguments on as they are: the verbs have a parser of their own, with their own help."""

    help = "Read and check the project's logs and its audit trail: tail, story, lint, audit, ..."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        settings = current_settings()
        if settings is not None and argv[2:3] != [
            "doctor"
        ]:  # which tells whose choice it was; where the project's LOGGING put the trail
            audit = settings.audit
            os.environ.setdefault("AUDIT_DIR", str(audit.directory))
            os.environ.setdefault("AUDIT_SPOOL_DIR", str(audit.spool_directory))
            os.environ.setdefault("AUDIT_KEY_DIR", str(audit.key_directory))
        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command("logkit", "audit", "verify")`."""
        sys.exit(main(args))
