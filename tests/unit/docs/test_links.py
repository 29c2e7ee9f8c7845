"""The pages of the documentation lead where they say, and each can be found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md"))]
FENCE = re.compile(r"^ *(```+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def links(page: Path) -> Iterator[str]:
    """Where the links and pictures of a page lead, code left out."""
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "`code`", FENCE.sub("", page.read_text()))):
        yield unquote(target)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The ids that MkDocs gives to the headings of a page."""
    made: list[str] = []
    for title in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", page.read_text()), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", title)
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
        made.append(slug if slug not in made else f"{slug}_{made.count(slug)}")
    return frozenset(made)


def dead(page: Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for link in links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links and anchors, in docs/ and in the pages beside it."""
    assert list(dead(page)) == []


@pytest.mark.parametrize("page", PAGES[:-2], ids=lambda page: str(page.relative_to(DOCS)))
def test_no_page_leads_out_of_the_documentation(page: Path) -> None:
    """Files beside docs/ are not in the site."""
    outside = [link for link in links(page) if "://" not in link and link.startswith("../../")]
    assert outside == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """A page, an anchor, a picture; what stands in code is none, and neither is what exists."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Title of it\n\n[a](none.md) [b](#title-of-it) [c](#nothing) ![d](none.svg) `[e](none.md)`\n\n"
        "```python\nx[0](none)\n```\n\n[f](page.md) [g](page.md#nothing) [h](https://example.org/none)\n"
    )
    assert list(dead(page)) == ["none.md", "#nothing", "none.svg", "page.md#nothing"]


def navigation(part: Any) -> Iterator[str]:
    """The pages of mkdocs.yml, from the top."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for below in part.values():
            yield from navigation(below)
    else:
        for below in part:
            yield from navigation(below)


def test_every_page_is_in_the_navigation_once() -> None:
    """mkdocs.yml has all of docs/ and nothing else."""
    listed = list(navigation(yaml.safe_load((PROJECT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_the_front_page_leads_to_every_tutorial_and_to_the_front_door() -> None:
    """Who begins there finds them without the navigation."""
    wanted = {str(page.relative_to(DOCS)) for page in (DOCS / "tutorial").glob("*.md")}
    assert wanted | {"guides/logging.md", "guides/adopting.md"} <= set(links(DOCS / "index.md"))


def test_the_site_loads_nothing_of_others() -> None:
    """No fonts, scripts or pictures from another host: neither by the settings of the site nor on a page."""
    site = yaml.safe_load((PROJECT / "mkdocs.yml").read_text())
    assert site["theme"]["font"] is False
    assert not {"extra_javascript", "repo_url", "analytics"} & (set(site) | set(site["extra"]))
    assert all("://" not in style for style in site["extra_css"])
    loads = re.compile(
        r"!\[[^\]]*\]\(\s*(?:https?:)?//|<(?:script|img|link|iframe)\b|url\(\s*['\"]?(?:https?:)?//"
    )
    pages = [*PAGES, *DOCS.rglob("*.css"), *DOCS.rglob("*.svg")]
    assert [page.name for page in pages if loads.search(page.read_text())] == []
