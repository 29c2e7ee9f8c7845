"""Handing out a file: private, whole, under a name of ours; and how the API's document says so."""

from __future__ import annotations

from typing import IO, Any

from django.http import FileResponse

from mysite.openapi import Document, refuses


def file_response(file: IO[bytes], mime: str, name: str, *, inline: bool = False) -> FileResponse:
    """Never guessed at by a browser, never kept by a cache on the way, and nothing in it runs."""
    response = FileResponse(file, content_type=mime, as_attachment=not inline, filename=name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address of a share link is its key
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def hands_out(*mimes: str, refusing: tuple[int, ...] = ()) -> Document:
    """The `openapi_extra` of an endpoint whose answer is a file of one of `mimes`."""
    content: dict[str, Any] = {mime: {"schema": {"type": "string", "format": "binary"}} for mime in mimes}
    extra = refuses(*refusing)
    extra["responses"][200] = {"description": "The file.", "content": content}
    return extra
