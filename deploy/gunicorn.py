"""gunicorn's configuration for any project with logkit: `gunicorn -c gunicorn.py shop.wsgi`.

Logging is logkit's from the arbiter's first line. There is no access log: `request.finished` says all of it.
Run where it was written: yes, by tests/packaging/test_deploy.py.
"""

import logging.config
import os
from pathlib import Path

from logkit.django import logging_config

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 60  # seconds without a sign of life
graceful_timeout = 20  # seconds for requests to end; the orchestrator must wait longer
keepalive = 5
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the root file system is read-only, and a slow disk would look like a dead worker
control_socket_disable = True
logconfig_dict = logging_config(os.environ, base_dir=Path.cwd())
logging.config.dictConfig(logconfig_dict)  # gunicorn does it again, which changes nothing
