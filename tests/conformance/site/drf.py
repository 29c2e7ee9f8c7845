"""A Django REST framework API whose exception handler swallows everything, as many projects' do."""

from django.contrib.auth.models import User
from django.urls import path
from loguru import logger
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView, exception_handler


def swallow_everything(exc, context):
    return exception_handler(exc, context) or Response({"detail": "sorry"}, status=500)


class TokenInHeader(BaseAuthentication):
    def authenticate(self, request):
        token = request.headers.get("Authorization")
        return (User(pk=78, username="token"), token) if token else None


class Never(BaseThrottle):
    def allow_request(self, request, view):
        return False


class Crash(APIView):
    def get(self, request):
        raise KeyError("swallowed")


class Me(APIView):
    authentication_classes = (TokenInHeader,)

    def get(self, request):
        logger.info("view.after")
        return Response({"ok": True})


class Throttled(APIView):
    throttle_classes = (Never,)

    def get(self, request):
        return Response({"ok": True})


class Denied(APIView):
    def get(self, request):
        raise PermissionDenied


urlpatterns = [
    path("crash", Crash.as_view()),
    path("me", Me.as_view()),
    path("throttled", Throttled.as_view()),
    path("denied", Denied.as_view()),
]
