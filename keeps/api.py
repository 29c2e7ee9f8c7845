"""Keeps, share links and exports over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from keeps import exporting, queries, services, sharing
from keeps.conf import CAPTION_LENGTH
from keeps.media import KINDS
from keeps.models import Export, ExportState, Keep, ShareLink
from mysite.files import file_response, hands_out
from mysite.http import Given, Line, MemberRequest
from mysite.limits import AddressLimit
from mysite.openapi import refuses

router = Router(tags=["keeps"])

Caption = Annotated[Line, Field(max_length=CAPTION_LENGTH)]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200)]

MEDIA = tuple(KINDS)


class CaptionIn(Given):
    caption: Caption | Literal[""] = ""


class KeepOut(Schema):
    id: UUID
    circle_id: UUID
    owner_id: UUID
    message_id: UUID | None
    caption: str
    state: str
    reason: str
    mime: str
    bytes: int
    created_at: datetime
    has_thumbnail: bool

    @staticmethod
    def resolve_has_thumbnail(keep: Keep) -> bool:
        return bool(keep.thumbnail)


class KeepPage(Schema):
    items: list[KeepOut]
    next: str | None


class ShareIn(Given):
    days: Annotated[int, Field(ge=1, le=3650)] = 7


class ShareOut(Schema):
    id: UUID
    created_by_id: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opened: int


class NewShareOut(ShareOut):
    token: str = Field(description="Shown this once: GET /api/shared/{token} needs nothing else.")


class CircleExportOut(Schema):
    id: UUID
    circle_id: UUID
    state: str
    requested_at: datetime
    expires_at: datetime | None
    messages: int | None
    keeps: int | None
    bytes: int | None
    sha256: str
    download_url: str | None

    @staticmethod
    def resolve_download_url(export: Export) -> str | None:
        return f"/api/exports/{export.id}/download" if export.state == ExportState.READY else None


@router.post("/circles/{uuid:circle_id}/keeps", response={201: KeepOut})
def upload_keep(
    request: MemberRequest, circle_id: UUID, file: File[UploadedFile], given: Form[CaptionIn]
) -> Status[Keep]:
    content = file.file
    assert content is not None  # Django's upload handlers always give one
    keep = services.upload(request.user, circle_id, content, size=file.size or 0, caption=given.caption)
    return Status(201, keep)


@router.post("/circles/{uuid:circle_id}/messages/{uuid:message_id}/keep", response={201: KeepOut})
def keep_message(request: MemberRequest, circle_id: UUID, message_id: UUID, given: CaptionIn) -> Status[Keep]:
    return Status(201, services.keep_message(request.user, circle_id, message_id, caption=given.caption))


@router.get("/circles/{uuid:circle_id}/keeps", response=KeepPage)
def list_keeps(
    request: MemberRequest,
    circle_id: UUID,
    view: queries.View = "current",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, object]:
    items, following = queries.timeline(request.user, circle_id, view=view, cursor=cursor, limit=limit)
    return {"items": items, "next": following}


@router.get("/keeps/{uuid:keep_id}", response=KeepOut)
def get_keep(request: MemberRequest, keep_id: UUID) -> Keep:
    return queries.one(request.user, keep_id)


@router.get("/keeps/{uuid:keep_id}/media", openapi_extra=hands_out(*MEDIA))
def download_keep(request: MemberRequest, keep_id: UUID) -> FileResponse:
    return _file(queries.media(request.user, keep_id))


@router.get("/keeps/{uuid:keep_id}/thumbnail", openapi_extra=hands_out("image/webp"))
def get_thumbnail(request: MemberRequest, keep_id: UUID) -> FileResponse:
    keep = queries.thumbnail(request.user, keep_id)
    return file_response(keep.thumbnail.open("rb"), "image/webp", f"{keep.id}.webp", inline=True)


@router.post("/keeps/{uuid:keep_id}/archive", response=KeepOut, openapi_extra=refuses(409))
def archive_keep(request: MemberRequest, keep_id: UUID) -> Keep:
    return services.archive(request.user, keep_id)


@router.post("/keeps/{uuid:keep_id}/restore", response=KeepOut, openapi_extra=refuses(409))
def restore_keep(request: MemberRequest, keep_id: UUID) -> Keep:
    return services.restore(request.user, keep_id)


@router.post("/keeps/{uuid:keep_id}/process", response={202: KeepOut}, openapi_extra=refuses(409))
def process_keep_again(request: MemberRequest, keep_id: UUID) -> Status[Keep]:
    return Status(202, services.process_again(request.user, keep_id))


@router.delete("/keeps/{uuid:keep_id}", response={204: None})
def delete_keep(request: MemberRequest, keep_id: UUID) -> Status[None]:
    services.delete(request.user, keep_id)
    return Status(204, None)


@router.post("/keeps/{uuid:keep_id}/shares", response={201: NewShareOut}, openapi_extra=refuses(409))
def share_keep(request: MemberRequest, keep_id: UUID, given: ShareIn) -> Status[dict[str, object]]:
    link, token = sharing.create(request.user, keep_id, days=given.days)
    return Status(201, {**ShareOut.from_orm(link).dict(), "token": token})


@router.get("/keeps/{uuid:keep_id}/shares", response=list[ShareOut])
def list_shares(request: MemberRequest, keep_id: UUID) -> QuerySet[ShareLink]:
    return queries.share_links(request.user, keep_id)


@router.delete("/keeps/{uuid:keep_id}/shares/{uuid:share_id}", response={204: None})
def revoke_share(request: MemberRequest, keep_id: UUID, share_id: UUID) -> Status[None]:
    sharing.revoke(request.user, keep_id, share_id)
    return Status(204, None)


@router.get(
    "/shared/{token}", auth=None, throttle=AddressLimit("shared", "60/m"), openapi_extra=hands_out(*MEDIA)
)
def open_share(request: HttpRequest, token: str) -> FileResponse:
    return _file(sharing.open_link(token))


@router.post("/circles/{uuid:circle_id}/exports", response={202: CircleExportOut}, openapi_extra=refuses(409))
def request_export(request: MemberRequest, circle_id: UUID) -> Status[Export]:
    return Status(202, exporting.request(request.user, circle_id))


@router.get("/exports/{uuid:export_id}", response=CircleExportOut)
def get_export(request: MemberRequest, export_id: UUID) -> Export:
    return queries.export(request.user, export_id)


@router.get(
    "/exports/{uuid:export_id}/download",
    openapi_extra=hands_out("application/zip", refusing=(409, 410, 503)),
)
def download_export(request: MemberRequest, export_id: UUID) -> FileResponse:
    export, file = exporting.download(request.user, export_id)
    return file_response(file, "application/zip", f"circle-{export.id}.zip")


def _file(keep: Keep) -> FileResponse:
    return file_response(keep.media.open("rb"), keep.mime, f"{keep.id}.{KINDS[keep.mime].extension}")
