"""Before a process serves: can it do its work? One clear line and a non-zero exit where it cannot."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from loguru import logger


def require_ready() -> None:
    """Return when the database answers, is migrated, and our directories can be written; else exit with 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    import django

    django.setup()
    faults = list(_faults())
    for fault in faults:
        logger.bind(fault=fault).critical("startup.refused")
    if faults:
        sys.exit(1)


def _faults() -> Iterator[str]:
    from django.conf import settings
    from django.db import DatabaseError, connection, connections
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            yield f"the database lacks {len(missing)} migrations: run manage.py migrate"
    except DatabaseError as error:
        yield f"the database cannot be used ({type(error).__name__}): check DATABASE_URL"
    finally:
        connections.close_all()  # nothing of it may be shared with the workers that are forked next
    for directory in (settings.MEDIA_ROOT, settings.EXPORT_ROOT):
        if not os.access(directory, os.W_OK | os.X_OK):
            yield f"{directory} is missing or cannot be written: create it, or set VAR_DIR"
