"""What an event looks like on its line: checked, bounded, free of secrets, valid whatever was given."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logkit import audit
from logkit.audit import Actor, AuditEvent, Target
from logkit.audit.events.envelope import MAX_BODY_BYTES, Sealer
from logkit.errors import AuditSchemaError
from logkit.redact import Redactor
from tests.unit.audit_events.desk import Desk

REDACTOR = Redactor()
PRODUCTION = {"LOG_ENVIRONMENT": "production", "LOG_PSEUDONYM_KEY": "0123456789abcdef" * 4}


def body_of(event: AuditEvent, *, strict: bool = True, **context: object) -> dict[str, Any]:
    sealer = Sealer(REDACTOR, {"name": "s", "environment": "test"}, strict=strict)
    envelope = sealer.seal_up(event, context)
    assert len(envelope.body) <= MAX_BODY_BYTES
    assert b"\n" not in envelope.body
    decoded: dict[str, Any] = orjson.loads(envelope.body)
    return decoded


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (AuditEvent("circle.exploded"), "no such event type"),
        (AuditEvent("user.created"), "source must be given"),
        (AuditEvent("auth.logout", actor=Actor.user(1)), r"actor\.session_ref must be given"),
        (AuditEvent("circle.created", reason="It was raining."), "the reason must be a code"),
        (AuditEvent("circle.created", outcome="maybe"), "the outcome must be one of"),  # type: ignore[arg-type]
        (AuditEvent("circle.created", actor=Actor("ghost")), "the actor's type"),  # type: ignore[arg-type]
    ],
)
def test_what_the_catalog_does_not_allow_raises_in_development(event: AuditEvent, complaint: str) -> None:
    """The error names the event and what is missing or wrong."""
    with pytest.raises(AuditSchemaError, match=complaint):
        body_of(event)


def test_in_production_a_faulty_event_is_written_with_its_fault(make_desk: Callable[..., Desk]) -> None:
    """Nothing is lost for a missing field or an unknown type; `schema_error` says what was wrong."""
    desk = make_desk(**PRODUCTION)
    audit.emit("user.created", target=Target("user", 7), reason="It was raining.")
    audit.emit("circle.exploded", detail={"pieces": 3})
    unknown, created = sorted(desk.lines(), key=lambda line: line["event"])
    assert created["target"] == [{"type": "user", "id": "7"}]
    assert "source" in created["schema_error"]
    assert created["reason"] == "unspecified"
    assert (unknown["event"], unknown["stream"]) == ("circle.exploded", "security")
    assert unknown["detail"] == {"pieces": 3}
    assert "no such event type" in unknown["schema_error"]


def test_detail_that_the_catalog_does_not_allow_is_dropped_by_name() -> None:
    """The names of what was dropped stay, the values go."""
    body = body_of(
        AuditEvent("user.created", detail={"source": "sign_up", "shoe_size": 43, "favourite": "blue"})
    )
    assert body["detail"] == {"source": "sign_up"}
    assert body["dropped"] == ["shoe_size", "favourite"]
    assert "blue" not in str(body)


def test_a_reason_given_as_detail_is_the_reason() -> None:
    """A code moves to the top; a sentence, where a person gave one, stays in detail."""
    code = {"reason": "requested", "legal_basis": "consent", "retained": []}
    assert body_of(AuditEvent("user.deleted", detail=code))["reason"] == "requested"
    assert "reason" not in body_of(AuditEvent("user.deleted", detail=code))["detail"]
    sentence = {"effective_user": "7", "reason": "They asked us to look.", "ticket": "T-1"}
    told = body_of(AuditEvent("auth.impersonation.started", detail=sentence))
    assert "reason" not in told
    assert told["detail"]["reason"] == "They asked us to look."


def test_a11_an_impersonation_without_a_reason_is_refused() -> None:
    """An empty reason is no reason."""
    with pytest.raises(AuditSchemaError, match="reason must be given"):
        body_of(
            AuditEvent(
                "auth.impersonation.started", detail={"effective_user": "7", "reason": "", "ticket": "T"}
            )
        )


def test_an_intent_need_not_know_what_only_the_outcome_can() -> None:
    """`rows` of a read of the trail is demanded from the outcome, and not from one that failed."""
    body_of(AuditEvent("audit.log.read", stage="intent", outcome="unknown", detail={"query": "all"}))
    body_of(AuditEvent("audit.log.read", stage="outcome", outcome="failure", detail={"query": "all"}))
    with pytest.raises(AuditSchemaError, match="rows"):
        body_of(AuditEvent("audit.log.read", stage="outcome", detail={"query": "all"}))
    with pytest.raises(AuditSchemaError, match="query"):
        body_of(AuditEvent("audit.log.read", stage="intent", outcome="unknown"))


def test_a01_a_session_key_in_clear_never_reaches_the_line() -> None:
    """Only a pseudonym is a session reference."""
    key = "abcdefghij" + "0123456789" + "klmnopqrstuv"
    actor = Actor.user(7, session_ref=key)
    body = body_of(AuditEvent("auth.logout", actor=actor))
    assert body["actor"]["session_ref"] == "[REDACTED]"
    assert key not in str(body)


def test_secrets_in_any_part_are_redacted() -> None:
    """Ids, detail, changes, routes and names of dropped fields pass through the redactor."""
    mail = "ada" + "@" + "example.org"
    event = AuditEvent(
        "user.created",
        actor=Actor.user(mail),
        target=Target("user", mail, owner=mail, circle_id=mail),
        detail={"source": f"from {mail}", mail: 1},
        change={"email": [mail, mail]},
    )
    assert mail not in str(body_of(event, route=f"/x/{mail}", request_id=mail, client_ip=mail, trace_id=mail))


def test_the_time_is_in_utc_with_microseconds() -> None:
    """A stated time is kept, in the one format."""
    body = body_of(AuditEvent("circle.created", time=datetime(2026, 11, 23, 14, 2, 11, 123456, tzinfo=UTC)))
    assert body["time"] == "2026-11-23T14:02:11.123456Z"


def test_a_line_is_never_too_long() -> None:
    """The longest detail goes first, and what went is named; who did what to what always stays."""
    event = AuditEvent(
        "admin.action",
        actor=Actor.staff(1),
        target=[Target("user", n) for n in range(60)],
        detail={"model": "users.User", "verb": "change", "changed_fields": ["x" * 90] * 400},
        change={"bio": ["y" * 9000, "z" * 9000]},
    )
    body = body_of(event)
    assert body["truncated"] is True
    assert body["dropped"][0] == "target"
    assert "changed_fields" in body["dropped"]
    assert body["actor"]["id"] == "1"
    assert body["target"][0] == {"type": "user", "id": "0"}


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.uuids(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.frozensets(st.text())
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(
    detail=st.dictionaries(st.sampled_from(["source", "invitation_id", "other"]), anything),
    change=st.dictionaries(st.text(), anything),
    id_=st.text() | st.integers() | st.uuids(),
    context=st.dictionaries(
        st.sampled_from(["request_id", "user_id", "route", "task_id", "mfa", "session"]), anything
    ),
)
def test_any_values_make_one_valid_line(detail: Any, change: Any, id_: Any, context: Any) -> None:
    """Whatever is given as detail, change, id or context: one JSON object on one line."""
    event = AuditEvent(
        "user.created", detail=detail, change=change, actor=Actor.user(id_), target=Target("t", id_)
    )
    assert body_of(event, strict=False, **context)["event"] == "user.created"


@pytest.mark.parametrize(
    "value",
    [10**5000, "\ud800", float("nan"), object(), {1: {2: {3: "x"}}}],
    ids=["huge", "surrogate", "nan", "object", "keys"],
)
def test_values_that_json_cannot_hold_do_not_cost_the_event(value: object) -> None:
    """Huge integers, lone surrogates, objects: the rest of the event is written."""
    body = body_of(AuditEvent("user.created", detail={"source": "s", "invitation_id": value}))
    assert body["detail"]["source"] == "s"
