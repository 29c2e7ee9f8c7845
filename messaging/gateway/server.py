"""The gateway over HTTP: `POST /push`, and how to tell it what to do.

POST   /push      202 accepted, 200 already accepted under this Idempotency-Key, or what it was told to do
GET    /received  counts and calls     PUT /control  {"slow_ms", "fail_next", "fail_status", "drop_next"}
DELETE /received  a fresh gateway      GET /control  what is left of it      GET /healthz
"""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from loguru import logger

from logkit.context import new_scope
from logkit.trace import is_request_id, parse_traceparent
from messaging.gateway.state import Behaviour, GatewayState, Received

LONGEST_BODY = 64 * 1024
_ANSWERS = {"accepted": HTTPStatus.ACCEPTED, "duplicate": HTTPStatus.OK}


class Gateway:
    """A gateway on `host:port` (0: a free port), served by threads of this process.

    Raises `OSError` when the port cannot be had.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.state = GatewayState()
        self.stopping = threading.Event()
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What PUSH_GATEWAY_URL has to be."""
        return f"http://{self._server.server_address[0]!s}:{self.port}"

    def serve(self) -> None:
        """Serve until `stop()` is called from another thread."""
        self._server.serve_forever(poll_interval=0.05)

    def start(self) -> Self:
        """Serve in a thread."""
        self._thread = threading.Thread(target=self.serve, name="push-gateway", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Answer nobody any more and give the port back; slow calls in flight are cut short."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        if self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up (its timeout is shorter than our slowness) is business as usual."""
        logger.debug("gateway.caller_gone")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30  # an idle kept-alive connection
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        state = self.server.gateway.state
        match self.path:
            case "/healthz":
                self._answer(HTTPStatus.OK, {"status": "ok"})
            case "/control":
                self._answer(HTTPStatus.OK, asdict(state.behaviour))
            case "/received":
                self._answer(HTTPStatus.OK, state.report())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})

    def do_DELETE(self) -> None:
        if self.path != "/received":
            return self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
        self.server.gateway.state.forget()
        return self._answer(HTTPStatus.OK, {"status": "ok"})

    def do_PUT(self) -> None:
        body = self._body()
        if self.path != "/control":
            return self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
        try:
            behaviour = Behaviour.parse(json.loads(body))
        except ValueError as error:
            return self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        self.server.gateway.state.behaviour = behaviour
        return self._answer(HTTPStatus.OK, asdict(behaviour))

    def do_POST(self) -> None:
        started = time.perf_counter()
        body = self._body()
        if self.path != "/push":
            return self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
        call = self._call(body)
        if call is None:
            return self._answer(HTTPStatus.BAD_REQUEST, {"error": "recipient_id and message_id are needed"})
        gateway = self.server.gateway
        behaviour = gateway.state.behaviour
        gateway.stopping.wait(behaviour.slow_ms / 1000)
        decided = gateway.state.admit(call)
        self._log(decided, started)
        if decided.fate == "dropped":
            return self._hang_up()
        answer = _ANSWERS.get(decided.fate, behaviour.fail_status)
        return self._answer(answer, {"fate": decided.fate})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True  # what follows on this connection cannot be told apart
            return b""
        return self.rfile.read(int(length))

    def _call(self, body: bytes) -> Received | None:
        try:
            content = json.loads(body)
            recipient_id, message_id = str(content["recipient_id"]), str(content["message_id"])
        except (ValueError, KeyError, TypeError):
            return None
        request_id = self.headers.get("X-Request-ID", "")
        return Received(
            key=self.headers.get("Idempotency-Key", ""),
            recipient_id=recipient_id,
            message_id=message_id,
            request_id=request_id if is_request_id(request_id) else "",
            traceparent=self.headers.get("traceparent", ""),
            fate="accepted",
        )

    def _log(self, call: Received, started: float) -> None:
        """One line per push, under the caller's ids, as a real neighbour service would."""
        trace = parse_traceparent(call.traceparent)
        ids = {"request_id": call.request_id, "trace_id": trace.trace_id if trace else ""}
        with new_scope({name: value for name, value in ids.items() if value}):
            logger.bind(
                recipient_id=call.recipient_id,
                message_id=call.message_id,
                outcome=call.fate,
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
            ).info("push.received")

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """The server's own access lines: `_log` says what matters."""
