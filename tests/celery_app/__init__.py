"""A Celery application as a project would write it, for tests with real workers: `celery -A tests.celery_app worker`.

The environment says which broker (`TEST_BROKER`) and where its files are (`TEST_BROKER_DIR`).
"""

from tests.celery_app.app import app

__all__ = ["app"]
