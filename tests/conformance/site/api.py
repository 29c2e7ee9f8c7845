"""A Django Ninja API: a catch-all handler that swallows, authentication inside the view, throttling."""

from django.contrib.auth.models import User
from django.http import JsonResponse
from loguru import logger
from ninja import NinjaAPI
from ninja.security import HttpBearer
from ninja.throttling import AnonRateThrottle

api = NinjaAPI()


@api.exception_handler(Exception)
def swallow_everything(request, error):
    return JsonResponse({"detail": "sorry"}, status=500)


class Bearer(HttpBearer):
    def authenticate(self, request, token):
        return User(pk=77, username="bearer") if token == "right" else None


@api.get("crash")
def crash(request):
    raise KeyError("swallowed")


@api.get("acrash")
async def acrash(request):
    raise KeyError("swallowed")


@api.get("logged")
def logged(request):
    """The traceback is written by the view itself, and not again."""
    try:
        raise KeyError("shown")
    except KeyError as error:
        logger.opt(exception=error).error("view.failed")
        raise


@api.get("me", auth=Bearer())
def me(request):
    logger.info("view.after")
    return {"ok": True}


@api.get("things/{thing_id}", throttle=[AnonRateThrottle("1000/s")])
def thing(request, thing_id: int):
    return {"id": thing_id}


@api.get("throttled", throttle=[AnonRateThrottle("0/s")])
def throttled(request):
    return {"ok": True}
