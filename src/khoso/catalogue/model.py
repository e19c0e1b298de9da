"""Agencies, their rights and keys, and the snapshot of all of it that a worker decides by."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

import msgspec

from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust
from khoso.formats.verdict import TypeCatalogue

Level = Literal["city", "department", "ward", "commune", "special_zone", "district"]


class Agency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agency. A body that is no more keeps its row: the papers it issued carry its name."""

    agency_code: str
    name_vi: str
    name_en: str
    level: Level
    parent_code: str | None = None
    valid_from: date
    valid_until: date | None = None
    """The first day on which it is no more."""


class Successor(msgspec.Struct, frozen=True, kw_only=True):
    """`successor_code` answers for what `agency_code` issued; a split area has several, a joined one shares one."""

    agency_code: str
    successor_code: str
    since: date


class Right(msgspec.Struct, frozen=True, kw_only=True):
    """An agency may issue results of a type from `valid_from` until before `valid_until`."""

    agency_code: str
    type_code: str
    valid_from: datetime
    valid_until: datetime | None = None

    def holds_at(self, instant: datetime) -> bool:
        """Whether the agency may issue at that time."""
        return self.valid_from <= instant and (self.valid_until is None or instant < self.valid_until)


class InspectorField(msgspec.Struct, frozen=True, kw_only=True):
    """Inspectors of an authority, and of all below it, see this field of the record beyond what the code holds."""

    agency_code: str
    type_code: str
    field_name: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key; `public_key` is its DER SubjectPublicKeyInfo (RFC 5280, 4.1), always P-256."""

    kid: bytes
    agency_code: str
    public_key: bytes
    state: KeyState
    valid_from: datetime
    valid_until: datetime | None = None
    compromised_at: datetime | None = None


class PublisherKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key that signs what verifiers download."""

    kid: bytes
    public_key: bytes
    valid_from: datetime
    valid_until: datetime | None = None
    compromised_at: datetime | None = None
    """Of a stolen one: no trust list names it any more."""


class Believed(NamedTuple):
    """The trust list that a root has signed and that is believed, and the honest sets that it names."""

    trust: Trust
    """As it was signed: until when it holds, its end says."""
    signed: bytes
    honest_sets: Mapping[bytes, bytes]
    """By the SHA-256 of their bytes; as far as they are at hand."""


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """A whole catalogue without keys, as a city hands it over."""

    agencies: list[Agency]
    successors: list[Successor]
    rights: list[Right]
    types: list[ResultType]


class CatalogueSnapshot(NamedTuple):
    """The catalogue at one version. Nothing in it changes; a newer version is another snapshot.

    Whom to believe stands in the trust list alone; the rows beside it can only forbid.
    """

    version: int
    loaded_at: datetime
    """When the database was last seen to have nothing newer."""
    agencies: Mapping[str, Agency]
    successors: Mapping[str, tuple[str, ...]]
    """Codes of the agencies that answer now for one that is no more."""
    successions: Sequence[Successor]
    """The same with the day since which each answers."""
    rights: Mapping[tuple[str, str], Right]
    """By agency code and type code; past rights stay, for what was issued under them."""
    inspector_fields: Mapping[str, Mapping[str, frozenset[str]]]
    """What inspectors see of the record beyond the code: by type code and authority, names of fields."""
    types: TypeCatalogue
    latest: Mapping[str, ResultType]
    """The newest version of each type."""
    believed: Believed
    trust: Trust
    """What is believed, for as long as this process may believe it without news."""
    active_keys: Mapping[str, bytes]
    """The kid each agency signs with now: active here and in the trust list."""

    @property
    def signed_trust(self) -> bytes:
        """The trust list as its root signed it, to be published; empty where there is none to believe."""
        return self.believed.signed

    @property
    def honest_sets(self) -> Mapping[bytes, bytes]:
        """The honest sets that the trust list names, by the SHA-256 of their bytes, to be published."""
        return self.believed.honest_sets

    def may_issue(self, agency_code: str, type_code: str, at: datetime) -> bool:
        """Whether the agency had the right to issue the type at that time, and the trust list says so too."""
        right, trusted = self.rights.get((agency_code, type_code)), self.trust.agencies.get(agency_code)
        return right is not None and right.holds_at(at) and trusted is not None and type_code in trusted.may_issue

    def signing_key(self, agency_code: str, at: datetime) -> bytes | None:
        """The kid of the key that the agency signs with, if what it signs at that time is good."""
        kid, seconds = self.active_keys.get(agency_code), int(at.timestamp())
        if kid is None or seconds >= self.believed.trust.expires_at:
            return None
        key = self.trust.keys[kid]
        good = key.valid_from <= seconds and (key.valid_until is None or seconds < key.valid_until)
        return kid if good else None
