"""Values that must not be logged: by the name they are given, and by what they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from logkit.lint.config import Config
from logkit.lint.survey import Survey, called
from logkit.redact.keys import SECRET, KeyRules, split

# Content and personal data; a name is judged by its last word, so that email_ref and body_bytes stay.
_PERSONAL = frozenset(
    {
        *("email", "mail", "phone", "telephone", "mobile", "address", "birthday", "birthdate"),
        *("body", "text", "caption", "content", "payload", "comment", "subject"),
        *("username", "fullname", "firstname", "lastname", "surname"),
        *("headers", "cookies", "params", "args", "kwargs", "form", "post", "environ"),
    }
)
_PERSONAL_PAIRS = frozenset(
    {("first", "name"), ("last", "name"), ("full", "name"), ("display", "name"), ("user", "name")}
)
# Of those, what is private also as an attribute of something else: message.text, but not message.args.
_PERSONAL_ATTRIBUTES = _PERSONAL - {
    *("subject", "comment", "content", "post", "form", "args", "kwargs", "params", "address", "mobile"),
    *("payload", "text", "environ"),
}
_REQUEST_DATA = frozenset(
    {
        *("POST", "GET", "META", "COOKIES", "FILES", "headers", "body", "data", "session", "query_params"),
        *("cleaned_data", "validated_data", "__dict__"),
    }
)
_DUMPS = frozenset({"vars", "locals", "globals", "model_to_dict", "asdict", "model_dump", "to_dict", "dict"})
_OBJECTS = frozenset(
    {"request", "response", "user", "instance", "account", "profile", "self", "obj", "form", "session"}
)
_ERRORS = frozenset({"exc", "exception"})  # names of exceptions even where no handler is in sight
_TEXTS = frozenset({"str", "repr", "format"})
# What tells something about a private value without showing it.
_MEASURES = frozenset(
    {"len", "bool", "int", "float", "round", "type", "isinstance", "count", "sum", "pseudonym"}
)
_REFERENCES = frozenset(
    {"id", "pk", "uuid", "ref", "count", "size", "length", "bytes", "hash", "digest", "type", "state"}
)
_MANAGERS = frozenset({"objects", "_default_manager", "_base_manager"})
_VALUES = frozenset({"values", "values_list", "aggregate"})  # then it is no instance
ONE = frozenset(
    {"get", "create", "first", "last", "earliest", "latest", "aget", "acreate", "afirst", "alast"}
)


class FieldRules:
    """Judges one field of one module: its name, its value. `instances` are names that hold a model's instance."""

    def __init__(self, config: Config, found: Survey) -> None:
        self._keys = KeyRules(extra=config.sensitive, allowed=config.allow)
        self._sensitive = {"".join(split(name)) for name in config.sensitive}
        self._allow = config.allow
        self._models = _models(found)
        self._instances = _instances(found, self._models)

    def sensitive(self, name: str, value: ast.expr | None = None) -> str | None:
        """What is private: the field's name, unless its value only measures or refers; or what the value is called."""
        words = split(name)
        if name not in self._allow:
            if "".join(words) in self._sensitive or self._keys.verdict(name) == SECRET:
                return name
            is_personal = bool(words) and (words[-1] in _PERSONAL or tuple(words[-2:]) in _PERSONAL_PAIRS)
            if is_personal and not (value is not None and _is_harmless(value)):
                return name
            if name.endswith("_ref"):
                return None
        return self.private(value) if value is not None else None

    def private(self, value: ast.expr) -> str | None:
        """What the value itself is called, when that is private: user.email, form["phone"]."""
        if isinstance(value, ast.Attribute):
            name, words = value.attr, split(value.attr)
            is_personal = bool(words) and (
                words[-1] in _PERSONAL_ATTRIBUTES or tuple(words[-2:]) in _PERSONAL_PAIRS
            )
        elif isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            name, words = str(value.slice.value), split(str(value.slice.value))
            is_personal = bool(words) and words[-1] in _PERSONAL
        else:
            return None
        if name in self._allow or name.isupper():  # settings.EMAIL: the service's own
            return None
        is_ours = "".join(words) in self._sensitive or self._keys.verdict(name) == SECRET
        return ast.unparse(value) if is_ours or is_personal else None

    def is_whole_object(self, value: ast.expr) -> bool:
        """request.POST, vars(x), user=user, request.user, **request.data: more than anybody looked through."""
        if self.is_request_data(value):
            return True
        if isinstance(value, ast.Attribute):
            return value.attr in _OBJECTS and value.attr != "session"
        if isinstance(value, ast.Name):
            return value.id in _OBJECTS or value.id in self._instances
        if isinstance(value, ast.Call):
            if called(value) in _TEXTS and value.args:
                return self.is_whole_object(value.args[0])
            return _is_one(value, self._models)
        return False

    def is_request_data(self, value: ast.expr) -> bool:
        """A whole container of what somebody sent, or of what an object holds."""
        if isinstance(value, ast.Attribute):
            return value.attr in _REQUEST_DATA
        if isinstance(value, ast.Call):
            name = called(value)
            if name in _DUMPS and not (name == "dict" and value.keywords and not value.args):
                return True
            return name in _TEXTS and bool(value.args) and self.is_request_data(value.args[0])
        return False

    def is_exception_text(self, value: ast.expr, errors: frozenset[str]) -> bool:
        """str(error), repr(error), f"{error}", error.args, traceback.format_exc(), or the error itself."""
        if isinstance(value, ast.Call):
            name = called(value)
            if name in ("format_exc", "format_exception"):
                return True
            return name in _TEXTS and bool(value.args) and self.is_exception_text(value.args[0], errors)
        if isinstance(value, ast.JoinedStr):
            parts = [part.value for part in value.values if isinstance(part, ast.FormattedValue)]
            return any(self.is_exception_text(part, errors) for part in parts)
        if isinstance(value, ast.Attribute):
            return value.attr in ("args", "message") and self.is_exception_text(value.value, errors)
        return isinstance(value, ast.Name) and value.id in (errors | _ERRORS)


def _is_harmless(value: ast.expr) -> bool:
    """A constant, a comparison, a measure, an id: nothing private, whatever the field is called."""
    if isinstance(value, ast.Constant | ast.Compare):
        return True
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not)
    if isinstance(value, ast.Call):
        return called(value) in _MEASURES
    words = split(value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", ""))
    return bool(words) and words[-1] in _REFERENCES


def _models(found: Survey) -> frozenset[str]:
    """Classes that this module asks for rows: an enumeration beside them in models.py has no manager."""
    return frozenset(model for call, _ in found.calls if (model := manager_of(call)) is not None)


def _instances(found: Survey, models: frozenset[str]) -> frozenset[str]:
    """Names that are given an instance of one of `models`, and nothing else: by query, or as `keep: Keep`."""
    if not models:
        return frozenset()
    yes: set[str] = set()
    no: set[str] = set()
    for parameter in found.parameters:
        (yes if getattr(parameter.annotation, "id", None) in models else no).add(parameter.arg)
    for target, value, _ in found.assignments:
        if isinstance(target, ast.Name):
            (yes if isinstance(value, ast.Call) and _is_one(value, models) else no).add(target.id)
    return frozenset(yes - no)


def _is_one(call: ast.Call, models: frozenset[str]) -> bool:
    """`Keep.objects. ... .get()`, `get_object_or_404(Keep, ...)`: one instance of a model."""
    if called(call) in ("get_object_or_404", "aget_object_or_404"):
        return bool(call.args) and getattr(call.args[0], "id", None) in models
    return called(call) in ONE and manager_of(call) in models and _VALUES.isdisjoint(_chain(call))


def _chain(call: ast.Call) -> Iterator[str]:
    """The names of a chain of calls, the last one first."""
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            yield node.attr
        node = node.value if isinstance(node, ast.Attribute) else node.func


def manager_of(call: ast.Call) -> str | None:
    """The model whose manager a chain of calls starts from: `Keep` of `Keep.objects.filter(...).update`."""
    node: ast.expr = call.func
    below = ""
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Call):
            node = node.func
            continue
        if below in _MANAGERS:
            return node.attr  # models.Keep.objects
        below, node = node.attr, node.value
    return node.id if isinstance(node, ast.Name) and below in _MANAGERS else None
