"""One event to the text a person reads: shared by the development console, `tail` and `story`.

Pure: the same event and style give the same text. The event is the mapping of schema v1 as parsed from a line; every
member may be missing or of another type. No control character or escape sequence of a value reaches the terminal. (L10)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from logkit.console.renderer import Renderer
from logkit.console.style import Style
from logkit.console.values import short_id
from logkit.terminal import wants_colour

__all__ = ["Style", "render", "renderer", "short_id", "wants_colour"]


@lru_cache(maxsize=64)
def renderer(style: Style) -> Callable[[Mapping[str, Any]], str]:
    """The function that renders in `style`; made once, because `tail` calls it for every line."""
    return Renderer(style)


def render(event: Mapping[str, Any], *, colour: bool, local_time: bool = True, **style: Any) -> str:
    """`event` as text that ends with a newline; further keywords are the members of `Style`."""
    return renderer(Style(colour=colour, local_time=local_time, **style))(event)
