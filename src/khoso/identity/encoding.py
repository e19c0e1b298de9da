"""How bytes and digests are written in tokens, keys and proofs."""

import base64
import hashlib


def base64url(data: bytes) -> str:
    """Base 64 without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(text: str) -> str:
    """SHA-256 of a text, so written."""
    return base64url(hashlib.sha256(text.encode()).digest())
