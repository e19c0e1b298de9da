"""Whom a verifier believes: agencies, their keys, and which result types each may issue.

How this travels is in `trust_list`; how it is used, in `verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import ec

from .honest_set import HonestSet


class KeyState(StrEnum):
    """Life of a signing key. A retired key signs no more; what it signed while active stays good.

    Of a compromised key only the honest set is good, if the trust list names one.
    """

    PRE_ACTIVE = "pre_active"
    ACTIVE = "active"
    RETIRED = "retired"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """One key of one agency; times are seconds since 1970 UTC."""

    kid: bytes
    public_key: ec.EllipticCurvePublicKey
    agency_code: str
    state: KeyState
    valid_from: int
    valid_until: int | None = None
    compromised_at: int | None = None
    """When the key is thought to have been stolen. For people: whoever has the key can write any date."""
    honest_digest: bytes | None = None
    """SHA-256 of the honest set's bytes."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """A key that signs status lists and result types, from `valid_from` until before `valid_until`."""

    kid: bytes
    public_key: ec.EllipticCurvePublicKey
    valid_from: int
    valid_until: int | None = None

    def may_sign_at(self, instant: int) -> bool:
        """Whether what it signs at that time is to be believed."""
        return self.valid_from <= instant and (self.valid_until is None or instant < self.valid_until)


@dataclass(frozen=True, slots=True)
class TrustedAgency:
    """One agency. A dissolved one keeps the name that its papers carry."""

    code: str
    name_vi: str
    name_en: str
    may_issue: frozenset[str] = frozenset()
    """Codes of the result types it may issue, or once could."""
    successors: tuple[str, ...] = ()
    """Codes of the agencies that answer for it now, if it is no more."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier believes at one moment."""

    issued_at: int
    expires_at: int
    keys: Mapping[bytes, TrustedKey] = field(default_factory=dict)
    agencies: Mapping[str, TrustedAgency] = field(default_factory=dict)
    publishers: Mapping[bytes, Publisher] = field(default_factory=dict)
    honest_sets: Mapping[bytes, HonestSet] = field(default_factory=dict)
    """The sets that are at hand, by the SHA-256 of their bytes."""
    version: int = 0
    """Rises with every list that is signed."""
    development: bool = False
    """Whether the root that signed it was made for demonstrations and tests, and proves nothing."""
