"""What issuance asks of the place where private keys live."""

from typing import Protocol


class Signer(Protocol):
    """One private key that can be used and not read."""

    def sign(self, message: bytes) -> bytes:
        """The raw 64-byte ES256 signature over `message`."""
        ...
