"""A recorded event in the Elastic Common Schema 8: https://www.elastic.co/guide/en/ecs/8.17/index.html

What ECS has no field for stays under `logkit.audit`, as recorded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from logkit.audit import catalog

VERSION = "8.17.0"
Event = Mapping[str, Any]

_OUTCOMES = {"success": "success", "failure": "failure", "denied": "failure", "unknown": "unknown"}
_OWN = (
    "stage",
    "intent_id",
    "tx",
    "outcome",
    "target",
    "change",
    "detail",
    "dropped",
    "schema_error",
    "task",
    "v",
)


def to_ecs(event: Event) -> dict[str, Any]:
    """One ECS document."""
    name = str(event.get("event", ""))
    kind = catalog.find(name) or catalog.unknown(name)
    about: dict[str, Any] = {
        "id": event["id"],
        "action": name,
        "kind": "alert" if name == "security.alert" else "event",
        "category": list(kind.ecs.category),
        "type": list(kind.ecs.type),
        "outcome": _OUTCOMES[event.get("outcome", "unknown")],
        "severity": catalog.SEVERITIES.index(event.get("severity", kind.severity)) + 1,
        "dataset": f"audit.{event.get('stream')}",
        "module": "logkit",
    }
    if "seq" in event:
        about["sequence"] = event["seq"]
    if reason := event.get("reason"):
        about["reason"] = reason
    document: dict[str, Any] = {
        "@timestamp": event["time"],
        "ecs": {"version": VERSION},
        "message": kind.meaning,
        "event": about,
        "service": _service(event),
        "logkit": {"audit": {key: event[key] for key in _OWN if key in event}},
    }
    return document | _people(event) | _where(event)


def _service(event: Event) -> dict[str, Any]:
    names = {"name": "name", "environment": "environment", "release": "version"}
    return {ecs: event["service"][ours] for ours, ecs in names.items() if ours in event.get("service", {})}


def _people(event: Event) -> dict[str, Any]:
    actor = event.get("actor", {})
    user: dict[str, Any] = {"roles": [actor["type"]]} if "type" in actor else {}
    related: list[str] = []
    if "id" in actor:
        user["id"] = str(actor["id"])
        related.append(user["id"])
    if "on_behalf_of" in actor:
        user["effective"] = {"id": str(actor["on_behalf_of"])}
        related.append(user["effective"]["id"])
    person = next(
        (each for each in event.get("target", ()) if each.get("type") == "user" and "id" in each), None
    )
    if person is not None:
        user["target"] = {"id": str(person["id"])}
        related.append(user["target"]["id"])
    return {"user": user} | ({"related": {"user": sorted(set(related))}} if related else {})


def _where(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {}
    request, address = event.get("request", {}), event.get("actor", {}).get("client_ip")
    if address:
        found["source"] = {"address": address} | ({"ip": address} if _is_address(address) else {})
    if shown := {key: request[key] for key in ("id", "method") if key in request}:
        found["http"] = {"request": shown}
    if "route" in request:
        found["url"] = {"path": request["route"]}
    if "trace_id" in event:
        found["trace"] = {"id": event["trace_id"]}
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
