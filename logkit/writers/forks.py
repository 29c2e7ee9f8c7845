"""Nothing is shared across a fork: what a writer must make anew, it makes in the child. (decision 10)"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    def after_fork(self) -> None:
        """Called in the forked child, with no other thread running; must neither wait nor raise."""


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()


def remake_after_fork(thing: Forkable) -> None:
    """Call `thing.after_fork()` in every child forked from now on, as long as `thing` lives."""
    _known.add(thing)


def _in_child() -> None:
    for thing in list(_known):
        thing.after_fork()


os.register_at_fork(after_in_child=_in_child)
