"""Exports: valid by other people's definitions, safe to open, recorded before a byte leaves. (A12)"""

from __future__ import annotations

import csv
import hashlib
import io
from functools import cache
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from logkit import audit
from logkit.audit import Actor, AuditEvent, Target, catalog
from logkit.audit.events.envelope import Sealer
from logkit.audit.export import COLUMNS, FORMS, export
from logkit.audit.export.ecs import to_ecs
from logkit.audit.export.ocsf import to_ocsf
from logkit.errors import AuditUnavailable
from logkit.redact import Redactor
from tests.unit.audit_events.desk import Desk

REF = "h1:k1:" + "ab" * 16
ACTORS = {
    "user": Actor("user", 7, auth_method="password", mfa=True, session_ref=REF, client_ip="203.0.113.7"),
    "staff": Actor(
        "staff", "s1", on_behalf_of=7, auth_method="otp", mfa=False, session_ref=REF, client_ip="::1"
    ),
    "anonymous": Actor(
        "anonymous", auth_method="password", mfa=False, session_ref=REF, client_ip="not-an-ip"
    ),
    "task": Actor("task", "keeps.process", on_behalf_of=7, auth_method="none", mfa=False, session_ref=REF),
    "system": Actor("system", auth_method="none", mfa=False, session_ref=REF),
}
TARGETS: list[Any] = [
    None,
    Target("user", 9, owner=9, circle_id="c1"),
    [Target("circle", "c1"), Target("keep", 3, circle_id="c1")],
    Target("export"),
]
VALUES: dict[str, Any] = {
    "bytes": 10,
    "rows": 3,
    "sha256": "ab" * 32,
    "mime": "image/png",
    "privileges": ["a.b"],
}


@cache
def ocsf() -> Any:
    return get_ocsf_schema(version="1.8.0")


@cache
def validator(class_uid: int) -> Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(ocsf())
    name = schema.lookup_class_name_from_uid(class_uid)
    return Draft202012Validator(schema.get_class_schema(class_name=name, profiles=[]))


def sample(kind: catalog.EventType, actor: Actor, target: Any, **more: Any) -> dict[str, Any]:
    """An event of this type as the ledger would give it back."""
    names = [name for name in (*kind.required, *kind.optional) if "." not in name and name != "reason"]
    detail = {name: REF if name.endswith("_ref") else VALUES.get(name, f"some-{name}") for name in names}
    event = AuditEvent(kind.name, reason="a_reason", actor=actor, target=target, detail=detail, **more)
    context = {"request_id": "r-12345678", "method": "POST", "route": "api/x", "trace_id": "ab" * 16}
    service = {"name": "mysite", "environment": "test", "release": "1.2"}
    envelope = Sealer(Redactor(), service, strict=True).seal_up(event, context)
    decoded: dict[str, Any] = orjson.loads(envelope.body)
    return {"seq": 1, "prev": "0" * 64, **decoded}


@pytest.mark.parametrize("kind", list(catalog.every()), ids=lambda kind: kind.name)
def test_a12_every_type_is_valid_ocsf(kind: catalog.EventType) -> None:
    """By an independent package's schema of OCSF 1.8.0: with any actor, any target and any outcome."""
    for actor in ACTORS.values():
        for target in TARGETS:
            for outcome in ("success", "failure", "denied"):
                document = to_ocsf(sample(kind, actor, target, outcome=outcome))
                errors = [
                    f"{error.json_path}: {error.message}"
                    for error in validator(document["class_uid"]).iter_errors(document)
                ]
                assert errors == [], document


@pytest.mark.parametrize("kind", list(catalog.every()), ids=lambda kind: kind.name)
def test_ocsf_names_are_the_schemas_own(kind: catalog.EventType) -> None:
    """Class, activity and category carry the captions that the schema gives their numbers."""
    document = to_ocsf(sample(kind, ACTORS["user"], None))
    of_class = next(each for each in ocsf()["classes"].values() if each.get("uid") == document["class_uid"])
    activities = of_class["attributes"]["activity_id"]["enum"]
    assert document["class_name"] == of_class["caption"]
    assert document["activity_name"] == activities[str(document["activity_id"])]["caption"]
    assert document["category_name"] == of_class["category_name"]
    assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]


def test_nothing_is_lost_in_ocsf() -> None:
    """What the class has no place for is in `unmapped`."""
    kind = catalog.find("user.deleted")
    assert kind is not None
    event = sample(kind, ACTORS["staff"], TARGETS[1], change={"name": ["a", "b"]})
    document = to_ocsf(event)
    assert document["unmapped"]["detail"] == event["detail"]
    assert document["unmapped"]["change"] == {"name": ["a", "b"]}
    assert document["unmapped"]["actor"]["on_behalf_of"] == "7"
    assert document["metadata"]["uid"] == event["id"]
    assert document["metadata"]["sequence"] == 1
    assert document["time"] == round(document["time"])


def test_an_event_of_an_unknown_type_is_exported_too() -> None:
    """A type that this process does not know, another release's say, is valid OCSF all the same."""
    event = sample(catalog.find("user.created"), ACTORS["user"], None) | {"event": "letter.burnt"}  # type: ignore[arg-type]
    document = to_ocsf(event)
    assert list(validator(document["class_uid"]).iter_errors(document)) == []
    assert document["metadata"]["event_code"] == "letter.burnt"
    assert to_ecs(event)["event"]["action"] == "letter.burnt"


@pytest.mark.parametrize("kind", list(catalog.every()), ids=lambda kind: kind.name)
def test_ecs_uses_allowed_values(kind: catalog.EventType) -> None:
    """`event.kind`, `category`, `type` and `outcome` are of the sets that ECS 8 allows."""
    document = to_ecs(sample(kind, ACTORS["staff"], TARGETS[1], outcome="denied"))
    event = document["event"]
    assert event["kind"] in {"event", "alert"}
    assert event["outcome"] == "failure"
    assert set(event["category"]) <= {
        *(
            "api",
            "authentication",
            "configuration",
            "file",
            "iam",
            "intrusion_detection",
            "process",
            "session",
        )
    }
    assert set(event["type"]) <= {
        *(
            "access",
            "admin",
            "change",
            "creation",
            "deletion",
            "denied",
            "end",
            "group",
            "info",
            "start",
            "user",
        )
    }
    assert document["user"] == {
        "roles": ["staff"],
        "id": "s1",
        "effective": {"id": "7"},
        "target": {"id": "9"},
    }
    assert document["source"] == {"address": "::1", "ip": "::1"}


def test_csv_has_a_column_for_each_part_and_no_formulas() -> None:
    """Cells that a spreadsheet would compute are escaped; the rest reads back as it was."""
    kind = catalog.find("user.created")
    assert kind is not None
    event = sample(
        kind, ACTORS["user"], [Target("user", "=HYPERLINK(1)", owner="@SUM(A1)"), Target("user", 2)]
    )
    event["actor"]["id"] = "+1+1"
    event["request"]["route"] = '-2\n"quoted", with commas'
    rows = list(csv.reader(io.StringIO(b"".join(FORMS["csv"]([event])).decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    row = dict(zip(*rows, strict=True))
    assert row["target.id"] == "'=HYPERLINK(1)"
    assert row["target.owner"] == "'@SUM(A1)"
    assert row["actor.id"] == "'+1+1"
    assert row["request.route"] == '\'-2\n"quoted", with commas'
    assert (row["targets"], row["seq"], row["actor.mfa"]) == ("2", "1", "True")
    assert orjson.loads(row["detail"]) == event["detail"]


@pytest.mark.parametrize("form", list(FORMS))
def test_an_export_is_recorded_before_a_byte_leaves(desk: Desk, form: str) -> None:
    """The intent is on disk at the first write; the outcome has rows, bytes and the hash of what left."""
    audit.emit("circle.created")
    events = desk.lines()
    taken: list[bytes] = []

    def write(piece: bytes) -> None:
        assert desk.lines("audit.log.exported")[0]["stage"] == "intent"
        taken.append(piece)

    copy = export(events, form, write, query="stream=compliance")
    outcome = desk.lines("audit.log.exported")[1]
    whole = b"".join(taken)
    assert outcome["detail"] == {
        "query": "stream=compliance",
        "format": form,
        "rows": 1,
        "bytes": len(whole),
        "sha256": hashlib.sha256(whole).hexdigest(),
    }
    assert (copy.rows, copy.bytes, copy.sha256) == (1, len(whole), outcome["detail"]["sha256"])


def test_no_export_without_a_record(desk: Desk) -> None:
    """With nothing writable not a byte leaves; an unknown form is refused by name."""
    taken: list[bytes] = []
    with pytest.raises(ValueError, match="jsonl, csv, ecs, ocsf"):
        export([], "xml", taken.append, query="all")
    desk.break_disk()
    with pytest.raises(AuditUnavailable):
        export([], "csv", taken.append, query="all")
    assert taken == []
