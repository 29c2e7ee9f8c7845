"""Sealing a stream: signed Merkle checkpoints over what was written, each with a key that is used once."""

from logkit.audit.seal.sealing import Sealing, seal

__all__ = ["Sealing", "seal"]
