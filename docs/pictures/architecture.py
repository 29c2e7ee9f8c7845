"""`make pages` draws docs/pictures/architecture.svg: from a call to a line, and from an event to a proof."""

from __future__ import annotations

import html
from collections.abc import Iterator

WIDTH, HEIGHT = 1000, 560
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GROUND, INK, SOFT, RULE = "#fbfcfd", "#1b222b", "#5b6774", "#c9d1da"
BLUE, GREEN, SAND = ("#e7f0fa", "#0b5cad"), ("#e8f4ec", "#1f7a43"), ("#f7f1e3", "#8a6414")

Box = tuple[float, float, float, float, str, str, tuple[str, str]]

BOXES: dict[str, Box] = {
    # name: left, top, width, height, title, below it, colours
    "loguru": (24, 64, 176, 54, "Loguru calls", "your code", SAND),
    "stdlib": (24, 132, 176, 54, "stdlib records", "Django, Celery, libraries", SAND),
    "hooks": (24, 200, 176, 54, "warnings, crashes", "threads, asyncio, finalisers", SAND),
    "stamp": (240, 132, 128, 54, "stamp", "context, time", BLUE),
    "gate": (388, 132, 128, 54, "gate", "level, sample, limit", BLUE),
    "redact": (536, 132, 128, 54, "event", "redacted, once", BLUE),
    "encode": (684, 132, 128, 54, "encode", "one strict JSON line", BLUE),
    "stdout": (856, 64, 120, 54, "stdout", "JSON or console", BLUE),
    "file": (856, 132, 120, 54, "file", "rotated, shared", BLUE),
    "sinks": (856, 200, 120, 54, "your sinks", "the safe event", BLUE),
    "emit": (24, 336, 176, 54, "audit.emit, action", "and what Django captures", SAND),
    "catalog": (240, 336, 128, 54, "catalog", "what it must say", GREEN),
    "seal_up": (388, 336, 128, 54, "envelope", "redacted, complete", GREEN),
    "ledger": (536, 336, 128, 54, "ledger", "chained, synced", GREEN),
    "spool": (536, 424, 128, 54, "spool", "while that is away", GREEN),
    "seal": (684, 336, 128, 54, "seals", "Merkle roots, signed", GREEN),
    "keep": (856, 336, 120, 54, "retention", "whole segments", GREEN),
    "verify": (684, 424, 292, 54, "audit verify, prove, export", "elsewhere, with pinned keys", GREEN),
}
ARROWS = [
    *(("loguru", "stamp"), ("stdlib", "stamp"), ("hooks", "stamp"), ("stamp", "gate"), ("gate", "redact")),
    *(("redact", "encode"), ("encode", "stdout"), ("encode", "file"), ("redact", "sinks")),
    *(
        ("emit", "catalog"),
        ("catalog", "seal_up"),
        ("seal_up", "ledger"),
        ("ledger", "seal"),
        ("seal", "keep"),
    ),
]


def drawing() -> str:
    """The whole picture as SVG."""
    return "\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{SANS}" role="img" '
        'aria-label="From a call to a line, and from an event to a proof">'
    )
    yield (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{SOFT}"/></marker></defs>'
    )
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="{GROUND}"/>'
    yield _words(24, 38, "The log: one line for each record, from any source", size=15, weight=600)
    yield _words(24, 310, "The trail: no durable record, no action", size=15, weight=600)
    yield f'<path d="M24 284H976" stroke="{RULE}"/>'
    for one, other in ARROWS:
        yield _arrow(BOXES[one], BOXES[other])
    yield f'<path d="M600 390V422" stroke="{SOFT}" stroke-dasharray="4 3" marker-end="url(#tip)"/>'
    for box in BOXES.values():
        yield from _box(*box)
    yield _words(
        24,
        516,
        "One configure() owns the pipeline. Context comes from middleware and Celery signals; contextvars carry it.",
        size=12.5,
        ink=SOFT,
    )
    yield _words(
        24,
        536,
        "The two halves share the context and the redactor, and nothing else: no log level silences the trail.",
        size=12.5,
        ink=SOFT,
    )
    yield "</svg>"


def _words(x: float, y: float, text: str, *, size: float, ink: str = INK, weight: int = 400) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{ink}">{html.escape(text)}</text>'


def _box(
    x: float, y: float, width: float, height: float, title: str, below: str, colours: tuple[str, str]
) -> Iterator[str]:
    fill, edge = colours
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{fill}" stroke="{edge}"/>'
    middle, top = x + width / 2, y + 23
    yield (
        f'<text x="{middle}" y="{top}" font-size="13" font-weight="600" text-anchor="middle" fill="{edge}" '
        f'font-family="{MONO if title.islower() and " " not in title else SANS}">{html.escape(title)}</text>'
    )
    yield (
        f'<text x="{middle}" y="{top + 18}" font-size="11" text-anchor="middle" fill="{SOFT}">'
        f"{html.escape(below)}</text>"
    )


def _arrow(one: Box, other: Box) -> str:
    x1, y1 = one[0] + one[2], one[1] + one[3] / 2
    x2, y2 = other[0], other[1] + other[3] / 2
    if one[1] == other[1]:
        path = f"M{x1} {y1}H{x2 - 2}"
    elif other is BOXES["sinks"]:  # below the encoder
        path = f"M{one[0] + one[2] / 2} {one[1] + one[3]}V{y2}H{x2 - 2}"
    else:
        bend = (x1 + x2) / 2
        path = f"M{x1} {y1}H{bend}V{y2}H{x2 - 2}"
    return f'<path d="{path}" fill="none" stroke="{SOFT}" marker-end="url(#tip)"/>'
