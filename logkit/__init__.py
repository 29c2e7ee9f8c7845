"""Structured logs and a verifiable audit trail for Django and Celery, over Loguru."""
