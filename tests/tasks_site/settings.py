"""The framework is Django's own where it has one (Django 6), else the backport; the environment says where files go."""

import os
from pathlib import Path

from logkit.django import logging_config
from tests.tasks_site import FRAMEWORK

DIRECTORY = Path(os.environ["SITE_DIR"])
SECRET_KEY = "for-tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.tasks_site.site"
INSTALLED_APPS = ["logkit.django", "django_tasks_db", *([FRAMEWORK] if FRAMEWORK == "django_tasks" else [])]
MIDDLEWARE = ["logkit.django.middleware.RequestContextMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DIRECTORY / "db.sqlite3"}}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DIRECTORY / "cache",
    },
}
TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend"},
    "immediate": {"BACKEND": f"{FRAMEWORK}.backends.immediate.ImmediateBackend"},
    "again": {"BACKEND": "tests.tasks_site.again.AgainBackend"},
    "dummy": {"BACKEND": f"{FRAMEWORK}.backends.dummy.DummyBackend"},
}
LOGGING = logging_config(os.environ, base_dir=DIRECTORY)
