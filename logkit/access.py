"""What frameworks and servers say about a request, told safely: `retold(record)`.

Their lines name raw paths, addresses and headers, carry live objects, and show tracebacks for refusals. Here the path
becomes the route, or loses its query and its long mixed segments when none resolved. (R15, R21, R22, R25)
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from logkit.context import CONTEXT_ATTRIBUTE, Context, answered_context, current_context
from logkit.errors import raise_if_asynchronous
from logkit.redact import hide_path_segments

TELLERS = ("django.request", "django.security", "django.server", "gunicorn.", "uvicorn.")
_SERVERS = ("django.server", "gunicorn.", "uvicorn.")
_TARGET = re.compile(r"(?<![^\s'\"(])(?:https?://[^\s/'\"]*)?(/[^\s'\")]*)")  # of a request line
_URL = re.compile(r"(https?://)(?:[^\s/'\"]*@)?([^\s/'\"?#]*)[^\s'\")]*")  # in a sentence; kept is its origin
_REFUSED = re.compile(
    r"(Invalid request from ip=)(\S*?)(: [\w ()>]*|$).*", re.DOTALL
)  # gunicorn; raw input follows
_REQUEST_LINE = re.compile(r"[\w-]+ \S+ HTTP/[\d.]+")
_STATUS = re.compile(r"[1-5][0-9]{2}")
_LIVE = (
    "request",
    "server_time",
    "status_code",
    "color_message",
)  # live objects; what is said better elsewhere
_NONE = "-"

IsQuiet = Callable[[str], object]


def path_matcher(globs: tuple[str, ...]) -> IsQuiet:
    """A test whether a path fits one of `globs`."""
    if not globs:
        return lambda path: None
    return re.compile("|".join(translate(glob) for glob in globs)).match


def request_context(values: Mapping[str, Any]) -> Context:
    """The context of the request that a LogRecord's `values` are about, else the current one. (R01)"""
    current = current_context()
    found = _carried(values.get("request"))
    if found is None and current.scope is None:
        found = _carried(_error(values))
        if found is None and str(values["name"]).startswith(_SERVERS):
            return answered_context() or current
    return current if found is None or found.scope is current.scope else found.completed()


def _carried(carrier: object) -> Context | None:
    if carrier is None:
        return None
    try:
        found = getattr(carrier, CONTEXT_ATTRIBUTE, None)
    except Exception as error:  # noqa: BLE001 - somebody's lazy object under the name of a request
        raise_if_asynchronous(error)
        return None
    return found if isinstance(found, Context) else None


def _error(values: Mapping[str, Any]) -> BaseException | None:
    exc_info = values.get("exc_info")
    return exc_info[1] if isinstance(exc_info, tuple) else None


def retold(record: logging.LogRecord, is_quiet: IsQuiet, *, hides_peers: bool = False) -> logging.LogRecord:
    """A copy of `record`, of one of the TELLERS, with nothing in it that a line must not say.

    `hides_peers` is for settings that do not show whole client addresses.
    """
    context = request_context(record.__dict__)
    told = copy.copy(record)
    values = told.__dict__
    values[CONTEXT_ATTRIBUTE] = context
    status = values.get("status_code")
    for name in _LIVE:
        values.pop(name, None)
    is_server = record.name.startswith(_SERVERS)
    paths = _Paths(context.get("route"), _TARGET if is_server else None)
    if isinstance(record.args, Mapping):
        told.args = _retold_atoms(record.args, context, paths)
        status = record.args.get("s", status)
    elif record.args:
        told.args = _retold_args(record, record.args, context, paths, hides_peers)
        if record.name == "uvicorn.access":
            status = record.args[-1]
    else:
        kept = rf"\1{_NONE}\3" if hides_peers else r"\1\2\3"
        told.msg = _REFUSED.sub(kept, paths.retold(str(record.msg)))
    status_code = int(str(status)) if _STATUS.fullmatch(str(status)) else None
    if status_code is not None:
        values["status"] = status_code
    _retell_error(told, context, status_code, is_server)
    if is_server and (status_code or 200) < 400 and any(map(is_quiet, paths.raw)):
        told.levelno, told.levelname = logging.DEBUG, "DEBUG"  # R22
    return told


class _Paths:
    """Puts the route in the place of paths, and remembers what they were.

    Inside a sentence, what fits `target` is one; without a pattern it is Django's, whose URLs are those of headers.
    """

    def __init__(self, route: object, target: re.Pattern[str] | None) -> None:
        self._route = f"/{str(route).lstrip('/')}" if route is not None else None
        self._target = target
        self.raw: list[str] = []

    def retold(self, text: str) -> str:
        if text.startswith(("/", "http://", "https://")):
            return self.shown(text)
        if self._target is None:
            return _URL.sub(r"\1\2", text)
        return self._target.sub(lambda found: self.shown(found[1]), text)

    def shown(self, target: str) -> str:
        path = target.partition("?")[0]
        self.raw.append(path)
        return self._route or hide_path_segments(path)


def _retold_args(
    record: logging.LogRecord, args: tuple[object, ...], context: Context, paths: _Paths, hides_peers: bool
) -> tuple[object, ...]:
    told = tuple(paths.retold(arg) if isinstance(arg, str) else arg for arg in args)
    if record.name == "uvicorn.access":  # the target may be quoted so that it looks like none
        return (context.get("client_ip", _NONE), told[1], paths.shown(str(args[2])), *told[3:])
    if record.name == "django.server" and isinstance(told[0], str) and not _REQUEST_LINE.fullmatch(told[0]):
        return (_NONE, *told[1:])
    if record.name == "django.server" and str(record.msg).startswith("code "):  # the reason, and what it got
        return (told[0], str(told[1]).partition(" (")[0])
    if hides_peers and str(record.msg).startswith(("%s - ", "- Broken pipe from ")):
        return (_NONE, *told[1:])
    return told


def _retold_atoms(atoms: Mapping[str, object], context: Context, paths: _Paths) -> Any:
    """gunicorn's access atoms without address, query and headers."""
    told: Any = copy.copy(atoms)
    told["r"] = paths.retold(str(atoms.get("r", _NONE)))
    told["U"] = paths.retold(str(atoms.get("U", _NONE)))
    told["h"] = context.get("client_ip", _NONE)
    told["q"] = ""
    for header in [name for name in ("f", "a", *told) if name in ("f", "a") or name.startswith("{")]:
        told[header] = _NONE
    return told


def _retell_error(told: logging.LogRecord, context: Context, status: int | None, is_server: bool) -> None:
    """No traceback for a refusal (R15), and no second one for a failure that the request's own line shows. (R14)"""
    error = _error(told.__dict__)
    if error is None:
        return
    is_refusal = not is_server and status is not None and status < 500
    scope = context.scope
    carried = _carried(error)  # by the canonical line's own error, whose traceback is written
    is_shown = scope is not None and (
        scope.traced is error or (carried is not None and carried.scope is scope)
    )
    if is_refusal or is_shown:
        told.exc_info, told.exc_text = None, None
        told.__dict__["exception_type"] = type(error).__qualname__
