"""The redactor: fields and texts in, the same without secrets out. Key rules, value rules, pseudonyms.

`Redactor` is what the pipeline uses; `Pseudonyms` names people without naming them.
"""

from __future__ import annotations

from logkit.redact.keys import django_cookie_names
from logkit.redact.marker import FAILED, HIDDEN
from logkit.redact.paths import hide_path_segments
from logkit.redact.pseudonym import Pseudonyms, is_pseudonym
from logkit.redact.redactor import Redactor

__all__ = [
    "FAILED",
    "HIDDEN",
    "Pseudonyms",
    "Redactor",
    "django_cookie_names",
    "hide_path_segments",
    "is_pseudonym",
]
