"""Upkeep beside the caller: sealing and draining take milliseconds of disk, which no request should wait for."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable

_PATIENCE = 2.0  # seconds that a fork or a close waits for work that is under way
_ABOUT_TO_START = 0.001  # seconds


class Upkeep:
    """Runs work in threads that live no longer than it. Idle processes have none.

    A fork waits for them, so that none is cut off in the child; the end of the process does, because they are no
    daemons. Where no thread can be had, at the interpreter's end for one, the caller does the work.
    """

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        waiting, forgetting = weakref.WeakMethod(self.wait), weakref.WeakMethod(self._forget)
        os.register_at_fork(before=if_alive(waiting), after_in_child=if_alive(forgetting))

    def aside(self, work: Callable[[], None]) -> None:
        """Run `work`, which must not raise."""
        thread = threading.Thread(target=self._run, args=(work,), name="logkit.audit")
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
            work()

    def wait(self) -> None:
        """Until what is under way is done, and what that has begun, but not for ever."""
        until = time.monotonic() + _PATIENCE
        while others := self._threads - {threading.current_thread()}:
            if (left := until - time.monotonic()) <= 0:
                return
            try:
                others.pop().join(left)
            except RuntimeError:  # it is about to be started
                time.sleep(_ABOUT_TO_START)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._threads.discard(threading.current_thread())

    def _forget(self) -> None:
        self._threads = set()


def if_alive(method: weakref.WeakMethod[Callable[[], None]]) -> Callable[[], None]:
    """Calls `method` while its object lives: hooks of a fork are never taken back."""

    def call() -> None:
        if (bound := method()) is not None:
            bound()

    return call
