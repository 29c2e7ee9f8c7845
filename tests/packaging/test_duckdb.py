"""A strict load of the stdout stream into DuckDB: every line is a row, of the types that the schema documents."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from tests.program import PROJECT, program_environ

pytestmark = pytest.mark.packaging

_PROCESSES, _LINES = 4, 1000
_PROGRAM = """
import logging, sys, warnings
from datetime import UTC, datetime
from decimal import Decimal
import logkit
from loguru import logger

logkit.configure()
values = [None, True, 7, -2**40, 0.5, float("nan"), "bl\\u00e5\\n\\u2028", [1, "a", None], {"a": {"b": 2}}, b"\\xff",
          10**30, Decimal("1.5"), datetime.now(UTC), "x" * 20_000]
for number in range(int(sys.argv[1])):
    with logkit.bound_context(request_id=f"{sys.argv[2]}-{number}", circle_id=number):
        match number % 5:
            case 0:
                logger.bind(value=values[number // 5 % len(values)]).info("value.sent")
            case 1:
                logging.getLogger("a.library").warning("Sentence %d with \\"quotes\\"", number)
            case 2:
                try:
                    raise ValueError("inner") from KeyError("cause")
                except ValueError:
                    logger.exception("work.failed")
            case 3:
                logger.bind(status=200, duration_ms=1.5, db_queries=3, outcome="success").info("request.finished")
            case 4:
                logger.debug("below.level")
"""
_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "boolean": "BOOLEAN"}


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What four processes print to one pipe."""
    path = tmp_path_factory.mktemp("stream") / "stdout.jsonl"
    environ = program_environ({"LOG_RELEASE": "1.2"})
    with path.open("wb") as out, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=out) as cat:
        assert cat.stdin is not None
        arguments = (
            [sys.executable, "-c", _PROGRAM, str(_LINES), str(number)] for number in range(_PROCESSES)
        )
        writers = [subprocess.Popen(argv, env=environ, stdout=cat.stdin) for argv in arguments]
        assert [writer.wait(120) for writer in writers] == [0] * _PROCESSES
    return path


@pytest.fixture(scope="module")
def table(stream: Path) -> duckdb.DuckDBPyConnection:
    """The stream, loaded as deploy/shipping/duckdb.sql says."""
    connection = duckdb.connect()
    script = (PROJECT / "deploy/shipping/duckdb.sql").read_text()
    connection.execute(script.replace("'stdout.jsonl'", f"'{stream}'"))
    return connection


def test_every_line_is_a_row(stream: Path, table: duckdb.DuckDBPyConnection) -> None:
    """Counts are equal: of lines, of events, of each process."""
    sent = _PROCESSES * _LINES * 4 // 5
    assert stream.read_bytes().count(b"\n") == sent
    assert table.execute("SELECT count(*), count(DISTINCT context->>'request_id') FROM lines").fetchone() == (
        sent,
        sent,
    )
    counts = Counter(
        dict(
            table.execute(
                "SELECT message, count(*) FROM lines WHERE level <> 'WARNING' GROUP BY 1"
            ).fetchall()
        )
    )
    each = _PROCESSES * _LINES // 5
    assert counts == {"value.sent": each, "work.failed": each, "request.finished": each}
    assert table.execute("SELECT count(DISTINCT process.id) FROM lines").fetchone() == (_PROCESSES,)


def test_the_types_are_the_documented_ones(table: duckdb.DuckDBPyConnection) -> None:
    """Each member of the schema is a column of its type; none is missing from the load, none there is unknown."""
    schema = json.loads((PROJECT / "docs/reference/line-schema.json").read_text())
    described = {name: kind for name, kind, *_ in table.execute("DESCRIBE lines").fetchall()}
    assert described.keys() == schema["properties"].keys()
    for name, member in schema["properties"].items():
        if name == "timestamp":
            assert described[name] == "TIMESTAMP"
        elif member.get("type") in _TYPES:
            assert described[name] == _TYPES[member["type"]]
    kinds = table.execute("SELECT DISTINCT json_type(context) FROM lines").fetchall()
    assert kinds == [("OBJECT",)]
    numbers = "SELECT DISTINCT json_type(context->'status'), json_type(context->'duration_ms') FROM lines"
    assert table.execute(f"{numbers} WHERE message = 'request.finished'").fetchall() == [
        ("UBIGINT", "DOUBLE")
    ]
    failed = "SELECT DISTINCT exception->>'type', exception->'cause'->>'type' FROM lines WHERE message = 'work.failed'"
    assert table.execute(failed).fetchall() == [("ValueError", "KeyError")]
    assert table.execute("SELECT count(*) > 0 FROM lines WHERE truncated").fetchone() == (True,)


def test_a_line_of_another_shape_fails_the_load(stream: Path, tmp_path: Path) -> None:
    """Or the load would not be strict."""
    script = (PROJECT / "deploy/shipping/duckdb.sql").read_text()
    for spoilt in ('{"timestamp":"yesterday"}\n', "plain text\n", '{"process":{"id":"seven"}}\n'):
        path = tmp_path / "spoilt.jsonl"
        path.write_text(stream.read_text() + spoilt)
        with pytest.raises(duckdb.Error):
            duckdb.connect().execute(script.replace("'stdout.jsonl'", f"'{path}'"))
