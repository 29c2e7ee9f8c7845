"""The entry points of the servers, with a layer outside of Django that logs: no request's context may reach it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.conformance.site.settings")

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from loguru import logger

import logkit

django_wsgi = get_wsgi_application()
django_asgi = get_asgi_application()  # calls django.setup() again (R20)


def wsgi(environ: Any, start_response: Any) -> Any:
    with outside():
        return django_wsgi(environ, start_response)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Django for HTTP; lifespan and WebSockets are somebody else's, as in a stack of several applications. (R24)"""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        with outside():
            await django_asgi(scope, receive, send)


@contextmanager
def outside() -> Iterator[None]:
    """A layer that has bound a field of its own, and says whether its context came back as it was. (R03, R05)"""
    with logkit.bound_context(layer="outside") as bound:
        logger.info("outside.before")
        try:
            yield
        finally:
            logger.bind(restored=logkit.get_context() is bound).info("outside.after")


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    """Accepts, answers once with what it was sent, and closes."""
    await receive()
    await send({"type": "websocket.accept"})
    said = await receive()
    logger.bind(path=scope["path"]).info("websocket.heard")
    await send({"type": "websocket.send", "text": said["text"]})
    await send({"type": "websocket.close", "code": 1000})


async def lifespan(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        logger.info("lifespan.started")
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
