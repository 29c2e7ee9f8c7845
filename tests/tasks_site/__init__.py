"""A small project that uses Django's tasks framework: a site that enqueues, and a worker in a process of its own."""

from importlib.util import find_spec

FRAMEWORK = "django.tasks" if find_spec("django.tasks") else "django_tasks"
