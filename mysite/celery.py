"""The Celery application; importing logkit.celery carries each request's context into its tasks."""

import os

from celery import Celery
from celery.signals import celeryd_init

import logkit.celery  # noqa: F401 - connects its signal receivers
from mysite.preflight import require_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def refuse_to_start_in_vain(**_: object) -> None:
    """A worker without a database would take tasks only to fail them."""
    require_ready()
