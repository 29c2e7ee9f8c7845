"""The entry points of the servers, with a layer outside of Django that logs: no request's context may reach it."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.conformance.site.settings")

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from loguru import logger

django_wsgi = get_wsgi_application()
django_asgi = get_asgi_application()  # calls django.setup() again (R20)


def wsgi(environ: Any, start_response: Any) -> Any:
    logger.info("outside.before")
    response = django_wsgi(environ, start_response)
    logger.info("outside.after")
    return response


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Django for HTTP; lifespan and WebSockets are somebody else's, as in a stack of several applications. (R24)"""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    logger.info("outside.before")
    await django_asgi(scope, receive, send)
    logger.info("outside.after")


async def lifespan(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        logger.info("lifespan.started")
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
