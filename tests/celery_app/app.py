"""The application: nothing of logkit but its import."""

import os
from pathlib import Path

from celery import Celery

import logkit.celery  # noqa: F401  connects the carrier and the canonical lines


def broker_settings(url: str, directory: str) -> dict[str, object]:
    """Settings of the broker at `url` and of a result backend in `directory`."""
    settings: dict[str, object] = {
        "broker_url": url,
        "broker_transport": None,
        "result_backend": os.environ.get("TEST_RESULTS", f"file://{directory}/results"),
        "result_expires": 600,
        "task_default_queue": os.environ.get("TEST_QUEUE", "celery"),
    }
    if url.startswith("filesystem:"):
        folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
        settings["broker_url"] = "filesystem://localhost//"
        settings["broker_transport"] = "mysite.broker:Transport"
        settings["broker_transport_options"] = {
            name: f"{directory}/{folder}" for name, folder in folders.items()
        } | {"polling_interval": 0.05}
        for folder in ("queue", "control", "results"):
            Path(directory, folder).mkdir(parents=True, exist_ok=True)
    else:
        Path(directory, "results").mkdir(parents=True, exist_ok=True)
    return settings


app = Celery("tests.celery_app", include=["tests.celery_app.tasks"], set_as_current=False)
app.conf.update(
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    result_chord_retry_interval=0.2,
    result_backend_transport_options={"polling_interval": 0.1},
    task_track_started=False,
    worker_pool_restarts=True,
    worker_lost_wait=0.5,
    worker_prefetch_multiplier=1,
    beat_schedule={"every-moment": {"task": "work.nothing", "schedule": 0.5}},
)
if url := os.environ.get("TEST_BROKER"):
    app.conf.update(broker_settings(url, os.environ["TEST_BROKER_DIR"]))
    app.conf.beat_schedule_filename = str(Path(os.environ["TEST_BROKER_DIR"], "schedule"))
