"""Whatever is sent to whatever endpoint, the answer is never a 500 (the document says what could be sent)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ninja.throttling import SimpleRateThrottle

from mysite.api import openapi

DOCUMENT = openapi()
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
ENDS_THE_STORY = {("delete", "/api/session"), ("delete", "/api/circles/{circle_id}")}

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", " ", "\0", "\ud800", "a" * 5000, "../../etc/passwd", "' OR 1=1 --", "{}", "%s", "\u202e"]
    ),
)
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.uuids().map(str)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


def bodies(operation: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly the right names, with values that are sometimes right."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return st.none()
    schema = resolved(content["application/json"]["schema"])
    fields = {name: values(resolved(field)) for name, field in schema.get("properties", {}).items()}
    return st.one_of(st.fixed_dictionaries({}, optional=fields), st.fixed_dictionaries(fields), anything)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    good: st.SearchStrategy[Any] = st.nothing()
    if "enum" in schema:
        good = st.sampled_from(schema["enum"])
    elif schema.get("type") == "string":
        good = st.sampled_from(["correct-horse-7", "someone@example.org", "Name"])
    return st.one_of(good, good, anything)


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if each not in ENDS_THE_STORY])
def test_no_input_makes_it_fail(family, method, path, monkeypatch):
    """Generated bodies, queries and paths: refused or accepted, with the error shape where refused."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    operation = DOCUMENT["paths"][path][method]
    names = {each["name"]: each["in"] for each in operation.get("parameters", ())}
    known = {"circle_id": family.circle.id, "user_id": family.member.id, "purpose": "news"}

    def send(body: Any, queries: dict[str, Any], parts: dict[str, Any]) -> Any:
        url = path.format(**{name: parts[name] for name in parts})
        query = {name: value for name, value in queries.items() if isinstance(value, str | int)}
        data = json.dumps(body) if body is not None else ""
        return family.owner.http.generic(
            method.upper(), url, data, content_type="application/json", query_params=query
        )

    in_path = {
        name: st.one_of(
            st.just(known.get(name, UUID(int=0))), st.just(known.get(name, UUID(int=7))), st.uuids()
        )
        for name, where in names.items()
        if where == "path"
    }
    in_query = {name: scalars for name, where in names.items() if where == "query"}

    @settings(
        max_examples=15,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(bodies(operation), st.fixed_dictionaries({}, optional=in_query), st.fixed_dictionaries(in_path))
    def check(body: Any, queries: dict[str, Any], parts: dict[str, Any]) -> None:
        try:
            answer = send(body, queries, parts)
        except UnicodeEncodeError:  # the client itself cannot put it into a URL
            return
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) >= {"code", "message", "request_id"}

    check()
