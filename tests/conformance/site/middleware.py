"""Middleware that projects have."""

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path


def sync_only(get_response):
    """An old one that pulls the whole stack into threads."""

    def middleware(request):
        return get_response(request)

    return middleware


def fails_before(get_response):
    def middleware(request):
        raise LookupError("before the view")

    return middleware


def fails_after(get_response):
    def middleware(request):
        get_response(request)
        raise LookupError("after the view")

    return middleware


def answers_itself(get_response):
    def middleware(request):
        return HttpResponse("closed for today", status=503)

    return middleware


def forgets_to_render(get_response):
    def middleware(request):
        return TemplateResponse(request, "no-such-template.html")

    return middleware


def chooses_urls(get_response):
    def middleware(request):
        request.urlconf = OtherUrls
        return get_response(request)

    return middleware


class OtherUrls:
    urlpatterns = (path("tenants/<slug:tenant>/", lambda request, tenant: HttpResponse(tenant)),)
