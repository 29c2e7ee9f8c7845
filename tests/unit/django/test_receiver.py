"""Signal receivers that say that they ran."""

import asyncio
from typing import Any

import pytest
from django.dispatch import Signal
from django.dispatch import receiver as django_receiver

from logkit.django.receiver import receiver
from logkit.testing import Capture
from users.models import User


def test_a_receiver_tells_its_start_and_its_end(logs: Capture) -> None:
    """Both at DEBUG, with receiver, sender and duration."""
    signal = Signal()

    @receiver(signal, dispatch_uid="welcome")
    def welcome(sender: Any, **kwargs: Any) -> str:
        """Welcomes."""
        return "welcomed"

    assert signal.send(sender=User, instance=User()) == [(welcome, "welcomed")]
    assert welcome.__doc__ == "Welcomes."
    started = logs.only("signal.received", sender="users.User")
    handled = logs.only("signal.handled", sender="users.User")
    assert started["level"] == handled["level"] == "DEBUG"
    assert handled["context"]["receiver"].endswith(".welcome")
    assert handled["context"]["duration_ms"] >= 0


@pytest.mark.allow_log_errors
def test_a_failing_receiver_is_told_and_its_error_goes_on(logs: Capture) -> None:
    """At ERROR, without a traceback of its own: whoever catches the error writes that."""
    signal = Signal()

    @receiver([signal])
    def fail(sender: Any, **kwargs: Any) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        signal.send(sender="somebody")
    line = logs.only("signal.failed", sender="somebody", exception_type="ValueError")
    assert line["level"] == "ERROR"
    assert "exception" not in line
    logs.clear()
    ((_, error),) = signal.send_robust(sender=None)
    assert isinstance(error, ValueError)
    assert len([line for line in logs.events if "exception" in line]) == 1


def test_an_async_receiver_stays_async(logs: Capture) -> None:
    """It is awaited by `asend()`, and told the same."""
    signal = Signal()

    @receiver(signal)
    async def answer(sender: Any, **kwargs: Any) -> int:
        await asyncio.sleep(0)
        return 42

    assert asyncio.run(signal.asend(sender=object())) == [(answer, 42)]
    logs.only("signal.handled", sender="builtins.object")


def test_it_is_a_drop_in_for_djangos(logs: Capture) -> None:
    """The same arguments connect and disconnect the same way."""
    signal = Signal()
    for decorate in (django_receiver, receiver):

        @decorate(signal, sender=User, weak=False)
        def listen(sender: Any, **kwargs: Any) -> None:
            pass

        assert signal.send(sender=User) == [(listen, None)]
        assert signal.send(sender=str) == []
        assert signal.disconnect(listen, sender=User)
