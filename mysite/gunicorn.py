"""gunicorn's configuration: `gunicorn -c python:mysite.gunicorn mysite.wsgi`.

Logging is ours from the arbiter's first line. There is no access log: `request.finished` says all of it.
"""

import logging.config
import os
from typing import Any

from mysite.logging import get_logging_config
from mysite.preflight import one_clear_message, require_ready

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 60
graceful_timeout = 20
keepalive = 5
control_socket_disable = True
with one_clear_message():
    logconfig_dict = get_logging_config(os.environ)
    logging.config.dictConfig(
        logconfig_dict
    )  # gunicorn does it again, which changes nothing, and shows a traceback


def on_starting(server: Any) -> None:
    """Refuse to start where requests could only fail, with one line that says why."""
    require_ready()
