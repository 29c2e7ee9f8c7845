"""The views of the conformance site, sync."""

import gc
import io
import logging
import threading
import time
from pathlib import Path

import httpx
from django.contrib.auth import login as auth_login
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connections, transaction
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseNotModified,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from loguru import logger

import logkit
from logkit.context import Scope
from logkit.httpx import hooks


def ok(request, **kwargs):
    logger.info("view.ran")
    return HttpResponse("ok")


def bind(request):
    """Binds a field that no other request may see."""
    logkit.bind_context(secretive=request.GET["mark"])
    logger.info("view.ran")
    return HttpResponse("bound")


def denied(request):
    logger.info("view.ran")
    raise PermissionDenied


def missing(request):
    raise Http404


def suspicious(request):
    raise SuspiciousOperation("odd")


def crash(request):
    logger.info("view.ran")
    raise ValueError("boom")


def log_and_crash(request):
    """Tells the error, and lets it go on."""
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger(__name__).exception("view.failed")
        raise


def empty(request):
    return HttpResponse(status=204)


def redirect(request):
    return HttpResponseRedirect("/sync/ok")


def not_modified(request):
    return HttpResponseNotModified()


def whoami(request):
    """Asks who it is in the middle: lines before do not know, lines after do."""
    logger.info("view.before")
    known = request.user.is_authenticated
    logger.info("view.after")
    return JsonResponse({"known": known})


@csrf_exempt
def login(request):
    user, _ = User.objects.get_or_create(username="ann", defaults={"password": "!"})
    auth_login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    logger.info("view.after")
    return JsonResponse({"user_id": str(user.pk)})


def stream(request):
    def chunks():
        for number in range(3):
            logger.info("chunk.made", number=number)
            yield b"x" * 10

    return StreamingHttpResponse(chunks())


def stream_fails(request):
    def chunks():
        yield b"x" * 10
        raise ValueError("half-way")

    return StreamingHttpResponse(chunks())


def stream_slowly(request):
    """Goes on until the client has gone."""

    def chunks():
        logkit.bind_context(streaming=True)
        try:
            for _ in range(2000):
                yield b"x" * 65536
                time.sleep(0.01)
        finally:
            logger.info("chunks.closed")

    return StreamingHttpResponse(chunks())


def file(request):
    if "path" in request.GET:
        return FileResponse(Path(request.GET["path"]).open("rb"))
    return FileResponse(io.BytesIO(b"f" * 5000), filename="f.bin")


def queries(request):
    for number in range(int(request.GET["count"])):
        User.objects.filter(username=f"nobody-{number % 2}-{'x' * number}").exists()
    return HttpResponse("ok")


def two_databases(request):
    """One query each."""
    for alias in ("default", "other"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    return HttpResponse("ok")


def no_database(request):
    connections["gone"].cursor()


def committed(request):
    """Logs when its transaction is through."""
    with transaction.atomic():
        transaction.on_commit(lambda: logger.info("transaction.committed"))
    return HttpResponse("ok")


def threads(request):
    """A thread of its own knows nothing, unless it is told."""
    for work in (
        lambda: logger.info("thread.plain"),
        logkit.carry_context(lambda: logger.info("thread.told")),
    ):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return HttpResponse("ok")


def alive(request):
    """How many units of work this process remembers, this one included."""
    gc.collect()
    return JsonResponse({"scopes": sum(type(one) is Scope for one in gc.get_objects())})


def outgoing(request):
    """Calls another service through the client helper and answers with what arrived there."""
    with httpx.Client(event_hooks=hooks()) as client:
        inner = client.get(request.GET["url"])
    return JsonResponse(inner.json())


def slow(request):
    logger.info("view.before")
    time.sleep(float(request.GET.get("seconds", "1")))
    logger.info("view.after")
    return HttpResponse("slow")


def exposed(request):
    return HttpResponse(headers={"Access-Control-Expose-Headers": "X-Total,  X-Page"})


def wildcard(request):
    return HttpResponse(headers={"Access-Control-Allow-Origin": "*"})


def add_fields(request):
    logkit.add_fields(rows=12)
    return HttpResponse("ok")


def share(request, token):
    if token.startswith("crash"):
        raise ValueError("boom")
    raise Http404


def old(request, *args, **kwargs):
    return HttpResponse("ok")


@csrf_protect
def protected(request):
    return HttpResponse("ok")


def healthz(request):
    return HttpResponse(status=int(request.GET.get("status", "200")))


def weird_user(request):
    """Users that models may come up with."""
    kind = request.GET["kind"]
    if kind == "none":
        request.user = None
    elif kind == "no_pk":
        request.user = User(username="nobody")
    elif kind == "raises":
        request.user = Raises()
    logger.info("view.after")
    return HttpResponse("ok")


class Raises:
    is_authenticated = True

    @property
    def pk(self):
        raise RuntimeError("no primary key today")
