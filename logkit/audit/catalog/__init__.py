"""Every event type: what it means, what it must say, how it is delivered, and its place in other schemas."""

from logkit.audit.catalog.auth import AUTH
from logkit.audit.catalog.data import DATA
from logkit.audit.catalog.people import PEOPLE
from logkit.audit.catalog.types import SEVERITIES, Ecs, EventType, Ocsf, declare, every, find, unknown

declare(*AUTH, *PEOPLE, *DATA)

__all__ = ["SEVERITIES", "Ecs", "EventType", "Ocsf", "declare", "every", "find", "unknown"]
