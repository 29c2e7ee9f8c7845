"""A limit on upload requests that holds before their bytes are read; goes first in FILE_UPLOAD_HANDLERS."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from keeps.conf import keep_settings

_FORM = 64 * 1024  # what a form may weigh around its file


class UploadQuota(FileUploadHandler):
    """Refuses a request that is larger than any file we keep; everything else is left to the other handlers."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - as the base class names it
        content_length: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Raises `RequestDataTooBig`, which Django answers with 400."""
        if content_length > 2 * keep_settings().max_bytes + _FORM:
            raise RequestDataTooBig("The upload is far larger than any file that is kept.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
