"""Fields that must not be logged: by their name, and by what is put into them."""

from __future__ import annotations

import ast

from logkit.lint.config import Config
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
_REQUEST_DATA = frozenset(
    {
        "POST",
        "GET",
        "META",
        "COOKIES",
        "FILES",
        "headers",
        "body",
        "data",
        "session",
        "query_params",
        "cleaned_data",
    }
    | {"validated_data", "__dict__"}
)
_DUMPS = frozenset({"vars", "locals", "globals", "model_to_dict", "asdict", "model_dump", "to_dict", "dict"})
_OBJECTS = frozenset(
    {"request", "response", "user", "instance", "account", "profile", "self", "obj", "form", "session"}
)
_ERRORS = frozenset({"e", "ex", "exc", "err", "error", "exception"})
_TEXTS = frozenset({"str", "repr", "format"})


class FieldRules:
    """Judges one keyword of bind()."""

    def __init__(self, config: Config) -> None:
        self._keys = KeyRules(extra=config.sensitive, allowed=config.allow)
        self._sensitive = {"".join(split(name)) for name in config.sensitive}
        self._allow = config.allow

    def is_sensitive(self, name: str) -> bool:
        if name in self._allow:
            return False
        words = split(name)
        if "".join(words) in self._sensitive or self._keys.verdict(name) == SECRET:
            return True
        return bool(words) and (words[-1] in _PERSONAL or tuple(words[-2:]) in _PERSONAL_PAIRS)

    def is_whole_object(self, value: ast.expr) -> bool:
        """request.POST, vars(x), user=user, request.user, **request.data: more than anybody looked through."""
        if isinstance(value, ast.Attribute):
            return value.attr in _REQUEST_DATA or (value.attr in _OBJECTS and value.attr != "session")
        if isinstance(value, ast.Name):
            return value.id in _OBJECTS
        if isinstance(value, ast.Call):
            name = _called(value)
            if name in _DUMPS and not (name == "dict" and value.keywords and not value.args):
                return True
            return name in _TEXTS and bool(value.args) and self.is_whole_object(value.args[0])
        return False

    def is_exception_text(self, value: ast.expr, errors: frozenset[str]) -> bool:
        """str(error), repr(error), f"{error}", error.args, traceback.format_exc(), or the error itself."""
        if isinstance(value, ast.Call):
            name = _called(value)
            if name in ("format_exc", "format_exception"):
                return True
            return name in _TEXTS and bool(value.args) and self.is_exception_text(value.args[0], errors)
        if isinstance(value, ast.JoinedStr):
            parts = [part.value for part in value.values if isinstance(part, ast.FormattedValue)]
            return any(self.is_exception_text(part, errors) for part in parts)
        if isinstance(value, ast.Attribute):
            return value.attr in ("args", "message") and self.is_exception_text(value.value, errors)
        return isinstance(value, ast.Name) and value.id in (errors | _ERRORS)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
