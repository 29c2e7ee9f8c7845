"""The one way a keep or an export changes its state: allowed, durable, and logged once with from and to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from loguru import logger

from keeps.models import EXPORT_MOVES, KEEP_MOVES, Export, ExportState, Keep, KeepState
from users.errors import Conflict

if TYPE_CHECKING:
    from loguru import Logger


def move_keep(keep: Keep, to: KeepState, **changes: object) -> Logger:
    """Take a keep, locked by the caller's transaction, to its next state together with `changes`.

    Returns a logger that says where it came from and where it is, for the event. Raises `Conflict`.
    """
    before = KeepState(keep.state)
    if to not in KEEP_MOVES[before]:
        raise Conflict(f"A keep that is {before.value} cannot become {to.value}.", code="wrong_state")
    keep.state, keep.changed_at = to, timezone.now()
    _save(keep, changes)
    return about_keep(keep).bind(state_from=before.value, state_to=to.value)


def move_export(export: Export, to: ExportState, **changes: object) -> Logger:
    """As `move_keep`, for an export."""
    before = ExportState(export.state)
    if to not in EXPORT_MOVES.get(before, ()):
        raise Conflict(f"An export that is {before.value} cannot become {to.value}.", code="wrong_state")
    export.state, export.changed_at = to, timezone.now()
    _save(export, changes)
    return about_export(export).bind(state_from=before.value, state_to=to.value)


def about_keep(keep: Keep) -> Logger:
    return logger.bind(circle_id=keep.circle_id, keep_id=keep.id)


def about_export(export: Export) -> Logger:
    return logger.bind(circle_id=export.circle_id, export_id=export.id)


def _save(row: Keep | Export, changes: dict[str, object]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=["state", "changed_at", *changes])
