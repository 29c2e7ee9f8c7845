"""`make pictures`: what the tools print about the last `make demo`, as pictures of a terminal.

Each command runs on a real pseudo-terminal, so that colours, folding and shortening are its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import html
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOGS = HERE.parent.parent / "var" / "demo" / "logs"
CELL, LINE, SIZE, MARGIN, BAR = (
    7.83,
    19,
    13,
    16,
    34,
)  # pixels: a column, a row, the letters, around, the title
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GROUND, TITLE, TEXT, DIM = "#0f1419", "#1b222b", "#d3dae3", "#7d8997"
_BASIC = ("#484f58", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#d3dae3")
_BRIGHT = ("#6e7681", "#ffa198", "#a5f3b4", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0f4", "#ffffff")
_LEVELS = (0, 95, 135, 175, 215, 255)
_SGR = re.compile("\x1b\\[([0-9;]*)m")


@dataclass(frozen=True, slots=True)
class Pen:
    """How the letters that follow look."""

    ink: str = ""
    ground: str = ""
    bold: bool = False
    dim: bool = False


def main() -> None:
    if not LOGS.is_dir():
        sys.exit("there is no log of a demo: run `make demo` first")
    request = request_of("message.sent")
    for name, columns, words in (
        ("tail", 124, ["tail", "-l", "info", "--request", request, "web.jsonl", "worker.jsonl"]),
        ("story", 124, ["story", request, "web.jsonl", "worker.jsonl"]),
    ):
        text = shown([str(Path(sys.executable).with_name("logkit")), *words], columns)
        picture = drawn(text, columns, title=" ".join(["logkit", *words]))
        (HERE / f"{name}.svg").write_text(picture)


def request_of(event: str) -> str:
    """The end of the id of the first request that logged `event`."""
    for line in (LOGS / "web.jsonl").read_bytes().splitlines():
        said = json.loads(line)
        if said["message"] == event:
            return str(said["context"]["request_id"])[-6:]
    sys.exit(f"the log of the demo has no {event}")


def shown(command: list[str], columns: int) -> str:
    """What `command` writes to a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        command,
        cwd=LOGS,
        stdin=slave,
        stdout=slave,
        stderr=subprocess.DEVNULL,  # the summary
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(slave)
    data = b""
    with (
        os.fdopen(master, "rb", buffering=0) as screen,
        contextlib.suppress(OSError),
    ):  # what a gone terminal says
        while piece := screen.read(65536):
            data += piece
    process.wait()
    return data.decode().replace("\r\n", "\n")


def drawn(text: str, columns: int, *, title: str) -> str:
    """`text` with its colours as an SVG that looks like a terminal's window."""
    rows = text.rstrip("\n").split("\n")
    width, height = columns * CELL + 2 * MARGIN, len(rows) * LINE + BAR + 1.5 * MARGIN
    body, pen = [], Pen()
    for number, row in enumerate(rows):
        column = 0
        for look, piece in pieces(row, pen):
            body.append(run(piece, look, MARGIN + column * CELL, BAR + MARGIN + number * LINE))
            column += columns_of(piece)
            pen = look
    title = title if len(title) < columns - 20 else f"{title[: columns - 20]}…"
    dots = "".join(
        f'<circle cx="{20 + 18 * n}" cy="{BAR / 2}" r="5.5" fill="{ink}"/>'
        for n, ink in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" '
        f'font-size="{SIZE}" xml:space="preserve" role="img" aria-label="{html.escape(title)}">\n'
        f'<rect width="100%" height="100%" rx="9" fill="{GROUND}"/>'
        f'<path d="M0 {BAR}V9a9 9 0 0 1 9-9H{width - 9:.0f}a9 9 0 0 1 9 9V{BAR}z" fill="{TITLE}"/>{dots}\n'
        f'<text x="{width / 2:.0f}" y="{BAR / 2 + 4.5}" text-anchor="middle" fill="{DIM}">{html.escape(title)}</text>\n'
        + "\n".join(part for part in body if part)
        + "\n</svg>\n"
    )


def pieces(row: str, pen: Pen) -> Iterator[tuple[Pen, str]]:
    """The runs of one look in a row, beginning with `pen`; the last one may be empty."""
    end = 0
    for match in _SGR.finditer(row):
        yield pen, row[end : match.start()]
        pen, end = changed(pen, [int(code or 0) for code in match[1].split(";")]), match.end()
    yield pen, row[end:]


def changed(pen: Pen, codes: list[int]) -> Pen:
    """`pen` after the parameters of one SGR sequence (ECMA-48, and xterm's 256 colours)."""
    queue = iter(codes)
    for code in queue:
        if code == 0:
            pen = Pen()
        elif code == 1:
            pen = replace(pen, bold=True)
        elif code == 2:
            pen = replace(pen, dim=True)
        elif code in (38, 48):
            next(queue, None)  # 5: one of 256
            colour = of_256(next(queue, 0))
            pen = replace(pen, ink=colour) if code == 38 else replace(pen, ground=colour)
        elif 30 <= code <= 37:
            pen = replace(pen, ink=_BASIC[code - 30])
        elif 90 <= code <= 97:
            pen = replace(pen, ink=_BRIGHT[code - 90])
        elif 40 <= code <= 47:
            pen = replace(pen, ground=_BASIC[code - 40])
    return pen


def of_256(number: int) -> str:
    if number < 16:
        return (_BASIC + _BRIGHT)[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    red, green, blue = (_LEVELS[(number - 16) // step % 6] for step in (36, 6, 1))
    return f"#{red:02x}{green:02x}{blue:02x}"


def columns_of(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def run(piece: str, pen: Pen, x: float, y: float) -> str:
    """One run of text on its exact place in the grid, whatever the font of the reader."""
    columns = columns_of(piece)
    ground = ""
    if pen.ground:
        ground = f'<rect x="{x:.1f}" y="{y - 1:.1f}" width="{columns * CELL:.1f}" height="{LINE}" fill="{pen.ground}"/>'
    if not piece.strip():
        return ground
    lead = len(piece) - len(piece.lstrip(" "))
    x, columns, piece = x + lead * CELL, columns_of(piece.strip(" ")), piece.strip(" ")
    ink = pen.ink or (DIM if pen.dim else TEXT)
    look = f' fill="{ink}"' + (' font-weight="600"' if pen.bold else "")
    look += ' opacity="0.65"' if pen.dim and pen.ink else ""
    place = f'x="{x:.1f}" y="{y + 13:.1f}" textLength="{columns * CELL:.1f}"'
    return f"{ground}<text {place}{look}>{html.escape(piece)}</text>"


if __name__ == "__main__":
    main()
