"""Whom a verifier believes: agencies, their keys, and which result types each may issue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import ec


class KeyState(StrEnum):
    """Life of a signing key. A retired key signs no more; what it signed while active stays good."""

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


@dataclass(frozen=True, slots=True)
class TrustedAgency:
    """One agency. A dissolved one keeps the name that its papers carry."""

    code: str
    name_vi: str
    name_en: str
    may_issue: frozenset[str] = frozenset()
    """Codes of the result types it may issue, or once could."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier believes at one moment."""

    issued_at: int
    expires_at: int
    keys: Mapping[bytes, TrustedKey] = field(default_factory=dict)
    agencies: Mapping[str, TrustedAgency] = field(default_factory=dict)
