"""One event to the text a person reads: shared by the development console, `tail` and `story`.

Pure: the same event and style give the same text. The event is the mapping of schema v1 as parsed from a line; every
member may be missing or of another type. No control character or escape sequence of a value reaches the terminal. (L10)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from logkit.console.renderer import Renderer
from logkit.console.style import Style
from logkit.console.values import short_id

__all__ = ["Style", "render", "renderer", "short_id", "wants_colour"]


class Stream(Protocol):
    def isatty(self) -> bool: ...


def wants_colour(stream: Stream, environ: Mapping[str, str]) -> bool:
    """Should text for `stream` be coloured? NO_COLOR wins, then FORCE_COLOR, then whether it is a terminal.

    Conventions: https://no-color.org, https://force-color.org; a dumb terminal has no colours.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    try:
        return stream.isatty() and environ.get("TERM", "") != "dumb"
    except ValueError:  # a closed stream
        return False


@lru_cache(maxsize=64)
def renderer(style: Style) -> Callable[[Mapping[str, Any]], str]:
    """The function that renders in `style`; made once, because `tail` calls it for every line."""
    return Renderer(style)


def render(event: Mapping[str, Any], *, colour: bool, local_time: bool = True, **style: Any) -> str:
    """`event` as text that ends with a newline; further keywords are the members of `Style`."""
    return renderer(Style(colour=colour, local_time=local_time, **style))(event)
