"""The app's registration with Django."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what answers the questions of other apps."""
        from messaging import signals  # noqa: F401
