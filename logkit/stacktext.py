"""A rendered traceback to lines that show our code bright and library code dim.

Reads the text that Python's `traceback` writes, so it also serves lines written by other programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from logkit.terminal import BOLD, DIM, RED, paint, safe

_FRAME = re.compile(r'[\s|+\-]*+File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.*))?$')
_MARKS = re.compile(r"[\s|]*[~^]+\s*$")
_LIBRARY = re.compile(r"\A(?:.*/)?(?:site-packages|dist-packages|lib(?:64)?/python\d(?:\.\d+)?)/|\A<frozen ")
_LAYER = re.compile(
    r"(?:^|/)logkit/(?:celery|django)/"
)  # frames of ours around a project's own, from wherever
_WIDEST_PLACE = 46
_MOST_PARTS = 3  # of an absolute path that is not below the root
_DEEPEST = 10  # causes of causes


@dataclass(slots=True)
class Frame:
    file: str
    line: str
    function: str
    source: str = ""

    @property
    def is_library(self) -> bool:
        return _LIBRARY.match(self.file) is not None or _LAYER.search(self.file) is not None

    def place(self, root: str) -> str:
        """File and line: below the import path for a library, below `root` or its last parts for our own."""
        file = _LIBRARY.sub("", self.file)
        file = file.removeprefix(root + "/") if root else file
        if file.startswith("/") and file.count("/") > _MOST_PARTS:
            file = "…/" + "/".join(file.split("/")[-_MOST_PARTS:])
        return safe(f"{file or self.file}:{self.line}")

    @property
    def package(self) -> str:
        if _LAYER.search(self.file):
            return "logkit"
        return _LIBRARY.sub("", self.file).split("/")[0].removesuffix(".py").lstrip("<")


@dataclass(frozen=True, slots=True)
class Look:
    """How tracebacks are shown. `root` is the directory that our own files are named from."""

    colour: bool = False
    every_frame: bool = False
    root: str = ""


def exception_lines(exception: object, look: Look) -> Iterator[str]:
    """The lines of `exception` (its member in schema v1, or plain traceback text), the outermost first."""
    if isinstance(exception, dict):
        yield from _one(exception, "", look, _DEEPEST)
    else:
        yield from _stack_lines(str(exception), "", look)


def raised_at(exception: object, look: Look) -> str:
    """File and line of our own innermost frame, or of the innermost at all; empty without a traceback."""
    stack = str((exception.get("stack") or "") if isinstance(exception, dict) else exception)
    matches = [match for line in stack.split("\n") if (match := _FRAME.match(line))]
    frames = [Frame(match["file"], match["line"], match["function"] or "") for match in matches]
    ours = [frame for frame in frames if not frame.is_library]
    return (ours or frames)[-1].place(look.root) if frames else ""


def _one(exception: Mapping[str, Any], lead: str, look: Look, depth: int) -> Iterator[str]:
    colour = look.colour
    kind, text = str(exception.get("type") or "Exception"), str(exception.get("message") or "")
    first, *more = text.split("\n")
    yield f"{paint(lead, DIM, colour)}{paint(safe(kind), BOLD + RED, colour)}  {safe(first)}".rstrip()
    yield from (f"  {safe(part)}" for part in more)
    for note in _list(exception.get("notes")):
        yield from (f"  {paint('note', DIM, colour)} {safe(part)}" for part in str(note).split("\n"))
    yield from _stack_lines(str(exception.get("stack") or ""), f"{kind}: {text}", look)
    if depth == 0:
        return
    for inner in _list(exception.get("group")):
        if isinstance(inner, dict):
            yield from ("  " + part for part in _one(inner, "• ", look, depth - 1))
    for member, words in (("cause", "caused by "), ("context", "while handling ")):
        inner = exception.get(member)
        if isinstance(inner, dict):
            yield from _one(inner, words, look, depth - 1)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _stack_lines(stack: str, header: str, look: Look) -> Iterator[str]:
    frames: list[Frame] = []
    last = ""
    for line in stack.split("\n"):
        if match := _FRAME.match(line):
            frames.append(Frame(match["file"], match["line"], match["function"] or ""))
        elif (
            not line.strip() or line.lstrip(" |+-").startswith("Traceback (most recent") or _MARKS.match(line)
        ):
            continue
        elif frames and not frames[-1].source and line.startswith(("    ", "  |", "|")):
            frames[-1].source = line.strip(" |")
        elif _is_header(line, header):
            continue
        elif line.startswith(" "):  # a word among the frames, such as how many were left out
            yield from _frame_lines(frames, look)
            frames = []
            yield f"  {safe(line.strip())}"
        else:  # Python writes an exception below its frames; here it stands above them
            if line != last:
                yield f"  {safe(line)}"
            yield from _frame_lines(frames, look)
            frames, last = [], line
    yield from _frame_lines(frames, look)


def _is_header(line: str, header: str) -> bool:
    """Does `line` repeat the exception's own heading (whose type may be written with its module)?"""
    kind, _, text = header.partition(": ")
    line_kind, _, line_text = line.strip(" |").partition(": ")
    return (
        bool(kind) and line_kind.rpartition(".")[2] == kind.rpartition(".")[2] and text.startswith(line_text)
    ) or (bool(text) and line in text.split("\n"))


def _frame_lines(frames: list[Frame], look: Look) -> Iterator[str]:
    colour = look.colour
    shown = list(_kept(frames, look.every_frame))
    places = [frame.place(look.root) for frame in shown if isinstance(frame, Frame)]
    functions = [len(frame.function) for frame in shown if isinstance(frame, Frame)]
    widest = min(max(map(len, places), default=0), _WIDEST_PLACE)
    widest_function = min(max(functions, default=0), 24)
    for frame in shown:
        if isinstance(frame, str):
            yield paint(f"  {frame}", DIM, colour)
            continue
        place, function, source = (
            frame.place(look.root).ljust(widest),
            safe(frame.function),
            safe(frame.source),
        )
        if frame.is_library:
            yield paint(f"  {place}  {function.ljust(widest_function)}  {source}".rstrip(), DIM, colour)
        else:
            yield f"  {place}  {function.ljust(widest_function)}  {paint(source, BOLD, colour)}".rstrip()


def _kept(frames: list[Frame], every_frame: bool) -> Iterator[Frame | str]:
    """Our frames; of a run of library frames a count, and at the end where we called in and where it was raised."""
    runs = [
        (is_library, list(run)) for is_library, run in groupby(frames, key=lambda frame: frame.is_library)
    ]
    for position, (is_library, run) in enumerate(runs):
        if every_frame or not is_library or len(run) <= 2:
            yield from run
            continue
        is_last = position == len(runs) - 1
        if is_last:
            yield run[0]
        hidden = run[1:-1] if is_last else run
        packages = ", ".join(dict.fromkeys(safe(frame.package) for frame in hidden))
        yield f"… {len(hidden)} {'frame' if len(hidden) == 1 else 'frames'} in {packages}"
        if is_last:
            yield run[-1]
