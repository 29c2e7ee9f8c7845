"""The archive of a circle: a zip with its messages, its keeps and a manifest that vouches for every file in it.

manifest.json   what, when, how many, and every other file with size and SHA-256
messages.jsonl  oldest first        keeps.jsonl  what is known of each keep        keeps/<id>.<ext>  the files
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from keeps import queries
from keeps.media import KINDS
from keeps.models import Export, Keep
from messaging import queries as messages
from messaging.models import Message

VERSION = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """How much an archive holds; `missing` keeps have a row and no file."""

    messages: int
    keeps: int
    missing: int


def write(export: Export, target: IO[bytes], *, now: datetime) -> Contents:
    """Write the archive of `export`'s circle to `target`, holding one file of it in memory at no time."""
    with ZipFile(target, "w", ZIP_DEFLATED) as zip_file:
        archive = _Archive(zip_file, now)
        message_count = archive.lines("messages.jsonl", map(_message, messages.history(export.circle)))
        keeps, missing = [], 0
        for keep in queries.kept(export.circle):
            try:
                path = archive.keep(keep)
            except FileNotFoundError:
                path, missing = None, missing + 1
            keeps.append(_keep(keep, path))
        archive.lines("keeps.jsonl", keeps)
        contents = Contents(message_count, len(keeps), missing)
        archive.manifest(export, contents)
    return contents


class _Archive:
    """A zip being written, with the digest of every file that went into it."""

    def __init__(self, zip_file: ZipFile, now: datetime) -> None:
        self._zip = zip_file
        self._now = now
        self._files: list[dict[str, Any]] = []

    def lines(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        """A file of JSON lines; returns how many."""
        count, size, digest = 0, 0, hashlib.sha256()
        with self._open(name, ZIP_DEFLATED) as file:
            for row in rows:
                line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
                file.write(line)
                digest.update(line)
                count, size = count + 1, size + len(line)
        self._files.append({"path": name, "bytes": size, "sha256": digest.hexdigest()})
        return count

    def keep(self, keep: Keep) -> str:
        """The file of a keep; returns its name. Raises `FileNotFoundError`. Pictures are compressed already."""
        name = f"keeps/{keep.id}.{KINDS[keep.mime].extension}"
        with keep.media.open("rb") as media, self._open(name, ZIP_STORED) as file:
            shutil.copyfileobj(media, file, _CHUNK)
        self._files.append({"path": name, "bytes": keep.bytes, "sha256": keep.sha256})
        return name

    def manifest(self, export: Export, contents: Contents) -> None:
        """What makes the archive complete; written last."""
        manifest = {
            "format": "family-circle-export",
            "version": VERSION,
            "export_id": str(export.id),
            "circle_id": str(export.circle_id),
            "requested_by": str(export.requested_by_id),
            "created_at": self._now.isoformat(),
            "messages": contents.messages,
            "keeps": contents.keeps,
            "missing_files": contents.missing,
            "files": self._files,
        }
        with self._open("manifest.json", ZIP_DEFLATED) as file:
            file.write(json.dumps(manifest, indent=2).encode())

    def _open(self, name: str, compression: int) -> IO[bytes]:
        info = ZipInfo(name, self._now.timetuple()[:6])
        info.compress_type = compression
        info.external_attr = 0o600 << 16
        return self._zip.open(info, "w", force_zip64=True)


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "author_id": str(message.author_id),
        "body": message.body,
        "sent_at": message.sent_at.isoformat(),
        "edited_at": message.edited_at and message.edited_at.isoformat(),
    }


def _keep(keep: Keep, path: str | None) -> dict[str, Any]:
    return {
        "id": str(keep.id),
        "owner_id": str(keep.owner_id),
        "message_id": keep.message_id and str(keep.message_id),
        "caption": keep.caption,
        "mime": keep.mime,
        "state": keep.state,
        "created_at": keep.created_at.isoformat(),
        "file": path,
    }
