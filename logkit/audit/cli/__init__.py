"""`logkit audit` and `logkit events` on the command line. Nothing here needs Django."""

from logkit.audit.cli.verbs import add_arguments, run

__all__ = ["add_arguments", "run"]
