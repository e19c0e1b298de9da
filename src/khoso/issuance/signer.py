"""What issuance asks of the place where private keys live."""

from collections.abc import Sequence
from typing import Protocol


class Signer(Protocol):
    """One private key that can be used and not read."""

    @property
    def place(self) -> str:
        """Where it lies. Keys of one place are used, slow and away together; those of another have no part in it."""
        ...

    @property
    def max_waiting(self) -> int:
        """How many papers may wait for that place."""
        ...

    async def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """A raw 64-byte ES256 signature for each message, in order: all of them, or Unavailable or KeyStoreError."""
        ...
