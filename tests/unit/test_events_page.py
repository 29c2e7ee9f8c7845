"""docs/reference/events-logkit.md: what logkit says by itself, against its source."""

import re
from pathlib import Path

import pytest

from logkit.audit.notices import ALERT_LEVELS

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "events-logkit.md").read_text()
ROWS = {
    name: level
    for names, level in re.findall(r"^\|([^|]*)\|([^|]*)\|", PAGE, re.MULTILINE)
    for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", names)
}
SOURCE = "".join(path.read_text() for path in (REPOSITORY / "logkit").rglob("*.py"))


@pytest.mark.parametrize("name", ROWS)
def test_every_event_on_the_page_is_one_that_logkit_logs(name: str) -> None:
    """Nothing on the page has gone from the code; the other way round, `logkit lint` looks (LK402)."""
    assert f'"{name}"' in SOURCE


@pytest.mark.parametrize(("name", "level"), ALERT_LEVELS.items())
def test_the_alerts_of_the_trail_are_on_the_page_with_their_level(name: str, level: str) -> None:
    """They are what an operator sets alarms on."""
    assert ROWS[name].strip() == level
