"""The Django project: settings, servers, the HTTP API's frame, logging and audit of the product."""

from mysite.celery import app as celery_app  # tasks are published through it from the web process too

__all__ = ("celery_app",)
