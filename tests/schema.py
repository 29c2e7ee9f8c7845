"""Schema v1, as the documentation publishes it: every line that a test captures is held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "docs/reference/line-schema.json").read_text())
_VALIDATOR = Draft202012Validator(_SCHEMA)


def check_line(line: Mapping[str, Any]) -> None:
    """Raise `AssertionError` naming every member of `line` that schema v1 does not allow."""
    faults = [f"{fault.json_path}: {fault.message}" for fault in _VALIDATOR.iter_errors(line)]
    assert not faults, "; ".join(faults)
