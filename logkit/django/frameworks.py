"""Errors that an API framework answers itself, so that Django never sees them. (R14)

Django Ninja's and Django REST framework's catch-all handlers turn an exception into a response of status 500. Both
pass it through one method first; there it is remembered, for the request's line to show.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps

from logkit.context import get_context

_WATCHED = "_logkit_watched"


def watch() -> None:
    """Watch the frameworks that this process uses; they are imported before the first request needs them."""
    if find_spec("ninja") is not None:
        try:
            from ninja import NinjaAPI
        except ImportError:  # the build tool of the same name
            pass
        else:
            _watch(NinjaAPI, "on_exception", position=2)
    if apps.is_installed("rest_framework"):
        _watch(import_module("rest_framework.views").APIView, "handle_exception", position=1)


def _watch(owner: type[Any], method: str, *, position: int) -> None:
    """Have the exception remembered that `method` is given as argument number `position`, self included."""
    original: Callable[..., Any] = getattr(owner, method)
    if hasattr(original, _WATCHED):
        return

    @functools.wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        error = args[position] if len(args) > position else kwargs.get("exc")
        scope = get_context().scope
        if scope is not None and isinstance(error, BaseException):
            scope.error = error
        return original(*args, **kwargs)

    setattr(watched, _WATCHED, True)
    setattr(owner, method, watched)
