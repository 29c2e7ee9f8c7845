"""Moments as the schema writes them: UTC, microseconds, `Z`; so that texts compare as times do."""

from __future__ import annotations

from datetime import UTC, datetime

from logkit.parsers import period


def utc_text(value: object) -> str | None:
    """A timestamp of any ISO 8601 form, or Unix seconds or milliseconds, in the schema's form; else None."""
    if isinstance(value, str):
        if len(value) == 27 and value[26] == "Z" and value[10] == "T":
            return value
        try:
            return in_schema_form(datetime.fromisoformat(value))
        except ValueError:
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else value
        try:
            return in_schema_form(datetime.fromtimestamp(seconds, UTC))
        except (ValueError, OverflowError, OSError):
            return None
    return None


def in_schema_form(moment: datetime) -> str:
    """A moment without a zone is local time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str, *, now: datetime) -> str:
    """`10m` (ago), `14:05` (the last time it was), or an ISO 8601 date or time. Raises ValueError for anything else."""
    try:
        return in_schema_form(now - period(text))
    except (ValueError, OverflowError):
        pass
    try:
        return in_schema_form(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        clock = datetime.strptime(text, "%H:%M:%S" if text.count(":") == 2 else "%H:%M").time()  # noqa: DTZ007
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 10m, 2h, 14:05 or 2026-01-31T14:05, in local time unless it says otherwise"
        ) from None
    today = datetime.combine(now.astimezone().date(), clock).astimezone()
    return in_schema_form(today)


def milliseconds(text: str) -> float:
    """`500ms`, `2s`, `1.5s`, or bare milliseconds. Raises ValueError for anything else."""
    try:
        return float(text.removesuffix("ms"))
    except ValueError:
        pass
    try:
        return period(text).total_seconds() * 1000
    except ValueError:
        raise ValueError(f"{text!r} is no duration; write 500ms or 2s") from None


def local_day(timestamp: str, *, local: bool) -> str:
    """The date of a timestamp, here or in UTC; empty when it is none."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return ""
    return f"{moment.astimezone() if local else moment:%Y-%m-%d}"
