"""The external aggregator: lines to a collector, as OTLP logs over HTTP. (LOG_OTLP)

Nothing of OpenTelemetry is imported before a pipeline asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from urllib.parse import urlsplit

from logkit.errors import ConfigError
from logkit.writers import BufferedWriter, Report

Hush = Callable[[], AbstractContextManager[None]]
"""A block in which nothing that this thread logs goes anywhere: what the exporter says would have to be exported."""

QUEUE_BYTES = 8_388_608  # of lines that wait for the collector
BATCH_BYTES = 262_144  # of lines in one request: some hundred
LINGER = 1.0  # seconds that the first line of a batch waits for more
EXIT_TIMEOUT = 3.0  # seconds that the exit of the process waits for the collector

_INSTALL = 'pip install "logkit[otlp]"'
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_PROTOCOL = "http/protobuf"


def open_writer(service: Mapping[str, str], *, report: Report, hush: Hush) -> BufferedWriter:
    """The writer that takes lines of schema v1 to the collector which `OTEL_EXPORTER_OTLP_*` names.

    Its `write()` never waits. Raises `ConfigError` when OpenTelemetry is not installed, or when its variables name
    something that cannot be sent to.
    """
    if faults := [*_faults(os.environ)]:
        raise ConfigError(faults)
    from logkit.otlp.writer import CollectorWriter

    collector = CollectorWriter(service, report=report, hush=hush)
    return BufferedWriter(
        collector,
        max_bytes=QUEUE_BYTES,
        patience=0.0,
        exit_timeout=EXIT_TIMEOUT,
        batch_bytes=BATCH_BYTES,
        linger=LINGER,
    )


def endpoint(environ: Mapping[str, str]) -> str:
    """Where lines are sent, without what a person may have put before the host or behind the path. (P06)"""
    _, given = _first(environ, "ENDPOINT")
    url = urlsplit(given or "http://localhost:4318")
    path = url.path if environ.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT") else url.path.rstrip("/") + "/v1/logs"
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{path}"


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    if not all(map(_is_installed, _PACKAGES)):
        yield f"LOG_OTLP is on and OpenTelemetry is not installed: {_INSTALL}"
    name, protocol = _first(environ, "PROTOCOL")
    if protocol and protocol != _PROTOCOL:
        yield f"{name} is {protocol!r}, and logs are sent as {_PROTOCOL}: give that, or leave it out"
    name, given = _first(environ, "ENDPOINT")
    url = urlsplit(given or "http://localhost")
    if url.scheme not in ("http", "https") or not url.hostname:
        yield f"{name} is no URL that can be sent to; give one such as http://collector:4318"


def _first(environ: Mapping[str, str], what: str) -> tuple[str, str]:
    """The variable for logs, or else the one for all signals, with its value."""
    special, general = f"OTEL_EXPORTER_OTLP_LOGS_{what}", f"OTEL_EXPORTER_OTLP_{what}"
    name = special if environ.get(special) else general
    return name, environ.get(name, "")


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
