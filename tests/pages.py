"""The code on the pages of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
GUIDES = PROJECT / "docs" / "guides"
PAGES = [*sorted((PROJECT / "docs").rglob("*.md")), PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"]
_BLOCK = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The code of a page in these languages."""
    for indent, language, code in _BLOCK.findall(page.read_text()):
        if language in languages:
            yield re.sub(f"^{indent}", "", code, flags=re.MULTILINE)


def typed(page: Path) -> Iterator[str]:
    """What a page says to type, a command each: at a prompt, or as a script."""
    for language in ("console", "sh"):
        for code in blocks(page, language):
            for line in code.replace("\\\n", " ").splitlines():
                if language == "sh" or line.startswith("$ "):
                    yield line.removeprefix("$ ")
