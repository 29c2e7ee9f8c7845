"""Bytes to a file descriptor: standard output, directly or through a queue, and rotating files shared by processes.

A writer takes whole lines. It never raises into the caller and never loses a line silently: what cannot be written is
counted, by level, and the count is reported. (decision 4)
"""

from __future__ import annotations

from logkit.writers.buffered import BufferedWriter
from logkit.writers.losses import Report
from logkit.writers.rotating import RotatingFileWriter
from logkit.writers.stdout import StdoutWriter
from logkit.writers.writer import BatchWriter, Writer

__all__ = ["BatchWriter", "BufferedWriter", "Report", "RotatingFileWriter", "StdoutWriter", "Writer"]
