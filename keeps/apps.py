"""The app's registration with Django."""

from django.apps import AppConfig


class KeepsConfig(AppConfig):
    name = "keeps"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what answers the questions of other apps."""
        from keeps import signals  # noqa: F401
