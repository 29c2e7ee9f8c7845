"""The doctor's report: what is on, what was found, the verdict; as text or as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from logkit.doctor.effective import Fact, Setting
from logkit.findings import Finding, State
from logkit.terminal import BOLD, CYAN, DIM, GREEN, RED, YELLOW, fold, paint, safe

Sections = dict[str, list[Finding]]

_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("✓", GREEN),
    "note": ("·", CYAN),
    "warning": ("!", YELLOW),
    "problem": ("✗", RED),
}
_ABOUT = 17  # columns
_LEAST = 30


class Report:
    """Writes the report as lines of at most `width` columns (None: as long as they are)."""

    def __init__(self, *, colour: bool, width: int | None) -> None:
        self._colour = colour
        self._width = width

    def settings(self, facts: Iterable[Fact]) -> Iterator[str]:
        yield self._title("What is on")
        for fact in facts:
            why = paint(f"({fact.why})", DIM, self._colour)
            yield from self._entry(f"  {fact.about.ljust(_ABOUT)}  ", f"{safe(fact.text)}  {why}")

    def every_setting(self, settings: Iterable[Setting]) -> Iterator[str]:
        yield self._title("Every setting")
        for setting in settings:
            why = "" if setting.origin == "default" else f"  ({setting.why})"
            meaning = paint(f"  {setting.meaning}", DIM, self._colour)
            yield from self._entry(
                f"  {setting.variable.ljust(24)}  ", f"{safe(setting.value)}{why}{meaning}"
            )

    def section(self, title: str, findings: list[Finding], *, quiet: bool) -> Iterator[str]:
        shown = [finding for finding in findings if not quiet or finding.state in ("warning", "problem")]
        if not shown:
            return
        yield self._title(title)
        for finding in shown:
            mark, sgr = _MARKS[finding.state]
            lead = f"{paint(mark, sgr, self._colour)} {finding.about.ljust(_ABOUT)}  "
            loud = finding.state in ("warning", "problem")
            code = paint(f"  {finding.code}", DIM, self._colour) if finding.code else ""
            yield from self._entry(lead, paint(safe(finding.text), sgr if loud else "", self._colour) + code)
            if finding.hint:
                yield from self._entry(
                    " " * (_ABOUT + 4), paint(f"→ {safe(finding.hint)}", "" if loud else DIM, self._colour)
                )

    def verdict(self, findings: list[Finding]) -> Iterator[str]:
        count = {state: sum(finding.state == state for finding in findings) for state in _MARKS}
        yield ""
        if count["problem"]:
            faults = f"{count['problem']} fault{'s' * (count['problem'] > 1)}"
            also = f", {count['warning']} to look at" if count["warning"] else ""
            yield paint(f"✗ {faults}{also}", BOLD + RED, self._colour)
        elif count["warning"]:
            yield paint(f"! in order, {count['warning']} to look at", BOLD + YELLOW, self._colour)
        else:
            yield paint(f"✓ in order: {count['ok']} checks", BOLD + GREEN, self._colour)

    def _title(self, text: str) -> str:
        return f"\n{paint(text, BOLD, self._colour)}"

    def _entry(self, lead: str, text: str) -> Iterator[str]:
        if self._width is None:
            yield f"{lead}{text}".rstrip()
            return
        beside = _ABOUT + 4
        first, *more = fold(text, max(self._width - beside, _LEAST))
        yield f"{lead}{first}".rstrip()
        yield from (f"{' ' * beside}{piece}".rstrip() for piece in more)


def as_data(settings: Iterable[Setting], sections: Sections, facts: Iterable[Fact]) -> dict[str, Any]:
    """The same for other programs."""
    return {
        "settings": {
            setting.variable: {"value": setting.value, "origin": setting.origin} for setting in settings
        },
        "on": {fact.about: {"text": fact.text, "why": fact.why} for fact in facts},
        "findings": [
            {"section": title, **asdict(finding), "code": finding.code or None}
            for title, findings in sections.items()
            for finding in findings
        ],
    }
