"""Where the parts of an event stand on the terminal: beside each other while they fit, then below."""

from __future__ import annotations

from logkit.terminal import DIM, clip, fold, visible_length

BELOW = 13  # columns before what stands below a line: as wide as the time
_LEAST = 20  # columns of text, however narrow the terminal is
_NARROWEST = 50  # columns that fields need below each other, else they continue below the event


def laid_out(
    head: str, name: str, parts: list[str], spare: list[str], *, width: int, column: int, single_line: bool
) -> str:
    """One event within `width` columns; parts that do not fit continue from `column` on, or are cut.

    `spare` parts are shown only as far as they cost no further line.
    """
    beside = visible_length(head)
    name = name if beside + visible_length(name) <= width else name.rstrip() + " "
    first, *more = [name] if single_line else fold(name, max(width - beside, _LEAST))
    lines = [head + first, *(" " * beside + piece for piece in more)]
    start = beside + column
    if width - start < _NARROWEST:
        start = beside + 2
    used, gap = visible_length(lines[-1]), 1
    for part in parts:
        length = visible_length(part)
        if used + gap + length <= width or single_line:
            lines[-1] += " " * gap + part
            used += gap + length
        else:
            lines += [" " * start + piece for piece in fold(part, max(width - start, _LEAST))]
            used = visible_length(lines[-1])
        gap = 2
    for part in spare:
        length = visible_length(part)
        if used + gap + length > width:
            break
        lines[-1] += " " * gap + part
        used, gap = used + gap + length, 2
    lines = [line.rstrip() for line in lines]
    return clip(lines[0], width) if single_line else "\n".join(lines)


def fitted(line: str, room: int, *, whole: bool) -> list[str]:
    """A line of a traceback: a frame is cut at the terminal's edge unless it is to be `whole`, other text never."""
    room = max(room, _LEAST)
    is_frame = line.startswith(("  ", f"{DIM}  "))
    return [clip(line, room)] if is_frame and not whole else fold(line, room)
