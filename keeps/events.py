"""Every event that this app logs; docs/reference/events-keeps.md is made of it, a test provokes each one."""

from __future__ import annotations

from mysite.events import Event

_KEEP = ("circle_id", "keep_id")
_KEEP_MOVE = (*_KEEP, "state_from", "state_to")
_EXPORT = ("circle_id", "export_id")
_EXPORT_MOVE = (*_EXPORT, "state_from", "state_to")
_SHARE = (*_KEEP, "share_id")

EVENTS = {
    "keep.uploaded": Event("INFO", (*_KEEP, "mime", "bytes"), "A picture was stored as a draft."),
    "keep.created_from_message": Event(
        "INFO", (*_KEEP, "message_id", "mime", "bytes"), "What a message says was stored as a draft."
    ),
    "keep.processing_started": Event("INFO", _KEEP_MOVE, "A worker took the draft."),
    "keep.ready": Event(
        "INFO", (*_KEEP_MOVE, "mime", "bytes", "duration_ms"), "Safe to show: re-encoded, with a thumbnail."
    ),
    "keep.processing_failed": Event(
        "WARNING", (*_KEEP_MOVE, "reason"), "The file is no picture after all, or the worker was lost."
    ),
    "keep.retried": Event("INFO", _KEEP_MOVE, "Its owner had the processing tried again."),
    "keep.archived": Event("INFO", _KEEP_MOVE, "Put out of the way."),
    "keep.restored": Event("INFO", _KEEP_MOVE, "Back from the archive, or from a deletion."),
    "keep.deleted": Event(
        "INFO", _KEEP_MOVE, "Out of sight and off every link; it can be restored for a while."
    ),
    "keep.purged": Event(
        "INFO", (*_KEEP, "bytes"), "Erased with its files: the time to restore it was over."
    ),
    "keep.orphans_removed": Event("INFO", ("removed",), "Files without a keep were removed."),
    "keep.recovered": Event(
        "WARNING",
        ("keeps", "exports"),
        "Work that a lost worker or broker left behind was published again or ended.",
    ),
    "share.created": Event("INFO", (*_SHARE, "days"), "A link shows the keep to whoever has it."),
    "share.revoked": Event("INFO", _SHARE, "The link opens nothing any more."),
    "share.opened": Event("INFO", _SHARE, "Somebody used the link."),
    "share.refused": Event(
        "WARNING",
        ("reason",),
        "Somebody used a link that opens nothing: unknown, revoked, expired or keep_hidden.",
    ),
    "circle_export.requested": Event("INFO", _EXPORT, "Somebody who runs the circle asked for its archive."),
    "circle_export.started": Event("INFO", _EXPORT_MOVE, "A worker began to build the archive."),
    "circle_export.ready": Event(
        "INFO",
        (*_EXPORT_MOVE, "messages", "keeps", "missing", "bytes", "duration_ms"),
        "The archive can be downloaded; `missing` keeps had no file.",
    ),
    "circle_export.failed": Event(
        "ERROR", (*_EXPORT_MOVE, "reason"), "No archive: the traceback is with task.failed."
    ),
    "circle_export.downloaded": Event(
        "INFO", (*_EXPORT, "bytes"), "Whoever asked for it fetched the archive."
    ),
    "circle_export.expired": Event("INFO", _EXPORT_MOVE, "The archive was removed: its time was over."),
}
