"""Reading the service's own variables: every fault is collected, so that a bad start names them all at once.

`Environment(os.environ)`: `.read()`, `.text()`, `.secret()`, then `.faults`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Environment:
    """The variables of one process. An empty variable counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def read(self, name: str, default: T, parse: Callable[[str], T], *, secret: bool = False) -> T:
        """The value of `name` as `parse` reads it; a `ValueError` of `parse` says what is allowed.

        A secret may also come from the file that `name`_FILE names.
        """
        given = self.text(name) or (self._of_file(name) if secret else "")
        if not given:
            return default
        try:
            return parse(given)
        except ValueError as error:
            shown = "has a value that" if secret else f"is {given!r}, which"
            self.faults.append(f"{name} {shown} is not allowed; give {error}")
            return default

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def secret(self, name: str, *, default: str | None, at_least: int = 0) -> str:
        """A secret from `name`, or from the file that `name`_FILE names; None as default means required."""
        faults = len(self.faults)
        value = self.text(name) or self._of_file(name)
        if len(self.faults) > faults:
            return default or ""
        if value and len(value) < at_least:
            self.faults.append(f"{name} is too short; give at least {at_least} characters")
        if not value and default is None:
            self.faults.append(
                f"{name} is not set; give it, or {name}_FILE, a secret of {at_least}+ characters"
            )
        return value or default or ""

    def _of_file(self, name: str) -> str:
        """What the file holds that `name`_FILE names; a file that cannot be read is a fault."""
        path = self.text(f"{name}_FILE")
        try:
            return Path(path).read_text(encoding="utf-8").strip() if path else ""
        except OSError as error:
            self.faults.append(f"{name}_FILE cannot be read ({error.strerror}): {path!r}")
            return ""

    def fault(self, sentence: str) -> None:
        self.faults.append(sentence)


def seconds(value: str) -> float:
    """A length of time for `Environment.read`."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if 0 < number < 86_400:
        return number
    raise ValueError("a number of seconds above 0 and below 86400, such as 2.5")


def call_rate(value: str) -> str:
    """How many calls in which time, in the spelling that Ninja reads."""
    if re.fullmatch(r"[1-9]\d{0,8}/[smhd]", value):
        return value
    raise ValueError("a count per s, m, h or d, such as 1200/m")


def public_url(hosts: Sequence[str], *, secure: bool) -> str:
    """Where people find a service that answers to `hosts`: the first that is a whole name, or ""."""
    if not secure:
        return "http://localhost:8000"
    return next((f"https://{host}" for host in hosts if not host.startswith((".", "*"))), "")
