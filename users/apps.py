"""The app's registration with Django."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "users"
