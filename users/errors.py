"""What the apps raise when a person may not, cannot, or asks for what is not there.

`DomainError` and its kinds; `mysite.api` turns each into one HTTP status. The other apps raise these too.
"""

# ruff: noqa: N818 - named for what the caller is told, as HTTP and Django name them

from __future__ import annotations


class DomainError(Exception):
    """Refused for a reason the caller may know: `code` is for programs, the message for people."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class NotFound(DomainError):
    """There is no such thing, or none that this person may know of: the same answer."""

    code = "not_found"


class Forbidden(DomainError):
    """The person may see the thing, and may not do this with it."""

    code = "forbidden"


class Unauthenticated(DomainError):
    """Nobody is logged in, or the credentials are wrong."""

    code = "unauthenticated"


class Invalid(DomainError):
    """What was given cannot be used."""

    code = "invalid"


class Conflict(DomainError):
    """It contradicts what is there."""

    code = "conflict"


class Gone(DomainError):
    """It was there, and has expired, been used or been withdrawn."""

    code = "gone"


class TooManyAttempts(DomainError):
    """Not now: try again after `retry_after` seconds."""

    code = "too_many_attempts"

    def __init__(self, message: str, *, retry_after: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
