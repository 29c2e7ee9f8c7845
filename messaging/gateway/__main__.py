"""`python -m messaging.gateway --port 8099`: the push gateway as a process, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from types import FrameType

from loguru import logger

import logkit
from logkit.errors import ConfigError
from messaging.gateway.server import Gateway
from messaging.gateway.state import Behaviour


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 after a stop, 1 when the port or the configuration cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m messaging.gateway",
        description="A push gateway for development and tests.",
        epilog='Tell it what to do: curl -X PUT localhost:8099/control -d \'{"fail_next": 2, "slow_ms": 300}\'',
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8099, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--slow-ms", type=int, default=0, help="answer every call so much later")
    parser.add_argument("--fail-next", type=int, default=0, help="answer the first N calls with 503")
    options = parser.parse_args(argv)
    try:
        logkit.configure({"LOG_SERVICE": "push-gateway", **os.environ})
        gateway = Gateway(options.host, options.port)
        gateway.state.behaviour = Behaviour(slow_ms=options.slow_ms, fail_next=options.fail_next)
    except (ConfigError, ValueError) as error:
        return _refuse(str(error))
    except (OSError, OverflowError) as error:
        return _refuse(f"cannot listen on {options.host}:{options.port}: {error}; give another --port")
    _stop_on_signal(gateway)
    logger.bind(port=gateway.port).info("gateway.started")
    gateway.serve()
    logger.bind(port=gateway.port).info("gateway.stopped")
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"push gateway: {why}\n")
    return 1


def _stop_on_signal(gateway: Gateway) -> None:
    def stop(signum: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts, so another thread has to ask for it
        threading.Thread(target=gateway.stop, daemon=True).start()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)


if __name__ == "__main__":
    sys.exit(main())
