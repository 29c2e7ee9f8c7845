"""Batches of lines to the collector, through OpenTelemetry's exporter.

A batch that the collector cannot take now is kept and sent again; one that it refuses is lost. Meanwhile lines wait in
the queue before this writer, which is bounded. What is lost, here or there, is counted and reported to the collector
as `logkit.dropped`, as soon as it takes lines again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import requests
from loguru import logger
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs.export import LogRecordExportResult

from logkit.otlp import Hush
from logkit.otlp.records import of_this_process, record, resource
from logkit.writers.forks import remake_after_fork
from logkit.writers.losses import Losses, Report

_RETRYABLE = (429, 502, 503, 504)  # https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
_PAUSES = (
    0.5,
    1.0,
    2.0,
    5.0,
)  # seconds between attempts of one batch; the exporter pauses in between as well
_TELL_EVERY = 60.0  # seconds
_WARNING = 30
_UNKNOWN = 0  # the level of lines of which the collector says only how many it refused


class _Session(requests.Session):
    """Remembers what came of the last request: the exporter only says whether it worked."""

    answer: requests.Response | Exception | None = None

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.answer = None
        try:
            response = super().request(*args, **kwargs)
        except Exception as error:
            self.answer = error
            raise
        self.answer = response
        return response


class Answer(NamedTuple):
    """What the collector made of a batch."""

    taken: bool
    refused: int = 0  # lines of a batch that was taken
    again: bool = False  # it may take the batch later
    status: int | None = None
    error: str | None = None


class CollectorWriter:
    """Sends each batch at once, in the thread of the queue before it."""

    def __init__(self, service: Mapping[str, str], *, report: Report, hush: Hush) -> None:
        self._shared = resource(service)
        self._report = report
        self._hush = hush
        self._closed = False
        self._start()
        remake_after_fork(self)

    def _start(self) -> None:
        """What this process needs and shares with no other. (decision 10)"""
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._losses = Losses(self._report)
        self._session: _Session | None = None
        self._exporter: OTLPLogExporter | None = None
        self._resource = of_this_process(self._shared)
        self._is_reporting = True  # False: the last report did not get through
        self._failing_since: float | None = None
        self._told_at = -_TELL_EVERY

    @property
    def lost(self) -> int:
        """How many lines this process could not send."""
        return self._losses.total

    def write(self, line: bytes, level: int) -> None:
        self.write_batch([(level, line)])

    def write_batch(self, batch: Sequence[tuple[int, bytes]]) -> None:
        """Send these lines, (level, line) each; returns when they are sent, lost and counted, or `close()` was called.

        An empty batch sends what is to be reported, if there is anything.
        """
        attempt = 0
        while not self._closed:
            with self._changed:
                lost = self._losses.line()
                told = dict(self._losses.unreported)
            lines = [*batch, (_WARNING, lost)] if lost else batch
            if not lines:
                return
            answer = self._send(lines)
            if answer.again and not self._closed:
                self._say_failing(answer)
                if not batch:
                    self._settle(told=None)
                    return
                self._closing.wait(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1
                continue
            if answer.taken:
                self._settle(told=told if lost else None, refused=[(_UNKNOWN, answer.refused)])
                self._say_taken(answer)
            else:
                self._settle(told=None, refused=[(level, 1) for level, _ in batch])
                self._say_refused(answer, len(batch))
            return

    def _send(self, lines: Sequence[tuple[int, bytes]]) -> Answer:
        with self._hush():
            try:
                if self._exporter is None or self._session is None:
                    self._session = _Session()
                    self._exporter = OTLPLogExporter(session=self._session)
                self._session.answer = None
                records = [record(level, line, self._resource) for level, line in lines]
                done = self._exporter.export(records) is LogRecordExportResult.SUCCESS
                return _answer(done, self._session.answer)
            except Exception as error:  # noqa: BLE001 - whatever the exporter raises, the thread goes on
                return Answer(taken=False, error=type(error).__name__)

    def _settle(self, *, told: Mapping[str, int] | None, refused: Sequence[tuple[int, int]] = ()) -> None:
        """Count what is lost, take back from the counts what was told."""
        with self._changed:
            for level, count in refused:
                if count:
                    self._losses.add(level, count)
            if told:
                self._losses.told(told)
            self._is_reporting = told is not None or not self._losses.unreported
            self._changed.notify_all()

    def _say_failing(self, answer: Answer) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            logger.bind(**_said(answer)).warning("logkit.export_failed")

    def _say_taken(self, answer: Answer) -> None:
        if self._failing_since is not None:
            seconds = round(time.monotonic() - self._failing_since, 1)
            self._failing_since = None
            logger.bind(seconds=seconds).info("logkit.export_resumed")
        if answer.refused:
            self._say_refused(answer, answer.refused)

    def _say_refused(self, answer: Answer, lost: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY:
            self._told_at = now
            logger.bind(**_said(answer), lost=lost).error("logkit.export_refused")

    def count_lost(self, level: int, count: int = 1) -> None:
        """Count lines that were lost on the way here, to be reported with our own. Never waits for the collector."""
        with self._changed:
            self._losses.add(level, count)
            self._is_reporting = True

    def flush(self, timeout: float | None = None) -> bool:
        """Whether what was lost is reported, after at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._losses.unreported and self._is_reporting), timeout)
            return not self._losses.unreported

    def close(self) -> None:
        """Let go of the connection; what nobody was told of is said on stderr."""
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        if untold := sum(self._losses.unreported.values()):
            self._losses.tell_stderr(f"{untold} lines could not be sent to the collector (LOG_OTLP)")
        if self._exporter is not None:
            with self._hush():
                self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def after_fork(self) -> None:
        """In a forked child: connections, lines and losses of the parent stay the parent's."""
        if not self._closed:
            self._start()


def _answer(done: bool, answer: requests.Response | Exception | None) -> Answer:
    match answer:
        case requests.Response():
            status = answer.status_code
            if done and 200 <= status < 300:
                return Answer(taken=True, refused=_refused(answer), status=status)
            return Answer(taken=False, again=status in _RETRYABLE, status=status)
        case requests.ConnectionError() | requests.Timeout():
            return Answer(taken=False, again=True, error=type(answer).__name__)
        case Exception():
            return Answer(taken=False, error=type(answer).__name__)
    return Answer(taken=False, error="EncodingError")  # it was never sent


def _refused(response: requests.Response) -> int:
    """How many lines of a batch the collector did not want, as its answer says."""
    if "protobuf" not in response.headers.get("content-type", ""):
        return 0
    try:
        said = ExportLogsServiceResponse.FromString(response.content)
    except Exception:  # noqa: BLE001 - an answer that is none
        return 0
    return int(said.partial_success.rejected_log_records)


def _said(answer: Answer) -> dict[str, object]:
    return {"status": answer.status} if answer.status else {"error": answer.error}
