"""The answer when something could not be recorded and therefore was not done: HTTP 503."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from logkit.errors import AuditUnavailable

RETRY_AFTER = 30  # seconds


def answer_unavailable(request: HttpRequest, exception: BaseException) -> HttpResponse | None:
    """For `process_exception`: a response to `AuditUnavailable`, none to anything else."""
    if not isinstance(exception, AuditUnavailable):
        return None
    return HttpResponse(
        "This cannot be recorded now, so it was not done. Try again later.\n",
        content_type="text/plain; charset=utf-8",
        status=503,
        headers={"Retry-After": str(RETRY_AFTER)},
    )
