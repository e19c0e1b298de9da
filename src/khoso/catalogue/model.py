"""Agencies, their rights and keys, and the snapshot of all of it that a worker decides by."""

from collections.abc import Mapping
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


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key; `public_key` is its DER SubjectPublicKeyInfo (RFC 5280, 4.1), always P-256."""

    kid: bytes
    agency_code: str
    public_key: bytes
    state: KeyState
    valid_from: datetime
    valid_until: datetime | None = None
    compromised_at: datetime | None = None


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """A whole catalogue without keys, as a city hands it over."""

    agencies: list[Agency]
    successors: list[Successor]
    rights: list[Right]
    types: list[ResultType]


class CatalogueSnapshot(NamedTuple):
    """The catalogue at one version. Nothing in it changes; a newer version is another snapshot."""

    version: int
    loaded_at: datetime
    """When the database was last seen to have nothing newer."""
    agencies: Mapping[str, Agency]
    successors: Mapping[str, tuple[str, ...]]
    """Codes of the agencies that answer now for one that is no more."""
    rights: Mapping[tuple[str, str], Right]
    """By agency code and type code; past rights stay, for what was issued under them."""
    types: TypeCatalogue
    latest: Mapping[str, ResultType]
    """The newest version of each type."""
    trust: Trust
    active_keys: Mapping[str, bytes]
    """The kid each agency signs with now."""

    def may_issue(self, agency_code: str, type_code: str, at: datetime) -> bool:
        """Whether the agency had the right to issue the type at that time."""
        right = self.rights.get((agency_code, type_code))
        return right is not None and right.holds_at(at)

    def signing_key(self, agency_code: str, at: datetime) -> bytes | None:
        """The kid of the key that the agency signs with, if what it signs at that time is good."""
        kid = self.active_keys.get(agency_code)
        if kid is None:
            return None
        key, seconds = self.trust.keys[kid], int(at.timestamp())
        good = key.valid_from <= seconds and (key.valid_until is None or seconds < key.valid_until)
        return kid if good else None
