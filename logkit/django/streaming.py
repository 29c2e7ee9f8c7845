"""Responses whose body is produced after the middleware has returned. (R18)

Every chunk is made in the request's context, which the caller does not see between two chunks. The end, the failure
or the abandonment of the body is told once. Files are left to the server, which may send them without us. (R27)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from django.http import FileResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

from logkit.context import Context, get_context, set_context


class OnEnd(Protocol):
    """Told once how a body ended: bytes produced, and what stopped it."""

    def __call__(self, size: int, *, error: BaseException | None = None, abandoned: bool = False) -> None: ...


_NOTHING_MORE: Iterator[bytes] = iter(())


class Body:
    """A body on its way, and the context it is made in."""

    def __init__(self, source: Any, on_end: OnEnd) -> None:
        self._source = source
        self._on_end = on_end
        self._context: Context = get_context()
        self._size = 0
        self._is_over = False

    @contextmanager
    def _own_context(self) -> Iterator[None]:
        outer = get_context()
        set_context(self._context)
        try:
            yield
        finally:
            self._context = get_context()
            set_context(outer)

    def _end(self, error: BaseException | None = None, *, abandoned: bool = False) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_end(self._size, error=error, abandoned=abandoned)

    def run(self, closer: Callable[[], object]) -> None:
        """Call one of the response's closers, a generator's `finally` for one, in the request's context."""
        with self._own_context():
            closer()

    def close(self) -> None:
        """The server is done with the response: after the last chunk, or instead of it."""
        with self._own_context():
            self._end(abandoned=True)
        self._source = _NOTHING_MORE  # Django's own refers to the response, which refers to this


class SyncBody(Body, Iterator[bytes]):
    """An iterator's chunks."""

    def __next__(self) -> bytes:
        with self._own_context():
            try:
                chunk: bytes = next(self._source)
            except StopIteration:
                self._end()
                raise
            except BaseException as error:
                self._end(error)
                raise
        self._size += len(chunk)
        return chunk


class AsyncBody(Body, AsyncIterator[bytes]):
    """An async iterator's chunks."""

    _loop: asyncio.AbstractEventLoop | None = None

    async def __anext__(self) -> bytes:
        self._loop = asyncio.get_running_loop()
        with self._own_context():
            try:
                chunk: bytes = await anext(self._source)
            except StopAsyncIteration:
                self._end()
                raise
            except BaseException as error:
                self._end(error)
                raise
        self._size += len(chunk)
        return chunk

    def close(self) -> None:
        """Django does not close an async generator that is abandoned: the garbage collector would, in any context."""
        loop = self._loop
        if self._is_over or loop is None or not loop.is_running():
            super().close()
            return
        with self._own_context():
            loop.call_soon_threadsafe(self._abandon, loop, context=copy_context())

    def _abandon(self, loop: asyncio.AbstractEventLoop) -> None:
        self._closing = loop.create_task(self._close_source())  # kept: the loop itself does not

    async def _close_source(self) -> None:
        error: BaseException | None = None
        try:
            await self._source.aclose()
            await asyncio.sleep(0)  # a generator inside of it is closed by the loop's own hook, a step later
        except Exception as raised:  # noqa: BLE001 - nobody awaits this; the canonical line tells it
            error = raised
        finally:
            self._end(error, abandoned=True)
            self._source = _NOTHING_MORE


class FileBody(Body):
    """A file that the server sends by itself: its size is what was promised."""

    def __init__(self, response: HttpResponseBase, on_end: OnEnd) -> None:
        super().__init__(None, on_end)
        self._size = int(response.headers.get("Content-Length") or 0)

    def close(self) -> None:
        with self._own_context():
            self._end()


def follow(response: StreamingHttpResponse, on_end: OnEnd) -> None:
    """Have `on_end` told, in the request's context, how the body of `response` ended."""
    body: Body
    if isinstance(response, FileResponse) and response.file_to_stream is not None:
        body = FileBody(response, on_end)
    elif response.is_async:
        body = AsyncBody(response.streaming_content, on_end)
        response.streaming_content = body
    else:
        body = SyncBody(response.streaming_content, on_end)
        response.streaming_content = body
    # Django's own list, because `close()` of a response is what every server calls, and calls last.
    closers: list[Callable[[], object]] = vars(response)["_resource_closers"]
    closers[:] = [partial(body.run, closer) for closer in closers]
    closers.append(body.close)
