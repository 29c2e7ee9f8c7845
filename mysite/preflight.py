"""Before a process serves: can it do its work? One clear line and a non-zero exit where it cannot."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger

from logkit.errors import ConfigError


@contextmanager
def one_clear_message() -> Iterator[None]:
    """Turn a configuration that cannot be used into its message and exit code 1, without a traceback."""
    try:
        yield
    except (ConfigError, ValueError) as error:  # dictConfig wraps what a handler's factory raises
        cause = error if isinstance(error, ConfigError) else error.__cause__
        if isinstance(cause, ConfigError):
            sys.exit(str(cause))
        raise


def require_ready() -> None:
    """Return when the database answers, is migrated, and our directories can be written; else exit with 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    import django

    with one_clear_message():
        django.setup()
    faults = list(_faults())
    for fault in faults:
        # logkit: ignore[LK301] few, and the process ends
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
