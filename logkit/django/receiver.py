"""`receiver`: Django's decorator of the same name, whose receivers also say that they ran.

    from logkit.django.receiver import receiver   # instead of django.dispatch

The start and a success are DEBUG, a failure is ERROR and goes on its way: its traceback is written by whoever
catches it, `Signal.send_robust()` or the request. (R14)
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.dispatch import Signal
from django.dispatch import receiver as django_receiver
from loguru import logger

F = TypeVar("F", bound=Callable[..., Any])


def receiver(signal: Signal | list[Signal] | tuple[Signal, ...], **kwargs: Any) -> Callable[[F], F]:
    """Connect a function to `signal`; `kwargs` are those of `Signal.connect()`. Returns what was connected."""

    def decorate(function: F) -> F:
        logged = _logged_async(function) if iscoroutinefunction(function) else _logged(function)
        return cast(F, django_receiver(signal, **kwargs)(logged))

    return decorate


def _logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def logged(*args: Any, **kwargs: Any) -> Any:
        call = _Call(function, args, kwargs)
        try:
            answer = function(*args, **kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        call.succeeded()
        return answer

    return logged


def _logged_async(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def logged(*args: Any, **kwargs: Any) -> Any:
        call = _Call(function, args, kwargs)
        try:
            answer = await function(*args, **kwargs)
        except BaseException as error:
            call.failed(error)
            raise
        call.succeeded()
        return answer

    return logged


class _Call:
    """One call of a receiver."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        sender = kwargs["sender"] if "sender" in kwargs else next(iter(args), None)
        self._log = logger.bind(
            receiver=f"{function.__module__}.{function.__qualname__}", sender=_label(sender)
        )
        self._started_ns = time.perf_counter_ns()
        self._log.debug("signal.received")

    def succeeded(self) -> None:
        self._log.bind(duration_ms=self._duration_ms()).debug("signal.handled")

    def failed(self, error: BaseException) -> None:
        self._log.bind(duration_ms=self._duration_ms(), exception_type=type(error).__qualname__).error(
            "signal.failed"
        )

    def _duration_ms(self) -> float:
        return round((time.perf_counter_ns() - self._started_ns) / 1e6, 3)


def _label(sender: object) -> str | None:
    """A model's label, a class's or function's dotted name, the type of anything else: never a live object."""
    if sender is None or isinstance(sender, str):
        return sender
    if meta := getattr(sender, "_meta", None):
        return str(meta.label)
    named: Any = sender if hasattr(sender, "__qualname__") else type(sender)
    return f"{named.__module__}.{named.__qualname__}"
