"""The app's registration with Django."""

from django.apps import AppConfig


class KeepsConfig(AppConfig):
    name = "keeps"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Answer the questions of other apps."""
        from keeps.signals import keeps_of
        from users.signals import personal_data

        personal_data.connect(keeps_of, dispatch_uid="keeps.keeps_of")
