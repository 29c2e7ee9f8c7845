"""How a capture fails: reported, and never into the application. (R04) Those of closed events are none of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

from logkit.django.exchange import report
from logkit.errors import AuditUnavailable, raise_if_asynchronous

P = ParamSpec("P")


def observer(hook: Callable[P, None]) -> Callable[P, None]:
    """A hook that tells what has happened. Its failures are reported and change nothing. (R04)"""

    @wraps(hook)
    def observe(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            hook(*args, **kwargs)
        except AuditUnavailable:
            pass  # counted and reported where it was refused
        except Exception as error:  # noqa: BLE001  ours, not the application's
            raise_if_asynchronous(error)
            report(error, hook.__qualname__)

    return observe


@contextmanager
def reported(hook: str) -> Iterator[None]:
    """A block of ours inside somebody else's code."""
    try:
        yield
    except AuditUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  ours, not the application's
        raise_if_asynchronous(error)
        report(error, hook)
