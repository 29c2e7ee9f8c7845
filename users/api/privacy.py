"""Consent, a copy of one's data, deletion of the account."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse
from ninja import Router, Status

from mysite.files import file_response, hands_out
from mysite.http import MemberRequest
from mysite.openapi import refuses
from users import queries
from users.api.shapes import ConsentIn, ConsentOut, Me, PasswordOnly, PersonalExportOut
from users.models import Consent, PersonalExport, Purpose, User
from users.services import exports, privacy

router = Router(tags=["privacy"])


@router.get("/me/consents", response=list[ConsentOut])
def my_consents(request: MemberRequest) -> list[Consent]:
    """The decision that holds now, one for each purpose that was ever decided."""
    return queries.consents(request.user)


@router.put("/me/consents/{purpose}", response=ConsentOut)
def decide(request: MemberRequest, purpose: Purpose, given: ConsentIn) -> Consent:
    return privacy.decide(request.user, purpose, version=given.version, granted=given.granted)


@router.get("/me/exports", response=list[PersonalExportOut])
def my_exports(request: MemberRequest) -> QuerySet[PersonalExport]:
    """The newest fifty."""
    return request.user.exports.all()[:50]


@router.post("/me/exports", response={202: PersonalExportOut}, openapi_extra=refuses(409))
def request_export(request: MemberRequest) -> Status[PersonalExport]:
    return Status(202, exports.request(request.user))


@router.get(
    "/me/exports/{uuid:export_id}/download",
    openapi_extra=hands_out("application/zip", refusing=(409, 410, 503)),
)
def download_export(request: MemberRequest, export_id: UUID) -> FileResponse:
    """A zip archive; its SHA-256 is in the export."""
    file = exports.open_for_download(request.user, export_id)
    return file_response(file, "application/zip", "my-data.zip")


@router.put("/me/deletion", response={202: Me})
def plan_deletion(request: MemberRequest, given: PasswordOnly) -> Status[User]:
    """The account goes when the time to think is over (`deletion_due_at`)."""
    return Status(202, privacy.plan_deletion(request.user, password=given.password))


@router.delete("/me/deletion", response=Me, openapi_extra=refuses(409))
def cancel_deletion(request: MemberRequest) -> User:
    return privacy.cancel_deletion(request.user)
