"""Waiting for the disk in a thread, for async code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
    """Start `call` in the loop's thread pool, with this task's context.

    Unlike with `asyncio.to_thread`, it has been handed over when this returns: a caller who is cancelled before the
    loop's next turn takes nothing back.
    """
    context = copy_context()
    return asyncio.get_running_loop().run_in_executor(None, lambda: context.run(call, *args, **kwargs))
