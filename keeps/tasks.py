"""The Celery tasks of keeps; they take ids and leave every decision to the service rooms."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from keeps import exporting, processing, upkeep


@shared_task(name="keeps.process")
def process(keep_id: str) -> str | None:
    return processing.process(UUID(keep_id))


@shared_task(name="keeps.export_circle")
def export_circle(export_id: str) -> bool:
    return exporting.build(UUID(export_id))


@shared_task(name="keeps.purge")
def purge() -> int:
    return upkeep.purge()


@shared_task(name="keeps.recover")
def recover() -> int:
    return upkeep.recover()
