"""A process that is killed with SIGKILL at its n-th system call that changes a file, before or after the call."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.audit.ledger_tools import in_child, wait_for

_CALLS = ("write", "pwrite", "fsync", "fdatasync", "link", "unlink", "rename", "ftruncate", "open", "mkdir")


def arm(at: int, *, after: bool) -> None:
    """Kill this process at its `at`-th call."""
    left = at
    real: dict[Any, Any] = {}

    def bombed(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **kwargs)
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return run

    for name in _CALLS:
        call = getattr(os, name)
        real[call] = bombed(call)
        setattr(os, name, real[call])
    for name, module in list(sys.modules.items()):
        if name.startswith("logkit.audit") and getattr(module, "fdatasync", None) in real:
            module.fdatasync = real[module.fdatasync]  # type: ignore[attr-defined]


def killed_at_every_step(work: Callable[[], None], *, most: int = 400) -> Iterator[tuple[int, bool]]:
    """Run `work` in children that die one call later each time, until one gets through; (step, after the call?)."""
    for after in (False, True):
        for at in range(most):

            def child(at: int = at, after: bool = after) -> None:
                arm(at, after=after)
                work()

            code = wait_for(in_child(child))
            if code == 0:
                break
            assert code == -signal.SIGKILL, f"step {at}: the child ended with {code}"
            yield at, after
        else:
            raise AssertionError(f"the work takes more than {most} calls")
