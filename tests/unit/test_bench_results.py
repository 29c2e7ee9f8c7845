"""What `make bench` writes down: every table with its picture, and the pictures themselves."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import report, results
from benchmarks.report import Bar, Chart

SVG = "{http://www.w3.org/2000/svg}"
BARS = (Bar("a peer", 20.0, False), Bar("logkit <fast>", 5.0, True), Bar("slow", 1234.5, False))


def chart(better: str) -> Chart:
    return Chart("lines", "A line", "microseconds", better, BARS)


@pytest.mark.parametrize(("better", "best"), [("less", "logkit <fast>"), ("more", "slow")])
def test_bars_stand_in_order_and_are_as_long_as_they_are_large(better: str, best: str) -> None:
    """The best one is first; every bar has its name and its figure."""
    picture = ET.fromstring(results.draw(chart(better)))
    texts = [str(text.text) for text in picture.iter(f"{SVG}text")]
    assert texts[2] == best
    assert {bar.label for bar in BARS} | {"20", "5", "1,234"} < set(texts)
    lengths = [int(each.attrib["width"]) for each in picture.iter(f"{SVG}rect")]
    assert lengths == sorted(lengths, reverse=better == "more")
    assert max(lengths) == results.WIDTH - results.NAMES - results.NUMBERS
    (ours,) = [each for each in picture.iter(f"{SVG}rect") if each.attrib["class"] == "ours"]
    assert int(ours.attrib["width"]) == min(lengths)


def test_a_chart_goes_to_whoever_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By way of a file, as it was; without one, nowhere."""
    place = tmp_path / "charts"
    report.chart("x", "X", unit="s", better="less", bars=BARS)
    monkeypatch.setenv(report.CHARTS, str(place))
    report.chart("lines", "A line", unit="microseconds", better="less", bars=BARS)
    assert report.charts(place) == [chart("less")]


def test_a_section_shows_its_pictures_and_all_that_was_printed() -> None:
    """Below one heading, whatever headings were printed."""
    text = results.section("benchmarks.tail", "intro\n\n## a table\n\n| x |\n", [chart("less")])
    assert text.startswith("## Reading logs\n\n`python -m benchmarks.tail`\n\n![A line](")
    assert "docs/pictures/bench-lines.svg" in text
    assert text.endswith("intro\n\n### a table\n\n| x |")


def test_the_readme_quotes_what_was_measured() -> None:
    """Every ratio of its table is one that benchmarks/RESULTS.md has."""
    table = (results.PROJECT / "README.md").read_text().partition("## How fast")[2].partition("\n## ")[0]
    quoted = [cell for row in re.findall(r"^\|.*\|$", table, re.MULTILINE) for cell in [row.split("|")[-2]]]
    numbers = {number for cell in quoted for number in re.findall(r"\d+\.\d+", cell)}
    measured = set(re.findall(r"\d+\.\d+", results.RESULTS.read_text()))
    assert len(numbers) > 9
    assert numbers <= measured
