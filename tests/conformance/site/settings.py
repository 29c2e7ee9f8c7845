"""Settings of the conformance site: the middleware first, everything else as `startproject` has it."""

import os
from pathlib import Path

from logkit.django import logging_config

BASE_DIR = Path(os.environ["SITE_DIR"])
SECRET_KEY = "only-for-the-conformance-site"
DEBUG = os.environ.get("SITE_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "tests.conformance.site.urls"
WSGI_APPLICATION = "tests.conformance.site.servers.wsgi"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "logkit.django",
]
MIDDLEWARE = [
    "logkit.django.middleware.RequestContextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
if os.environ.get("SITE_SYNC_ONLY") == "1":  # an old middleware that pulls the whole stack into threads
    MIDDLEWARE.append("tests.conformance.site.middleware.sync_only")
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "site.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "other.sqlite3"},
    "gone": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "no" / "such" / "place.sqlite3"},
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_URL = "/static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "tests.conformance.site.drf.swallow_everything",
    "UNAUTHENTICATED_USER": None,
}
LOGGING = logging_config(os.environ, base_dir=BASE_DIR)
