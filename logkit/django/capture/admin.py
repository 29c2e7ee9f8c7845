"""Work in the admin: what staff read and change is recorded before they do, or they do not.

The views are wrapped where an `AdminSite` wraps them itself, inside its permission check and inside the transaction of
`ATOMIC_REQUESTS`: a view called from `process_view` would have neither that transaction nor `process_exception`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.models import LogEntry
from django.db.models.signals import post_save
from django.http import HttpRequest

from logkit import audit
from logkit.audit import Action, Target
from logkit.context import bound_context
from logkit.django.capture.hooks import observer, reported

View = Callable[..., Any]

_VERBS = {
    "add_view": "add",
    "change_view": "change",
    "delete_view": "delete",
    "changelist_view": "change_list",
    "user_change_password": "change_password",
}
_MARK = "_logkit_audited"
_changed: ContextVar[list[str] | None] = ContextVar("logkit_admin_changed", default=None)


def connect() -> None:
    post_save.connect(_note_changes, sender=LogEntry, dispatch_uid="logkit.audit.admin_log")
    original = AdminSite.admin_view
    if hasattr(original, _MARK):
        return

    @wraps(original)
    def admin_view(self: AdminSite, view: View, cacheable: bool = False) -> View:
        return original(self, audited(view), cacheable)

    setattr(admin_view, _MARK, True)
    AdminSite.admin_view = admin_view  # type: ignore[assignment,method-assign]


def audited(view: View) -> View:
    """`view` of a `ModelAdmin`, recorded as a read or as an action; other views (index, login, ...) as they are."""
    model_admin = getattr(view, "__self__", None)
    if not isinstance(model_admin, ModelAdmin):
        return view

    @wraps(view)
    def recorded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        changes: list[str] = []
        outer = _changed.get()
        _changed.set(changes)
        try:
            with bound_context(actor_type="staff"), _stated(request, model_admin, view, args, kwargs) as act:
                response = view(request, *args, **kwargs)
                with reported("admin.outcome"):
                    _conclude(act, request, response, changes)
            return response
        finally:
            _changed.set(outer)

    return recorded


def _stated(request: HttpRequest, model_admin: Any, view: View, args: Any, kwargs: Any) -> Action:
    model = model_admin.model._meta.label
    object_id = kwargs.get("object_id") or (args[0] if args else None) or kwargs.get("id")
    target = Target(model_admin.model._meta.label_lower, object_id)
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return audit.action("data.read", target=target, detail={"model": model, "purpose": "admin"})
    name = getattr(view, "__name__", "")
    detail: dict[str, object] = {"model": model, "verb": _VERBS.get(name, "other")}
    if name == "changelist_view" and (chosen := request.POST.get("action")):
        detail |= {"verb": "action", "action": chosen}
    if selected := request.POST.getlist("_selected_action"):
        detail["object_count"] = len(selected)
        target_ids = selected[:50]
        return audit.action(
            "admin.action", target=[Target(target.type, id_) for id_ in target_ids], detail=detail
        )
    return audit.action("admin.action", target=target, detail=detail)


def _conclude(act: Action, request: HttpRequest, response: Any, changes: list[str]) -> None:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        act.add(object_count=_shown(response))
    else:
        act.add(changed_fields=sorted(set(changes)))
    status = response.status_code
    if status == 403:
        act.denied("forbidden")
    elif status >= 400:
        act.failed(f"http_{status}")
    elif request.method == "POST" and status == 200 and _has_errors(response):
        act.failed("invalid_form")


def _shown(response: Any) -> int:
    """How many objects the page shows: those of the list, or the one."""
    context = getattr(response, "context_data", None) or {}
    change_list = context.get("cl")
    return len(change_list.result_list) if change_list is not None else 1


def _has_errors(response: Any) -> bool:
    context = getattr(response, "context_data", None) or {}
    return bool(context.get("errors"))


@observer
def _note_changes(instance: LogEntry, created: bool = False, **_: object) -> None:
    """The admin's own log knows which fields changed."""
    changes = _changed.get()
    if changes is None or not created:
        return
    try:
        parts = json.loads(instance.change_message or "[]")
    except ValueError:
        return
    for part in parts if isinstance(parts, list) else []:
        changes += [str(name) for name in part.get("changed", {}).get("fields", [])]
