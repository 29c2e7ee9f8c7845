"""One labelled line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """`source` is a text or a mapping of fields; no `secrets` may come out of it, all of `keep` must."""

    kind: str
    source: str | dict[str, Any]
    secrets: tuple[str, ...] = ()
    keep: tuple[str, ...] = field(default=())


def hidden(kind: str, template: str, secret: str, *keep: str) -> Case:
    """`{}` in the template is the secret."""
    return Case(kind, template.replace("{}", secret), (secret,), keep)


def kept(kind: str, text: str) -> Case:
    """Nothing in it may change."""
    return Case(kind, text, (), (text,))
