"""What variables do that no other test shows by their name: given as a deployment gives them."""

from __future__ import annotations

import grp
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import RequestFactory

import logkit
from logkit import audit, pipeline
from logkit.django.middleware import RequestContextMiddleware
from logkit.testing import Capture, capture
from tests.program import run

TEST = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off"}


def test_the_shape_of_stdout() -> None:
    """LOG_FORMAT: a line for machines, or for people."""
    code = 'logger.bind(circle_id=7).info("message.sent")'
    assert run(code, environ={"LOG_FORMAT": "json"}).only("message.sent")["context"] == {"circle_id": 7}
    told = run(code, environ={"LOG_FORMAT": "console"}).stdout.decode()
    assert "message.sent" in told
    assert not told.startswith("{")


def test_what_is_below_the_level_is_not_said() -> None:
    """LOG_LEVEL, for both kinds of logger."""
    code = """
    logger.info("line.low"); logger.warning("line.high")
    logging.getLogger("any").info("old.low"); logging.getLogger("any").warning("old.high")
    """
    said = {level: run(code, environ={"LOG_LEVEL": level}).lines for level in ("INFO", "WARNING")}
    assert [line["message"] for line in said["INFO"]] == ["line.low", "line.high", "old.low", "old.high"]
    assert [line["message"] for line in said["WARNING"]] == ["line.high", "old.high"]


def test_a_line_says_whose_it_is_and_how_long_it_may_be() -> None:
    """LOG_SERVICE, LOG_ENVIRONMENT, LOG_RELEASE; LOG_MAX_LINE_BYTES."""
    result = run(
        'logger.info("line.short"); logger.bind(text="word " * 1000).info("line.long")',
        environ={"LOG_SERVICE": "circles", "LOG_RELEASE": "r7", "LOG_MAX_LINE_BYTES": "1024"},
    )
    assert result.only("line.short")["service"] == {"name": "circles", "environment": "test", "release": "r7"}
    assert result.only("line.long")["truncated"] is True
    assert max(map(len, result.stdout.splitlines())) <= 1024


def test_a_file_is_rotated_and_what_is_old_goes(tmp_path: Path) -> None:
    """LOG_FILE_ROTATION and LOG_FILE_RETENTION: pieces of the size, and none of a time long past."""
    old, young = (tmp_path / f"app-{day}T000000.000000Z.jsonl" for day in ("20200101", "20300101"))
    for piece in (old, young):
        piece.write_bytes(b"")
    environ = {"LOG_STDOUT": "off", "LOG_FILE": str(tmp_path / "app.jsonl"), "LOG_FILE_ROTATION": "20 KB"}
    result = run(
        f"""
        for n in range(200): logger.bind(n=n).info("line.written")
        end = time.monotonic() + 10
        while os.path.exists({str(old)!r}) and time.monotonic() < end: time.sleep(0.01)
        """,
        environ=environ | {"LOG_FILE_RETENTION": "1 day"},
    )
    assert result.code == 0
    assert not old.exists()
    assert young.exists() or young.with_suffix(".jsonl.gz").exists()
    # A process that ends in the middle of a compression leaves both: a piece's name counts once.
    pieces = {path.name.removesuffix(".gz"): content(path) for path in sorted(tmp_path.glob("app*.jsonl*"))}
    counts = [piece.count(b'"line.written"') for piece in pieces.values()]
    assert len(list(filter(None, counts))) > 1
    assert sum(counts) == 200


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.fixture
def configured() -> Iterator[None]:
    """The configuration of before is back afterwards."""
    before = pipeline.current_settings()
    yield
    pipeline.configure(before)


@pytest.mark.parametrize(("mode", "shown"), [("truncated", "203.0.113.0"), ("off", None)])
def test_a_request_as_the_environment_wants_it(configured: None, mode: str, shown: str | None) -> None:
    """LOG_CLIENT_IP: whole, its network, or not at all. LOG_QUIET_PATHS: DEBUG where all is well."""
    logkit.configure(TEST | {"LOG_LEVEL": "DEBUG", "LOG_CLIENT_IP": mode, "LOG_QUIET_PATHS": "/ping*"})
    with capture() as logs:
        answer_to("/ping", logs)
        answer_to("/other", logs)
    quiet, loud = logs.find("request.finished")
    assert (quiet["level"], loud["level"]) == ("DEBUG", "INFO")
    assert loud["context"].get("client_ip") == shown


def answer_to(path: str, logs: Capture) -> None:
    from django.http import HttpResponse

    def view(request: object) -> HttpResponse:
        return HttpResponse("fine")

    list(RequestContextMiddleware(view)(RequestFactory().get(path, REMOTE_ADDR="203.0.113.77")))


@pytest.mark.parametrize(("chatter", "lines"), [("fold", 0), ("show", 1)])
def test_celerys_own_words_come_back(chatter: str, lines: int) -> None:
    """LOG_TASK_CHATTER=show: what Celery says of a task that task.succeeded says, too."""
    result = run(
        """
        import logkit.celery
        logging.getLogger("celery.app.trace").info(
            "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s",
            {"name": "a.b", "id": "1", "runtime": 1, "return_value": None},
        )
        """,
        environ={"LOG_TASK_CHATTER": chatter},
    )
    assert len([line for line in result.lines if line["logger"] == "celery.app.trace"]) == lines


TRAIL = """
from logkit import audit
audit.emit("data.deleted", target=audit.Target("keep", 1), detail={"object_count": 1, "mode": "soft"})
"""


def test_where_the_trail_is_and_whose(tmp_path: Path) -> None:
    """AUDIT_DIR, AUDIT_SPOOL_DIR, AUDIT_KEY_DIR; AUDIT_FILE_MODE and AUDIT_GROUP of what is written there."""
    group = next(iter(sorted({*os.getgroups(), os.getgid()} - {os.getgid()})), os.getgid())
    folders = {name: str(tmp_path / name) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")}
    environ = {
        "AUDIT": "on",
        **folders,
        "AUDIT_FILE_MODE": "0600",
        "AUDIT_GROUP": grp.getgrgid(group).gr_name,
    }
    seal = 'from logkit import cli; cli.main(["audit", "seal"])'
    assert run(TRAIL + seal, environ=environ).code == 0
    (segment,) = (tmp_path / "AUDIT_DIR" / "compliance").glob("2*.jsonl")
    assert (segment.stat().st_mode & 0o777, segment.stat().st_gid) == (0o600, group)
    assert list((tmp_path / "AUDIT_KEY_DIR").iterdir())
    (tmp_path / "AUDIT_DIR").rename(tmp_path / "away")
    (tmp_path / "AUDIT_DIR").write_text("no directory")
    assert run(TRAIL, environ=environ).code == 0
    assert list((tmp_path / "AUDIT_SPOOL_DIR").rglob("*.jsonl"))


@pytest.mark.parametrize(("fsync", "synced"), [("always", True), ("never", False)])
def test_when_an_event_is_made_durable(tmp_path: Path, fsync: str, synced: bool) -> None:
    """AUDIT_FSYNC: the disk is waited for before emit() returns, or never."""
    folders = {name: str(tmp_path / name) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")}
    count = """
from logkit.audit.ledger import durability, ledger
seen, real = [], durability.fdatasync
durability.fdatasync = ledger.fdatasync = lambda fd: (seen.append(fd), real(fd))
"""
    report = 'logger.bind(n=len(seen)).info("syncs.counted")'
    result = run(f"{count}{TRAIL}{TRAIL}{report}", environ={"AUDIT": "on", "AUDIT_FSYNC": fsync, **folders})
    assert (result.only("syncs.counted")["context"]["n"] > 0) is synced


def test_without_a_trail_nothing_is_written(configured: None, tmp_path: Path) -> None:
    """AUDIT=off, which `dev` and `test` may say."""
    logkit.configure(TEST | {"AUDIT_DIR": str(tmp_path / "audit")})
    receipt = audit.emit(
        "data.deleted", target=audit.Target("keep", 1), detail={"object_count": 1, "mode": "soft"}
    )
    assert receipt.state == "off"
    assert not (tmp_path / "audit").exists()
