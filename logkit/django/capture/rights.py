"""Rights given and taken: permissions and groups of people, permissions of groups, staff and superuser flags.

All of it is recorded before it happens, or it does not happen: the intent at `pre_*`, the outcome at `post_*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_init, post_save, pre_delete, pre_save

from logkit import audit
from logkit.audit import Action, Target
from logkit.django.capture.hooks import observer

_OPEN = "_logkit_open_actions"  # on the instance, between the signal before and the signal after
_FLAGS = "_logkit_flags"


@dataclass(frozen=True, slots=True)
class Relation:
    """A many-to-many field through which rights come: `field` of `holder`."""

    holder: type[Model]
    kind: str
    field: str

    def names(self, holder: Model, pks: Iterable[Any] | None = None) -> list[str]:
        """The names of the rights that `holder` has, or of those with these keys."""
        manager = getattr(holder, self.field)
        rights = manager.all() if pks is None else manager.model._default_manager.filter(pk__in=list(pks))
        if self.field == "groups":
            return sorted(rights.values_list("name", flat=True))
        found = rights.values_list("content_type__app_label", "codename")
        return sorted(f"{label}.{codename}" for label, codename in found)


def connect() -> None:
    user = get_user_model()
    relations = [
        Relation(user, "user", field) for field in ("user_permissions", "groups") if hasattr(user, field)
    ]
    for relation in (*relations, Relation(Group, "group", "permissions")):
        through = getattr(relation.holder, relation.field).through
        _Watch(relation).connect(through)
    if hasattr(user, "is_superuser"):
        post_init.connect(_remember_flags, sender=user, dispatch_uid="logkit.audit.flags_loaded")
        pre_save.connect(_flags_change, sender=user, dispatch_uid="logkit.audit.flags_change")
        post_save.connect(_flags_changed, sender=user, dispatch_uid="logkit.audit.flags_changed")
    pre_delete.connect(_group_goes, sender=Group, dispatch_uid="logkit.audit.group_goes")
    post_delete.connect(_group_gone, sender=Group, dispatch_uid="logkit.audit.group_gone")


class _Watch:
    """The receiver of one relation."""

    def __init__(self, relation: Relation) -> None:
        self._relation = relation

    def connect(self, through: type[Model]) -> None:
        uid = f"logkit.audit.{self._relation.kind}.{self._relation.field}"
        m2m_changed.connect(self.changes, sender=through, weak=False, dispatch_uid=uid)

    def changes(self, action: str, instance: Model, **given: Any) -> None:
        when, _, verb = action.partition("_")
        if when == "pre":
            self._before(verb, instance, **given)
        else:
            _close(instance, f"{self._relation.field}.{verb}")

    def _before(
        self, verb: str, instance: Model, reverse: bool = False, pk_set: set[Any] | None = None, **_: object
    ) -> None:
        actions = [
            self._action(holder, verb, rights)
            for holder, rights in self._affected(verb, instance, reverse, pk_set)
        ]
        _open(instance, f"{self._relation.field}.{verb}", actions)

    def _affected(
        self, verb: str, instance: Model, reverse: bool, pk_set: set[Any] | None
    ) -> Iterator[tuple[Model, set[Any]]]:
        """Whose rights change, and the keys of the rights."""
        relation = self._relation
        if not reverse:
            held = getattr(instance, relation.field)
            rights = set(held.values_list("pk", flat=True)) if pk_set is None else pk_set
            if rights:
                yield instance, rights
            return
        those = {relation.field: instance.pk} if pk_set is None else {"pk__in": pk_set}
        for holder in relation.holder._default_manager.filter(**those):
            yield holder, {instance.pk}

    def _action(self, holder: Model, verb: str, rights: set[Any]) -> Action:
        relation = self._relation
        before, changed = relation.names(holder), relation.names(holder, rights)
        after = sorted({*before, *changed} if verb == "add" else {*before} - {*changed})
        target = Target(relation.kind, holder.pk)
        if relation.field == "groups":
            return audit.action(
                "authz.role.changed", target=target, detail={"role_from": before, "role_to": after}
            )
        event = "authz.permission.granted" if verb == "add" else "authz.permission.revoked"
        return audit.action(
            event, target=target, detail={"privileges": changed, "before": before, "after": after}
        )


@observer
def _remember_flags(instance: Any, **_: object) -> None:
    instance.__dict__[_FLAGS] = _role(instance)


def _flags_change(instance: Any, raw: bool = False, update_fields: Any = None, **_: object) -> None:
    if raw or instance._state.adding or not _saves_flags(update_fields):
        return
    before, after = instance.__dict__.get(_FLAGS), _role(instance)
    if before is not None and after is not None and before != after:
        detail = {"role_from": before, "role_to": after}
        target = Target("user", instance.pk)
        _open(instance, "flags", [audit.action("authz.role.changed", target=target, detail=detail)])


@observer
def _flags_changed(instance: Any, created: bool = False, raw: bool = False, **_: object) -> None:
    role = _role(instance)
    if created and not raw and role != "member":
        detail = {"role_from": "none", "role_to": role}
        audit.emit("authz.role.changed", target=Target("user", instance.pk), detail=detail)
    _close(instance, "flags")
    if role is not None:
        instance.__dict__[_FLAGS] = role


def _group_goes(instance: Any, **_: object) -> None:
    """A group that is deleted takes its permissions from everybody in it, without any `m2m_changed`."""
    relation = Relation(Group, "group", "permissions")
    if before := relation.names(instance):
        detail = {"privileges": before, "before": before, "after": [], "group": instance.name}
        target = Target("group", instance.pk)
        _open(instance, "deleted", [audit.action("authz.permission.revoked", target=target, detail=detail)])


@observer
def _group_gone(instance: Any, **_: object) -> None:
    _close(instance, "deleted")


def _role(user: Any) -> str | None:
    """What the flags make of a user; None when they were not loaded, and loading them here would cost a query."""
    loaded = user.__dict__
    if "is_superuser" not in loaded or ("is_staff" not in loaded and "is_staff" in _field_names(type(user))):
        return None
    return "superuser" if loaded["is_superuser"] else "staff" if loaded.get("is_staff") else "member"


def _field_names(model: type[Any]) -> set[str]:
    return {field.attname for field in model._meta.concrete_fields}


def _saves_flags(update_fields: Any) -> bool:
    return update_fields is None or not {"is_staff", "is_superuser"}.isdisjoint(update_fields)


def _open(instance: Model, key: str, actions: list[Action]) -> None:
    with ExitStack() as stack:
        for action in actions:
            stack.enter_context(action)
        instance.__dict__.setdefault(_OPEN, {})[key] = stack.pop_all()


def _close(instance: Model, key: str) -> None:
    stack = instance.__dict__.get(_OPEN, {}).pop(key, None)
    if stack is not None:
        stack.close()
