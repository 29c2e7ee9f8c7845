"""uvicorn for any project with logkit: `python serve_uvicorn.py shop.asgi:application`.

uvicorn has no configuration modules; its command line reads files that cannot hold ours. Logging is logkit's from
the first line, in every worker. There is no access log: `request.finished` says all of it.
Run where it was written: yes, by tests/packaging/test_deploy.py.
"""

import logging.config
import os
import sys
from pathlib import Path

import uvicorn

from logkit.django import logging_config

_GRACE = 20  # seconds for requests to end; the orchestrator must wait longer


def main(application: str) -> None:
    host, _, port = os.environ.get("WEB_BIND", "127.0.0.1:8000").rpartition(":")
    logging.config.dictConfig(logging_config(os.environ, base_dir=Path.cwd()))
    uvicorn.run(
        application,
        host=host.strip("[]"),
        port=int(port),
        workers=int(os.environ.get("WEB_CONCURRENCY", "1")),
        app_dir=str(Path.cwd()),
        log_config=None,  # Django configures it in every worker, by settings.LOGGING
        access_log=False,
        lifespan="off",  # Django has none
        proxy_headers=False,  # LOG_TRUSTED_PROXIES decides who is believed
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


if __name__ == "__main__":
    main(sys.argv[1])
