"""The trail in the forms of others: JSON Lines, CSV, ECS, OCSF."""

from logkit.audit.export.export import COLUMNS, FORMS, export

__all__ = ["COLUMNS", "FORMS", "export"]
