"""Every route of the service."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from mysite import health
from mysite.api import api
from mysite.limits import AddressLimit, limited

urlpatterns = [
    path("admin/login/", limited(admin.site.login, AddressLimit("login"))),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
