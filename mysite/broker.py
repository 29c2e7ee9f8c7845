"""The broker of files, for one machine without a server: kombu's, without its races.

Kombu writes a message where workers look for it, so that one that looks at the wrong moment reads half of it and
ends. It takes a message by way of the system's temporary directory, where others can read it, and where, on another
file system, two workers can take the same one. Here a message appears as a whole, and taking it is one rename.
"""

from __future__ import annotations

import math
import os
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from celery.worker import state
from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

_LOOK_AROUND = 0.2  # seconds; how often a waiting worker asks whether it is to end
_BINDING = threading.Lock()


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **_: object) -> None:  # type: ignore[override]
        """In the order of time, and with the whole of it from the first moment."""
        file = Path(self.data_folder_out, f"{time.time_ns():020}_{uuid.uuid4()}.{queue}.msg")
        _write_whole(file, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        messages = (
            file
            for file in Path(self.data_folder_in).iterdir()
            if file.name.partition(".")[2] == f"{queue}.msg"
        )
        for message in sorted(messages):
            taken = message.with_suffix(".taken")
            try:
                message.rename(taken)
            except FileNotFoundError:  # another worker was faster
                continue
            text = taken.read_text(encoding="utf-8")
            taken.unlink()
            return loads(text)
        raise Empty

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        """Kombu notes a binding before it is made, so that another thread's message would go nowhere."""
        with _BINDING:
            super().queue_bind(*args, **kwargs)

    def _queue_bind(self, exchange: str, *args: Any) -> None:
        """Kombu makes the file of an exchange empty, and fills it when somebody may be reading it already."""
        if not self.get_table(exchange):
            file = Path(self.control_folder, f"{exchange}.exchange")
            file.parent.mkdir(exist_ok=True)
            _write_whole(file, "[]", replace=False)
        super()._queue_bind(exchange, *args)


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **_: object) -> None:
        """Wait for a message; a worker that is told to end does not wait for the rest of `timeout`."""
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = max(0.0, until - time.monotonic())
            try:
                super().drain_events(connection, timeout=min(left, _LOOK_AROUND))
            except TimeoutError:
                if left > _LOOK_AROUND and not _is_ending():
                    continue
                raise
            return


def _is_ending() -> bool:
    """Celery keeps the exit code there, which may be 0, once it is told."""
    told = (getattr(state, name) for name in ("should_stop", "should_terminate"))
    return any(code is not None and code is not False for code in told)


def _write_whole(file: Path, text: str, *, replace: bool = True) -> None:
    """Have `file` appear with all of `text`. Raises `ChannelError`, as kombu does where a broker cannot write."""
    aside = file.with_name(f".{uuid.uuid4()}")
    try:
        aside.write_text(text, encoding="utf-8")
        if replace:
            aside.rename(file)
        else:
            with suppress(FileExistsError):  # somebody was faster, and there may be more in it by now
                os.link(aside, file)
    except OSError as error:
        raise ChannelError(f"cannot write {file}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)
