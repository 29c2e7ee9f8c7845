"""Verifying a stream: is everything there, unaltered and signed; and if not, what was done to it?"""

from logkit.audit.verify.stream import Question, verify_stream

__all__ = ["Question", "verify_stream"]
