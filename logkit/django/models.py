"""The transactional outbox: audit events that are stored with the data they speak of, until the ledger has them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models


class AuditOutbox(models.Model):
    """One event, from the transaction that stated it until its line is in the ledger. (AUDIT_OUTBOX)"""

    id: models.UUIDField[UUID, UUID] = models.UUIDField(primary_key=True, editable=False)
    stream: models.CharField[str, str] = models.CharField(max_length=16)
    body: models.BinaryField[bytes, bytes] = models.BinaryField()
    stored_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        auto_now_add=True, db_index=True
    )

    def __str__(self) -> str:
        return str(self.id)
