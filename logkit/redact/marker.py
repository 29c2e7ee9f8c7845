"""What stands where something was hidden."""

from __future__ import annotations

import re

HIDDEN = "[REDACTED]"
FAILED = "[REDACTION_FAILED]"
MARKER = re.compile(r"\[REDACTED(?::[a-z-]+)?\]")


def hidden(kind: str) -> str:
    """The marker that says what kind of value was hidden: `[REDACTED:email]`."""
    return f"[REDACTED:{kind}]"
