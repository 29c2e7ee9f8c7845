"""A collector of our own on the loopback: takes OTLP logs over HTTP, or does not, as a test wants it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Record = dict[str, Any]


class Collector:
    """What arrived, and how the next requests are answered."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []  # of requests that were answered with 200
        self.headers: list[dict[str, str]] = []
        self.requests = 0
        self.status = 200
        self.refused = 0  # lines that the next answer says were refused
        self.released = threading.Event()  # an answer waits for it
        self.released.set()
        self.arrived = threading.Condition()
        self._server: _Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen; again on the same port after `stop()`."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.collector = self
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more, and open connections end."""
        server, self._server = self._server, None
        if server is not None:
            self.released.set()
            server.shutdown()
            server.server_close()

    @property
    def records(self) -> list[Record]:
        """Every log record that was taken, in the order of arrival."""
        return [record for body in self.bodies for record in _records(body)]

    def messages(self) -> list[str]:
        return [record["body"] for record in self.records]

    def find(self, event: str) -> list[Record]:
        return [record for record in self.records if record["body"] == event]

    def only(self, event: str) -> Record:
        found = self.find(event)
        assert len(found) == 1, f"{len(found)} records of {event!r} among {self.messages()}"
        return found[0]

    def wait_for_requests(self, count: int, timeout: float = 20) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.requests >= count, timeout)


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    collector: Collector


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        collector = self.server.collector
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with collector.arrived:
            collector.requests += 1
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            collector.arrived.notify_all()
        collector.released.wait(60)
        status, refused = collector.status, collector.refused
        if status == 200:
            collector.bodies.append(body)
            collector.refused = 0
        partial = ExportLogsPartialSuccess(rejected_log_records=refused)
        answer = ExportLogsServiceResponse(partial_success=partial).SerializeToString()
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        if collector._server is not self.server:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens."""
    made = Collector()
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _records(body: bytes) -> Iterator[Record]:
    request = ExportLogsServiceRequest.FromString(body)
    for of_resource in request.resource_logs:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            for log in of_scope.log_records:
                yield {
                    "time_ns": log.time_unix_nano,
                    "severity": log.severity_number,
                    "severity_text": log.severity_text,
                    "event": log.event_name,
                    "body": _value(log.body),
                    "trace_id": log.trace_id.hex(),
                    "span_id": log.span_id.hex(),
                    "scope": of_scope.scope.name,
                    "resource": resource,
                    "attributes": _attributes(log.attributes),
                }


def _attributes(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> Any:
    match kind := value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case None:
            return None
    return getattr(value, kind)
