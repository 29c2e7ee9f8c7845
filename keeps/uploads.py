"""A limit on upload requests that holds before their bytes are read; goes first in FILE_UPLOAD_HANDLERS."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from keeps.conf import keep_settings

_FORM = 64 * 1024  # what a form may weigh around its file


class UploadQuota(FileUploadHandler):
    """Refuses a request that is larger than any file we keep; everything else is left to the other handlers.

    Its length is what it says, so the bytes are counted, too: a request in chunks says none.
    """

    received = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - as the base class names it
        content_length: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Raises `RequestDataTooBig`, which Django answers with 400."""
        self._refuse_more_than_twice(content_length)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        self._refuse_more_than_twice(self.received)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None

    def _refuse_more_than_twice(self, size: int) -> None:
        """A file that is only somewhat too large gets its reason from the service."""
        if size > 2 * keep_settings().max_bytes + _FORM:
            raise RequestDataTooBig("The upload is far larger than any file that is kept.")
