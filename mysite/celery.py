"""The Celery application; importing logkit.celery carries each request's context into its tasks."""

import os

from celery import Celery

import logkit.celery  # noqa: F401 - connects its signal receivers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
