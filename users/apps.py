"""The app's registration with Django."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"

    def ready(self) -> None:
        """Register the project's own system checks, since the project is no app."""
        from mysite import checks  # noqa: F401
