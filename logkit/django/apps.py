"""The Django app of logkit: `INSTALLED_APPS += ["logkit.django"]`."""

from __future__ import annotations

from django.apps import AppConfig


class LogkitConfig(AppConfig):
    name = "logkit.django"
    label = "logkit"
    verbose_name = "Logging and audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from logkit.django import capture, checks, commands, database, signals, tasks

        capture.connect()  # before `signals`, which forgets the context of an answered request
        commands.connect()
        database.connect()
        signals.connect()
        tasks.connect()
        checks.register()
