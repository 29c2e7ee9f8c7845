"""Which route a request took, spelt once for path() and re_path(): `api/circles/{circle_id}/messages`.

A route names no person and no token, so it is what lines say instead of the path. (R21, R25)
"""

from __future__ import annotations

import re
from functools import lru_cache

from django.contrib.admindocs.utils import (
    remove_non_capturing_groups,
    replace_metacharacters,
    replace_named_groups,
    replace_unnamed_groups,
)
from django.http import HttpRequest

_CONVERTER = re.compile(r"<(?:[^<>:]+:)?([^<>:]+)>")


def route_of(request: HttpRequest) -> str | None:
    """The template of the route that `request` was resolved to; None before that, and when none fits."""
    match = request.resolver_match
    return None if match is None or match.route is None else template(match.route)


@lru_cache(maxsize=4096)
def template(route: str) -> str:
    """Django's spelling of a route (`<uuid:circle_id>`, or a regular expression) to `{circle_id}`; the root is `/`."""
    if "^" in route or "(" in route or route.endswith(("$", r"\Z")):
        route = replace_named_groups(remove_non_capturing_groups(route))
        route = replace_metacharacters(replace_unnamed_groups(route)).replace("\\", "")
    return _CONVERTER.sub(r"{\1}", route) or "/"
