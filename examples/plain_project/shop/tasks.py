import logging

from celery import shared_task

logger = logging.getLogger(__name__)


@shared_task
def pack(order_id: int) -> None:
    logger.info("Packing order %s", order_id)
