"""Audit events and a real database: commits, rollbacks, savepoints, hooks that fail, processes that are killed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from logkit import audit
from logkit.audit.emit.reconcile import reconcile
from logkit.django import outbox
from logkit.django.models import AuditOutbox
from logkit.errors import AuditUnavailable
from tests.unit.audit_events.desk import Desk, opened

pytestmark = pytest.mark.django_db(transaction=True)
EXPORT = {"scope": "all", "format": "zip", "legal_basis": "consent"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path / "trail") as desk:
        yield desk


@pytest.fixture
def outbox_desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path / "trail", AUDIT_OUTBOX="on") as desk:
        yield desk


def export() -> audit.Action:
    return audit.action("data.export.requested", detail=EXPORT)


def ends(desk: Desk) -> list[tuple[str, str]]:
    """Outcome and tx of everything but intents."""
    return [(line["outcome"], line["tx"]) for line in desk.lines() if line["stage"] != "intent"]


class Undo(Exception):
    """Raised to roll back."""


def test_nothing_is_said_before_the_commit(desk: Desk) -> None:
    """The success is written when the outermost block commits, not when the inner one ends."""
    with transaction.atomic():
        with transaction.atomic():
            audit.emit("circle.created")
        assert ends(desk) == []
    assert ends(desk) == [("success", "committed")]


def test_a_savepoint_that_is_rolled_back_settles_at_once(desk: Desk) -> None:
    """Its action is rolled_back although the outer transaction commits; what came after the savepoint is a success."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                with export():
                    pass
                audit.emit("circle.created")
                raise Undo
        except Undo:
            pass
        assert ends(desk) == [("failure", "rolled_back")]
        audit.emit("circle.created")
    assert ends(desk) == [("failure", "rolled_back"), ("success", "committed")]


def test_a_block_without_a_savepoint_takes_the_whole_transaction_along(desk: Desk) -> None:
    """`atomic(savepoint=False)` that fails marks the outer one; the action is rolled_back at its end."""
    with transaction.atomic():
        try:
            with transaction.atomic(savepoint=False):
                with export():
                    pass
                raise Undo
        except Undo:
            pass
        assert ends(desk) == []
    assert ends(desk) == [("failure", "rolled_back")]


def test_a_connection_that_is_closed_inside_is_a_rollback(desk: Desk, tmp_path: Path) -> None:
    """Losing the connection of a database on disk loses the transaction."""
    run(
        desk.root,
        tmp_path / "own.sqlite3",
        "from django.db import connection",
        "with transaction.atomic():",
        f"    with audit.action('data.export.requested', detail={EXPORT!r}):",
        "        pass",
        "    connection.close()",
    )
    assert ends(desk) == [("failure", "rolled_back")]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nobody closes the connection
def test_a_thread_that_dies_in_a_transaction_is_a_rollback(desk: Desk) -> None:
    """The connection goes with its thread, and the outcome says so."""

    def work() -> None:
        transaction.atomic().__enter__()
        with export():
            pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    del thread
    gc.collect()
    assert ends(desk) == [("failure", "rolled_back")]


def test_a_failing_hook_of_somebody_else_is_not_a_rollback(desk: Desk) -> None:
    """Django drops our callback when an earlier one raises after the COMMIT; what was committed is a success."""

    def explode() -> None:
        raise Undo

    def work() -> None:
        with transaction.atomic():
            transaction.on_commit(explode)
            with export():
                pass
            audit.emit("circle.created")

    with pytest.raises(Undo):
        work()
    gc.collect()
    assert sorted(ends(desk)) == [("success", "committed"), ("success", "committed")]


def test_the_commit_itself_can_fail(desk: Desk) -> None:
    """A deferred constraint that only the COMMIT notices: rolled_back."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deferred_parent (id integer PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE deferred_child (id integer REFERENCES deferred_parent(id) DEFERRABLE INITIALLY DEFERRED)"
        )
    try:
        with pytest.raises(Exception, match=r"(?i)foreign key"), transaction.atomic(), export():
            connection.cursor().execute("INSERT INTO deferred_child VALUES (1)")
        assert ends(desk) == [("failure", "rolled_back")]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE deferred_child")
            cursor.execute("DROP TABLE deferred_parent")


# -- Requests -------------------------------------------------------------------------------------------------


def denied_view(request: HttpRequest) -> HttpResponse:
    audit.emit("authz.denied", outcome="denied", reason="role", detail={"permission": "p", "policy": "q"})
    with export():
        pass
    raise Undo


def closed_view(request: HttpRequest) -> HttpResponse:
    AuditOutbox.objects.create(id="00000000-0000-7000-8000-000000000000", stream="x", body=b"a side effect")
    with export():
        return HttpResponse("done")


def reading_view(request: HttpRequest) -> HttpResponse:
    for _ in range(3):
        audit.emit("data.read", target=audit.Target("keep", 1), detail={"object_count": 1, "purpose": "view"})
    return HttpResponse("read")


async def async_view(request: HttpRequest) -> HttpResponse:
    await audit.aemit("circle.created")
    async with export() as act:
        act.add(export_id="e1")
    return HttpResponse("done")


urlpatterns = [
    path("denied", denied_view),
    path("closed", closed_view),
    path("reading", reading_view),
    path("async", async_view),
]


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    """ATOMIC_REQUESTS for the database that is open already, and the views above."""
    with override_settings(ROOT_URLCONF=__name__):
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        yield
        connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.usefixtures("atomic_requests")
def test_a02_a_denial_survives_the_rollback_of_its_request(desk: Desk) -> None:
    """The denial stays; the export is failure, rolled_back, under the id of its intent."""
    assert Client(raise_request_exception=False).get("/denied").status_code == 500
    (denied,) = desk.lines("authz.denied")
    intent, outcome = desk.lines("data.export.requested")
    assert denied["outcome"] == "denied"
    assert (outcome["outcome"], outcome["tx"], outcome["intent_id"]) == (
        "failure",
        "rolled_back",
        intent["id"],
    )
    assert outcome["request"] == intent["request"]


@pytest.mark.usefixtures("atomic_requests")
def test_a04_no_trail_no_action_no_row(desk: Desk) -> None:
    """Ledger and spool gone: 503, the row of the same request is rolled back, and a read still works."""
    desk.break_disk()
    refused = Client().get("/closed")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "30"
    assert not AuditOutbox.objects.exists()
    assert Client().get("/reading").status_code == 200
    desk.mend_disk()
    assert Client().get("/closed").status_code == 200
    (gap,) = desk.lines("audit.gap")
    assert (gap["detail"]["stream"], gap["detail"]["lost"]) == ("access", 1)


@override_settings(ROOT_URLCONF=__name__)
def test_reads_of_one_request_are_one_event_at_its_end(desk: Desk) -> None:
    """Three equal reads: one line with their sum, once the response is closed."""
    Client().get("/reading")
    (line,) = desk.lines("data.read")
    assert line["detail"] == {"object_count": 3, "purpose": "view", "coalesced": 3}
    assert line["request"]["method"] == "GET"


@override_settings(ROOT_URLCONF=__name__)
def test_async_views_state_events_with_their_context(desk: Desk) -> None:
    """`aemit` and `async with` in an async view: same request id everywhere."""

    async def main() -> str:
        response = await AsyncClient().get("/async")
        return str(response.headers["X-Request-ID"])

    request_id = asyncio.run(main())
    assert [line["event"] for line in desk.lines()] == ["circle.created", *["data.export.requested"] * 2]
    assert {line["request"]["id"] for line in desk.lines()} == {request_id}


# -- The outbox and killed processes --------------------------------------------------------------------------


def test_the_outbox_is_empty_after_an_ordinary_commit(outbox_desk: Desk) -> None:
    """The row is there inside the transaction and gone once the event is in the ledger."""
    with transaction.atomic():
        receipt = audit.emit("circle.created")
        assert str(AuditOutbox.objects.get().id) == receipt.id
    assert not AuditOutbox.objects.exists()
    assert [line["id"] for line in outbox_desk.lines()] == [receipt.id]
    assert outbox.relay(older_than=timedelta(0)) == 0


def test_the_outbox_keeps_what_the_trail_could_not_take(outbox_desk: Desk) -> None:
    """Unwritable at the commit: the row stays, and the relay brings it to the ledger later."""
    with transaction.atomic():
        receipt = audit.emit("circle.created")
        outbox_desk.break_disk()
    assert AuditOutbox.objects.count() == 1
    with pytest.raises(AuditUnavailable):
        outbox.relay(older_than=timedelta(0))
    assert AuditOutbox.objects.count() == 1
    outbox_desk.mend_disk()
    assert outbox.relay(older_than=timedelta(0)) == 1
    assert [line["id"] for line in outbox_desk.lines("circle.created")] == [receipt.id]
    assert not AuditOutbox.objects.exists()


def test_a_rollback_leaves_nothing_in_the_outbox(outbox_desk: Desk) -> None:
    """The row goes with the transaction."""
    with transaction.atomic():
        audit.emit("circle.created")
        transaction.set_rollback(True)
    assert not AuditOutbox.objects.exists()
    assert outbox_desk.lines() == []


PROGRAM = """
import os, signal, sys
from pathlib import Path
import django
from django.conf import settings

root = Path(sys.argv[1])
settings.configure(
    SECRET_KEY="x" * 50,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "logkit.django"],
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup()
from django.core.management import call_command
from django.db import transaction
from logkit import audit, configure

folders = {name: str(root / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")}
configure({"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT_OUTBOX": "on", **folders})
call_command("migrate", verbosity=0)
"""


def run(root: Path, database: Path, *program: str, status: int = 0) -> str:
    """Run the lines in a process of their own with its own database; what it printed."""
    source = PROGRAM + "\n".join(program)
    ours = ("LOG_", "AUDIT", "DJANGO")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-c", source, str(root), str(database)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout.strip()


def test_a03_killed_inside_an_action(desk: Desk, tmp_path: Path) -> None:
    """`reconcile` settles the intent as unknown, once, and leaves young ones alone."""
    run(
        desk.root,
        tmp_path / "own.sqlite3",
        f"with audit.action('data.export.requested', target=audit.Target('user', 7), detail={EXPORT!r}):",
        "    os.kill(os.getpid(), signal.SIGKILL)",
        status=-signal.SIGKILL,
    )
    (intent,) = desk.lines("data.export.requested")
    assert reconcile() == (0, [])
    _, (receipt,) = reconcile(older_than=timedelta(0))
    assert reconcile(older_than=timedelta(0)) == (0, [])
    _, outcome = desk.lines("data.export.requested")
    assert outcome["id"] == receipt.id
    assert (outcome["outcome"], outcome["reason"], outcome["intent_id"]) == (
        "unknown",
        "no_outcome",
        intent["id"],
    )
    assert (outcome["actor"], outcome["target"], outcome["detail"]) == (
        intent["actor"],
        intent["target"],
        intent["detail"],
    )


def test_an_action_with_an_outcome_is_left_alone(desk: Desk) -> None:
    """There is nothing to reconcile after an ordinary action."""
    with export():
        pass
    assert reconcile(older_than=timedelta(0)) == (0, [])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a03_killed_between_commit_and_callback(outbox_desk: Desk, tmp_path: Path, moment: str) -> None:
    """Killed before the event was written, or after it and before the row was deleted: exactly one success."""
    database = tmp_path / "own.sqlite3"
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    if moment == "before":
        setup = f"hook = lambda: transaction.on_commit(lambda: {kill})"
    else:
        setup = "from logkit.django import outbox; hook = lambda: None; "
        setup += f"outbox._remover = lambda *given: (lambda: {kill})"
    run(
        outbox_desk.root,
        database,
        setup,
        "with transaction.atomic():",
        "    hook()",
        "    audit.emit('circle.created', target=audit.Target('circle', 7))",
        status=-signal.SIGKILL,
    )
    relay = [
        "from datetime import timedelta",
        "from logkit.django import outbox",
        "from logkit.django.models import AuditOutbox",
        "left = AuditOutbox.objects.count()",
        "print(left, outbox.relay(older_than=timedelta(0)), AuditOutbox.objects.count())",
    ]
    assert run(outbox_desk.root, database, *relay) == f"1 {1 if moment == 'before' else 0} 0"
    assert run(outbox_desk.root, database, *relay) == "0 0 0"
    (line,) = outbox_desk.lines()
    assert (line["event"], line["outcome"], line["tx"]) == ("circle.created", "success", "committed")


def test_a03_an_outcome_in_the_outbox_is_not_unknown(outbox_desk: Desk, tmp_path: Path) -> None:
    """Killed after the COMMIT of a closed action: `reconcile` finds its success before it looks for open intents."""
    database = tmp_path / "own.sqlite3"
    run(
        outbox_desk.root,
        database,
        "with transaction.atomic():",
        "    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))",
        f"    with audit.action('data.export.requested', target=audit.Target('user', 7), detail={EXPORT!r}):",
        "        pass",
        status=-signal.SIGKILL,
    )
    reconciling = [
        "from datetime import timedelta",
        "from logkit.audit.emit.reconcile import reconcile",
        "print(reconcile(older_than=timedelta(0)))",
    ]
    assert run(outbox_desk.root, database, *reconciling) == "Reconciled(relayed=1, unknown=[])"
    assert run(outbox_desk.root, database, *reconciling) == "Reconciled(relayed=0, unknown=[])"
    assert [line["outcome"] for line in outbox_desk.lines()] == ["unknown", "success"]
