"""The broker of files, without a race of its own: a message appears in its folder as a whole.

Kombu writes a message where workers look for it, so that one that looks at the wrong moment reads half of it and
stops. Here it is written beside the folder and moved there.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):  # type: ignore[misc]
    def _put(self, queue: str, payload: Any, **_: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020}_{uuid.uuid4()}.{queue}.msg"
        aside = folder.parent / name
        aside.write_text(dumps(payload))
        aside.replace(folder / name)


class Transport(filesystem.Transport):  # type: ignore[misc]
    Channel = Channel
