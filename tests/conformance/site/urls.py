"""Every view has a sync route below `sync/` and an async one below `async/`."""

from django.urls import include, path, re_path

from tests.conformance.site import async_views, drf, views
from tests.conformance.site.api import api

NAMES = (
    "ok bind denied missing suspicious crash log_and_crash redirect empty not_modified whoami login stream "
    "stream_fails stream_slowly cleanup_fails file queries two_databases no_database outgoing slow exposed wildcard "
    "add_fields weird_user committed threads group background alive"
)


def routes(module):
    return [path(name, getattr(module, name)) for name in NAMES.split() if hasattr(module, name)]


urlpatterns = [
    path("sync/", include(routes(views))),
    path("async/", include(routes(async_views))),
    path("share/<str:token>", views.share),
    path("circles/<uuid:circle_id>/messages/<int:number>", views.ok),
    re_path(r"^old/(?P<year>[0-9]{4})/(\w+)/$", views.old),
    path("protected", views.protected),
    path("healthz", views.healthz),
    path("api/", api.urls),
    path("drf/", include(drf.urlpatterns)),
]
