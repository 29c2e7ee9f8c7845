"""A recorded event in the Open Cybersecurity Schema Framework, version 1.8.0: https://schema.ocsf.io/1.8.0

The class and activity come from the catalog; nothing of OCSF is stored. What has no place there is in `unmapped`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from logkit.audit import catalog

VERSION = "1.8.0"
Event = Mapping[str, Any]

_SEVERITIES = {
    "info": (1, "Informational"),
    "notice": (2, "Low"),
    "warning": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_STATUS = {
    "success": (1, "Success"),
    "failure": (2, "Failure"),
    "denied": (2, "Failure"),
    "unknown": (0, "Unknown"),
}
_USER_TYPES = {"user": (1, "User"), "staff": (2, "Admin"), "system": (3, "System"), "service": (4, "Service")}
_CATEGORIES = {
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    6: "Application Activity",
}
_MAPPED = {"id", "time", "stream", "event", "severity", "outcome", "seq", "prev"}
_REGULAR_FILE, _OTHER = 1, 99


def to_ocsf(event: Event) -> dict[str, Any]:
    """One OCSF event."""
    name = str(event.get("event", ""))
    kind = catalog.find(name) or catalog.unknown(name)
    ocsf = kind.ocsf
    class_name, parts = _CLASSES[ocsf.class_uid]
    severity_id, severity = _SEVERITIES[event.get("severity", kind.severity)]
    status_id, status = _STATUS[event.get("outcome", "unknown")]
    result: dict[str, Any] = {
        "activity_id": ocsf.activity_id,
        "activity_name": ocsf.activity_name,
        "category_uid": ocsf.category_uid,
        "category_name": _CATEGORIES[ocsf.category_uid],
        "class_uid": ocsf.class_uid,
        "class_name": class_name,
        "type_uid": ocsf.type_uid,
        "type_name": f"{class_name}: {ocsf.activity_name}",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": _milliseconds(event["time"]),
        "message": kind.meaning,
        "metadata": _metadata(event, name),
        "unmapped": {key: value for key, value in event.items() if key not in _MAPPED},
    }
    if reason := event.get("reason"):
        result["status_detail"] = reason
    for part in parts:
        result |= part(event)
    return result


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def _metadata(event: Event, name: str) -> dict[str, Any]:
    service = event.get("service", {})
    product = {"name": service.get("name", "unknown"), "vendor_name": "logkit"}
    if release := service.get("release"):
        product["version"] = release
    metadata: dict[str, Any] = {
        "version": VERSION,
        "product": product,
        "uid": event["id"],
        "event_code": name,
        "log_name": f"audit.{event.get('stream')}",
        "log_version": str(event.get("v", 1)),
        "original_time": event["time"],
    }
    if "seq" in event:
        metadata["sequence"] = event["seq"]
    if correlation := event.get("intent_id") or event.get("request", {}).get("id") or event.get("trace_id"):
        metadata["correlation_uid"] = str(correlation)
    if event.get("truncated"):
        metadata["is_truncated"] = True
    return metadata


def _actor(event: Event) -> dict[str, Any]:
    actor = event.get("actor", {})
    shown: dict[str, Any] = {"app_name": event.get("service", {}).get("name", "unknown")}
    if actor.get("type") == "task":
        shown["app_uid"] = str(actor.get("id", "task"))
        if principal := actor.get("on_behalf_of"):
            shown["user"] = _named_user(principal, "user")
    elif "id" in actor:
        shown["user"] = _named_user(actor["id"], actor.get("type", "user"))
    if session := actor.get("session_ref"):
        shown["session"] = {"uid": session}
    return {"actor": shown}


def _named_user(uid: object, kind: str) -> dict[str, Any]:
    type_id, name = _USER_TYPES.get(kind, (_OTHER, "Other"))
    return {"uid": str(uid), "type_id": type_id, "type": name}


def _user(event: Event) -> dict[str, Any]:
    """Whom it is about: the target when that is a person, else the actor, else the identifier that was tried."""
    for target in event.get("target", ()):
        if target.get("type") == "user" and "id" in target:
            return {"user": _named_user(target["id"], "user")}
    actor = event.get("actor", {})
    if "id" in actor:
        return {"user": _named_user(actor["id"], actor.get("type", "user"))}
    reference = event.get("detail", {}).get("identifier_ref")
    return {"user": {"uid": str(reference)} if reference else {"name": "unknown"}}


def _endpoint(event: Event) -> dict[str, Any]:
    address = event.get("actor", {}).get("client_ip")
    try:
        ipaddress.ip_address(str(address))
    except ValueError:
        return {"src_endpoint": {"name": str(address or "unknown")}}
    return {"src_endpoint": {"ip": address}}


def _request(event: Event) -> dict[str, Any]:
    request = event.get("request", {})
    shown = {"uid": request.get("id"), "http_method": request.get("method")}
    known = {key: str(value) for key, value in shown.items() if value}
    return {"http_request": known} if known else {}


def _service(event: Event) -> dict[str, Any]:
    return {"service": {"name": event.get("service", {}).get("name", "unknown")}}


def _login(event: Event) -> dict[str, Any]:
    actor = event.get("actor", {})
    shown: dict[str, Any] = {}
    if "mfa" in actor:
        shown["is_mfa"] = actor["mfa"]
    if method := actor.get("auth_method"):
        shown |= {"auth_protocol_id": _OTHER, "auth_protocol": method}
    if session := actor.get("session_ref"):
        shown["session"] = {"uid": session}
    return shown


def _things(event: Event) -> list[dict[str, Any]]:
    """The targets, or the event itself where it has none."""
    found = [
        {"uid": str(target["id"]), "type": target.get("type", "unknown")}
        if "id" in target
        else {"name": target.get("type", "unknown")}
        for target in event.get("target", ())
    ]
    return found or [{"name": str(event.get("event"))}]


def _entity(event: Event) -> dict[str, Any]:
    return {"entity": _things(event)[0]}


def _resources(event: Event) -> dict[str, Any]:
    return {"resources": _things(event)}


def _web_resources(event: Event) -> dict[str, Any]:
    return {"web_resources": _things(event)}


def _api(event: Event) -> dict[str, Any]:
    return {"api": {"operation": str(event.get("event"))}}


def _privileges(event: Event) -> dict[str, Any]:
    detail = event.get("detail", {})
    given = detail.get("privileges", detail.get("role_to", []))
    names = given if isinstance(given, list) else [given]
    return {"privileges": [str(name) for name in names] or ["none"]}


def _group(event: Event) -> dict[str, Any]:
    targets = event.get("target", ())
    own = (
        target.get("circle_id") or (target.get("id") if target.get("type") == "circle" else None)
        for target in targets
    )
    uid = next(filter(None, own), None)
    group: dict[str, Any] = {"uid": str(uid)} if uid else {"name": "unknown"}
    person = next((target for target in targets if target.get("type") == "user" and "id" in target), None)
    return {"group": group} | ({"user": _named_user(person["id"], "user")} if person else {})


def _file(event: Event) -> dict[str, Any]:
    detail, thing = event.get("detail", {}), _things(event)[0]
    name = ":".join(str(part) for part in (thing.get("type"), thing.get("uid"), thing.get("name")) if part)
    shown: dict[str, Any] = {"name": name, "type_id": _REGULAR_FILE, "type": "Regular File"}
    if "uid" in thing:
        shown["uid"] = thing["uid"]
    if isinstance(size := detail.get("bytes"), int):
        shown["size"] = size
    if mime := detail.get("mime"):
        shown["mime_type"] = str(mime)
    return {"file": shown}


def _finding(event: Event) -> dict[str, Any]:
    return {
        "finding_info": {"uid": event["id"], "title": str(event.get("detail", {}).get("rule", "unknown"))}
    }


def _log(event: Event) -> dict[str, Any]:
    stream = event.get("detail", {}).get("stream") or event.get("stream")
    return {"log_name": f"audit.{stream}", "log_provider": "logkit"}


_Part = Callable[[Event], dict[str, Any]]
_CLASSES: dict[int, tuple[str, tuple[_Part, ...]]] = {
    1008: ("Event Log Activity", (_actor, _endpoint, _log)),
    2004: ("Detection Finding", (_finding,)),
    3001: ("Account Change", (_actor, _user, _endpoint, _request)),
    3002: ("Authentication", (_actor, _user, _endpoint, _request, _service, _login)),
    3004: ("Entity Management", (_actor, _entity, _endpoint, _request)),
    3005: ("User Access Management", (_actor, _user, _privileges, _endpoint, _request)),
    3006: ("Group Management", (_actor, _group, _endpoint, _request)),
    6001: ("Web Resources Activity", (_web_resources, _endpoint, _request)),
    6003: ("API Activity", (_actor, _api, _resources, _endpoint, _request)),
    6006: ("File Hosting Activity", (_actor, _file, _endpoint, _request)),
}
CLASSES: Mapping[int, str] = {uid: name for uid, (name, _) in _CLASSES.items()}
