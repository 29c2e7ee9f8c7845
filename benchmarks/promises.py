"""The promises: what is compared with what, and the ratio that must hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time: a function of a module of `benchmarks.cases`."""

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function}"


@dataclass(frozen=True, slots=True)
class Promise:
    """`ours` costs at most `most` times what `theirs` does; `aim` is what we want it to be."""

    what: str
    against: str
    ours: Case
    theirs: Case
    most: float
    aim: float


def _line(what: str, against: str, ours: str, theirs: str, most: float, aim: float) -> Promise:
    return Promise(what, against, Case("line", ours), Case("line", theirs), most, aim)


PROMISES = [
    _line("JSON line, Loguru's own path", "Loguru with a no-op sink", "logkit", "loguru_noop", 1.5, 1.35),
    _line("JSON line, Loguru's own path", "Loguru serialize=True", "logkit", "loguru_serialize", 0.55, 0.5),
    _line(
        "JSON line, Loguru's own path",
        "django-structlog as documented",
        "logkit",
        "django_structlog",
        0.6,
        0.5,
    ),
    _line(
        "JSON line, Loguru's own path",
        "structlog + orjson + call site",
        "logkit",
        "structlog_orjson",
        1.25,
        1.1,
    ),
    _line(
        "stdlib line, ordinary path",
        "python-json-logger, orjson",
        "logkit_stdlib",
        "python_json_logger",
        1.45,
        1.3,
    ),
    _line("rejected debug()", "Loguru's own", "logkit_rejected", "loguru_rejected", 1.05, 1.0),
    Promise(
        "a Celery task: published, run, one line",
        "django-structlog's integration",
        Case("task", "logkit"),
        Case("task", "django_structlog"),
        0.6,
        0.45,
    ),
]
