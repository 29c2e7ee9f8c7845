"""The app's registration with Django."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Answer the questions of other apps."""
        from messaging.signals import messages_of
        from users.signals import personal_data

        personal_data.connect(messages_of, dispatch_uid="messaging.messages_of")
