"""Tasks that end in the ways that a task can end."""

from importlib import import_module

from django.db import connection
from loguru import logger

import logkit
from tests.tasks_site import FRAMEWORK

task = import_module(FRAMEWORK).task


@task()
def greet() -> None:
    """Say a line, ask the database, and put a field on the canonical line."""
    logkit.bind_context(circle_id=7)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    logkit.add_fields(rows=12)
    logger.info("job.done")


@task()
def fail() -> None:
    raise ValueError("broken")


@task()
def have_child() -> None:
    """Enqueue a task of its own."""
    greet.enqueue()


@task(queue_name="default")
async def greet_slowly() -> None:
    logger.info("job.done")
