"""What is published, for how long it stands, and why something may not be published."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from khoso.formats.trust import Trust
from khoso.formats.verdict import TypeCatalogue

TTL = timedelta(minutes=5)
"""After this a verifier should ask again. An unchanged list is signed anew before it is that old."""

LIFETIME = timedelta(hours=24)
"""After this nobody may go by a list any more: as long as a server that is cut off believes what it knows."""

OVERDUE = 2 * TTL
"""A published list that is older is an alarm."""


class CityView(Protocol):
    """What publishing needs of the catalogue, at one moment."""

    @property
    def version(self) -> int:
        """Rises with every change."""
        ...

    @property
    def types(self) -> TypeCatalogue:
        """Result types by code and version."""
        ...

    @property
    def trust(self) -> Trust:
        """Whom verifiers believe; the publishers are in it."""
        ...

    @property
    def signed_trust(self) -> bytes:
        """The trust list, signed by the root; empty if there is none."""
        ...

    @property
    def honest_sets(self) -> Mapping[bytes, bytes]:
        """The honest sets that the trust list names, by their SHA-256."""
        ...


class Signer(Protocol):
    """The publisher's key."""

    kid: bytes

    def sign(self, message: bytes) -> bytes:
        """The raw 64-byte ES256 signature."""
        ...


class Standing(msgspec.Struct, frozen=True):
    """How far the record of a list is, and how far its publication."""

    list_id: int
    version: int | None
    """None: the record has no such list any more."""
    recorded: int | None
    published_version: int | None
    published_recorded: int | None
    issued_at: datetime | None


class Change(NamedTuple):
    """What the record says now of an index: a tuple, for a first publication takes over a hundred thousand."""

    status_index: int
    status: int
    vault_id: UUID
    credential_id: UUID


class StatusHead(msgspec.Struct, frozen=True):
    """Which publication of a list is the newest."""

    list_id: int
    version: int
    issued_at: datetime


class StatusSize(msgspec.Struct, frozen=True):
    """A published list as a person looks at it."""

    list_id: int
    version: int
    issued_at: datetime
    expires_at: datetime
    cwt_bytes: int


class TypeHead(msgspec.Struct, frozen=True):
    """Which publication of the type list is the newest."""

    version: int
    issued_at: datetime


class StatusPublication(msgspec.Struct, frozen=True):
    """A status list as it is published."""

    list_id: int
    version: int
    recorded: int
    issued_at: datetime
    expires_at: datetime
    cwt: bytes
    jwt: str


class TypePublication(msgspec.Struct, frozen=True):
    """The type list as it is published."""

    version: int
    issued_at: datetime
    cwt: bytes


class RecordHeads(msgspec.Struct, frozen=True):
    """How far the record is: the newest versions that stand in it."""

    trust: int
    types: int
    statuses: dict[int, int]
    """By the number of the list."""


class Gap(NamedTuple):
    """A list of which the record is older than what was published."""

    subject: str
    recorded: int | None
    """None: the record has no such list."""
    published: int


class Difference(msgspec.Struct, frozen=True):
    """A recorded paper of which something else was published; the statuses as numbers."""

    result_code: str
    type_code: str
    agency_code: str
    vault_id: UUID
    credential_id: UUID
    recorded: int
    published: int


class Comparison(msgspec.Struct, frozen=True):
    """A published list beside the whole record of it."""

    recorded: int
    covered: int
    """Papers that are recorded and published as valid."""
    differing: int
    """Papers whose status was changed without a new version of the list."""


class Refused(Exception):
    """Something may not be published; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
