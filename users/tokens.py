"""Tokens that are handed out once: minted with a prefix the log redactor knows, kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets

_RANDOM_BYTES = 32


def mint(kind: str) -> tuple[str, str]:
    """A new token of `kind` (one lower-case word) and the digest to store."""
    token = f"fck_{kind}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    return token, digest(token)


def digest(token: str) -> str:
    """SHA-256 in hex. No salt or stretching: a token has 256 random bits, nothing can be guessed from it."""
    return hashlib.sha256(token.encode()).hexdigest()
