"""The settings of every environment: one file, driven by variables (docs/reference/settings.md).

Unsafe choices (a development key, plain-text cookies, crash routes) exist in `dev` and `test` only, which
LOG_ENVIRONMENT must say; unset means production.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import django

from logkit import parsers
from logkit.celery import beat_schedule
from logkit.errors import ConfigError
from mysite.environment import Environment, call_rate, public_url, seconds
from mysite.logging import get_logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(os.environ)
ENVIRONMENT = env.text("LOG_ENVIRONMENT", "production")
RELAXED = ENVIRONMENT in {"dev", "test"}

# Where the process keeps its files, so that a demo or a test run can have a directory of its own.
VAR_DIR = BASE_DIR / env.read("VAR_DIR", Path("var"), parsers.path)
BROKER_DIR = VAR_DIR / "broker"
MEDIA_ROOT = VAR_DIR / "media"
EXPORT_ROOT = VAR_DIR / "exports"
STATIC_ROOT = VAR_DIR / "static"
for directory in (MEDIA_ROOT, EXPORT_ROOT, STATIC_ROOT):
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        env.fault(f"VAR_DIR is {str(VAR_DIR)!r}, where {directory.name} cannot be made: {error.strerror}")

SECRET_KEY = env.secret(
    "SECRET_KEY", default="only-for-development" if RELAXED else None, at_least=50 * (not RELAXED)
)
DEBUG = env.read("DEBUG", False, parsers.switch)
if DEBUG and not RELAXED:
    env.fault(f"DEBUG is on and LOG_ENVIRONMENT is {ENVIRONMENT!r}: only dev and test may show debug pages")
# A route that fails on purpose, so that the demo can show what an unhandled error leaves behind.
DEBUG_ROUTES = env.read("DEBUG_ROUTES", False, parsers.switch)
if DEBUG_ROUTES and not (RELAXED or ENVIRONMENT == "demo"):
    env.fault(
        f"DEBUG_ROUTES is on and LOG_ENVIRONMENT is {ENVIRONMENT!r}: only dev, test and demo may have them"
    )

# -- HTTP ---------------------------------------------------------------------------------------------------
NONE: tuple[str, ...] = ()
LOCAL_HOSTS: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]", "testserver")
ALLOWED_HOSTS = list(env.read("ALLOWED_HOSTS", LOCAL_HOSTS if RELAXED else NONE, parsers.words))
if not ALLOWED_HOSTS:
    env.fault("ALLOWED_HOSTS is not set; give the host names that this service answers to, such as a.example")
CSRF_TRUSTED_ORIGINS = list(env.read("CSRF_TRUSTED_ORIGINS", NONE, parsers.words))
# What links in letters start with; never what a caller puts into the Host header.
PUBLIC_URL = env.text("PUBLIC_URL", public_url(ALLOWED_HOSTS, secure=not RELAXED)).rstrip("/")
if not RELAXED and not PUBLIC_URL.startswith("https://"):
    env.fault(
        f"PUBLIC_URL is {PUBLIC_URL!r}; give what links in letters begin with, such as https://a.example"
    )

ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
ASGI_APPLICATION = "mysite.asgi.application"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not RELAXED
# Browsers take a cookie of such a name from this very host only, not from a neighbour of the same domain.
_HOST = "" if RELAXED else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_HOST}sessionid", f"{_HOST}csrftoken"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak plain HTTP inside the cluster
SECURE_HSTS_SECONDS = env.read("HSTS_SECONDS", 0 if RELAXED else 3600, parsers.integer(0, 10**9))
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.read("HSTS_SUBDOMAINS", True, parsers.switch)
SILENCED_SYSTEM_CHECKS = [
    "security.W021"
]  # the browsers' preload list is a promise for years, made elsewhere
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.read("TRUST_FORWARDED_PROTO", False, parsers.switch):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
MEMBER_RATE = env.read("MEMBER_RATE", "1200/m", call_rate)  # all calls of one person
ADDRESS_RATE = env.read("ADDRESS_RATE", "30/m", call_rate)  # logins, and sign-ups and resets, of one address
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # JSON bodies; uploaded files are counted apart
FILE_UPLOAD_HANDLERS = [
    "keeps.uploads.UploadQuota",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "logkit.django",
    "ninja",  # the API's documentation page from our own static files
    "users",
    "messaging",
    "keeps",
]
MIDDLEWARE = [
    "logkit.django.middleware.RequestContextMiddleware",  # first: every line of a request knows the request
    "mysite.middleware.AnswerMiddleware",  # next: errors of all the others get the API's shape
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "users.middleware.ImpersonationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
MEDIA_URL = ""  # nothing is served by path: downloads go through views that check who asks

# -- Data ---------------------------------------------------------------------------------------------------


def database(url: str) -> dict[str, Any]:
    """Django's settings of one database URL. Raises `ValueError` saying what is allowed."""
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_health_checks=True))
    except (ValueError, KeyError):
        raise ValueError("a URL such as sqlite:///var/db.sqlite3 or postgresql://user@host/name") from None
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        parsed["OPTIONS"] = {
            **parsed.get("OPTIONS", {}),
            # Readers beside one writer; a writer waits for its turn instead of failing half-way: a deferred
            # transaction that upgrades its lock cannot wait (SQLITE_BUSY at once), an immediate one can.
            "init_command": "PRAGMA journal_mode=WAL",
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
        }
    else:
        parsed["CONN_MAX_AGE"] = 60
    return parsed


# No ATOMIC_REQUESTS: an immediate transaction around every request would make each GET wait for SQLite's one
# write lock, and would keep it through uploads and calls to others. Services open the transactions they need.
DATABASES = {
    "default": env.read(
        "DATABASE_URL", database(f"sqlite:///{VAR_DIR / 'db.sqlite3'}"), database, secret=True
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHE_URL = env.text("CACHE_URL")  # shared by all web processes; without it each counts its own rate limits
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},  # it only counts calls
    }
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# -- People -------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.LockoutBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if ENVIRONMENT == "test":  # the hash is not what tests are about, and argon2 costs 50 ms a user
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# -- Mail, tasks, neighbours --------------------------------------------------------------------------------
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "circles@localhost")
_host, _port = env.text("EMAIL_HOST"), env.read("EMAIL_PORT", 587, parsers.integer(1, 65535))
_account = {
    "username": env.text("EMAIL_HOST_USER"),
    "password": env.secret("EMAIL_HOST_PASSWORD", default=""),
}
_encrypted = {"use_tls": env.read("EMAIL_USE_TLS", True, parsers.switch)}
# Without a mail server letters are left as files; the console backend would break the JSON lines of stdout.
MAIL_TARGET = f"{_host}:{_port}" if _host else "files"
_backend = f"django.core.mail.backends.{'smtp' if _host else 'filebased'}.EmailBackend"
_options: dict[str, Any] = {"file_path": str(VAR_DIR / "mail")}
if _host:
    _options = {"host": _host, "port": _port, "timeout": 10, **_account, **_encrypted}
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _backend, "OPTIONS": _options}}
else:
    EMAIL_BACKEND, EMAIL_FILE_PATH = _backend, _options.get("file_path")
    EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = _host, _port, _options.get("timeout")
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _account["username"], _account["password"]
    EMAIL_USE_TLS = _encrypted["use_tls"]

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "filesystem://")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_URL = "filesystem://localhost//"  # without a host, kombu warns whenever it connects
    CELERY_BROKER_TRANSPORT = "mysite.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,  # seconds
    }
    for folder in ("queue", "control"):
        try:
            (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            env.fault(f"VAR_DIR is {str(VAR_DIR)!r}, where broker/{folder} cannot be made: {error.strerror}")

# Tasks are JSON (reading one runs nothing), take ids, and may run twice: a message is acknowledged when its task
# has ended, so that a killed worker loses none. The filesystem broker keeps no unacknowledged messages; there, and
# where a broker was away, the scheduled recoveries publish again. One message is reserved at a time, because the
# next one would wait for a worker that may be busy for minutes.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True  # results are rows, written by the services
CELERY_TASK_ALWAYS_EAGER = False  # an eager task hides what a queue does: order, serialising, lost context
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 600, 540
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    **beat_schedule(),  # the audit trail's: seal, reconcile, expire
    **{
        name: {"task": task, "schedule": timedelta(minutes=minutes)}
        for name, task, minutes in (
            ("recover-deliveries", "messaging.recover", 5),
            ("recover-keeps", "keeps.recover", 15),
            ("purge-keeps", "keeps.purge", 60),
            ("sweep-accounts", "users.sweep", 60),
            ("delete-due-accounts", "users.delete_due_accounts", 60),
        )
    },
}

PUSH_GATEWAY_URL = env.text("PUSH_GATEWAY_URL", "http://127.0.0.1:8099").rstrip("/")
PUSH_ATTEMPTS = env.read("PUSH_ATTEMPTS", 8, parsers.integer(1, 50))
PUSH_BACKOFF_S = env.read("PUSH_BACKOFF_S", 2.0, seconds)
PUSH_BACKOFF_MAX_S = env.read("PUSH_BACKOFF_MAX_S", 600.0, seconds)
PUSH_TIMEOUT_S = env.read("PUSH_TIMEOUT_S", 5.0, seconds)

# -- Time and words -----------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en-gb"

# -- Logs and audit -----------------------------------------------------------------------------------------
try:
    LOGGING = get_logging_config(os.environ)
except ConfigError as error:
    env.faults += error.faults

if env.faults:
    # Not ImproperlyConfigured: whatever program loads us, a person needs this message and no traceback.
    sys.exit("The environment cannot be used:\n" + "\n".join(f"  - {fault}" for fault in env.faults))
