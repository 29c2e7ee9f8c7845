"""What a signal handler throws into our code is meant for the program, and reaches it."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from logkit.errors import raise_if_asynchronous
from tests.program import run


@pytest.fixture
def on_alarm() -> Iterator[Callable[[object], None]]:
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


class Clock:
    def ring(self, number: int, frame: FrameType | None) -> None:
        raise TimeoutError("time is up")


def ring(clock: Clock, number: int, frame: FrameType | None) -> None:
    clock.ring(number, frame)


@pytest.mark.parametrize(
    "handler", [Clock().ring, functools.partial(ring, Clock())], ids=["method", "partial"]
)
def test_c17_what_a_handler_throws_is_told_from_a_fault_of_ours(
    handler: object, on_alarm: Callable[[object], None]
) -> None:
    """The same type of exception: raised by a handler it passes, raised by code it does not."""
    on_alarm(handler)
    try:
        signal.raise_signal(signal.SIGUSR1)
    except TimeoutError as thrown:
        with pytest.raises(TimeoutError):
            raise_if_asynchronous(thrown)
    try:
        raise TimeoutError("a socket's")
    except TimeoutError as fault:
        raise_if_asynchronous(fault)


def test_c17_an_alarm_in_the_middle_of_a_sink_reaches_the_program() -> None:
    """The sink is interrupted, the program sees its TimeoutError, and logging goes on afterwards."""
    result = run(
        """
        import signal
        def ring(*_): raise TimeoutError("time is up")
        signal.signal(signal.SIGALRM, ring)
        def slow(event):
            if event["message"] == "slow.line":
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                while True: pass
        logkit.add_sink(slow)
        try: logger.info("slow.line")
        except TimeoutError: logger.info("program.told")
        """
    )
    assert result.code == 0, result.stderr
    assert result.only("program.told")
