"""What the other apps are asked when it is about one person's data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.dispatch import Signal

# Sent with `user`; a receiver returns a `Section` of what its app keeps about that person.
personal_data = Signal()


class Section(NamedTuple):
    """One file of a personal export: its name without ending, and its rows (JSON values only)."""

    name: str
    rows: Iterable[Mapping[str, object]]
