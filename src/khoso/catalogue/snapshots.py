"""Building the snapshot that a worker decides by from the rows of the catalogue."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from khoso.catalogue.model import CatalogueSnapshot, Right, Seed, SigningKey, Successor
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust, TrustedAgency, TrustedKey


def build(
    version: int, loaded_at: datetime, believed_for: timedelta, content: Seed, keys: Iterable[SigningKey]
) -> CatalogueSnapshot:
    """The snapshot of this content. After `believed_for` without `renew` its trust answers "cannot tell"."""
    keys = list(keys)
    agencies = {agency.agency_code: agency for agency in content.agencies}
    may_issue = _types_by_agency(content.rights)
    return CatalogueSnapshot(
        version=version,
        loaded_at=loaded_at,
        agencies=agencies,
        successors=_successors(content.successors),
        rights={(right.agency_code, right.type_code): right for right in content.rights},
        types={(definition.code, definition.version): definition for definition in content.types},
        latest=_latest(content.types),
        trust=Trust(
            issued_at=_seconds(loaded_at),
            expires_at=_seconds(loaded_at + believed_for),
            keys={key.kid: _trusted_key(key) for key in keys},
            agencies={
                code: TrustedAgency(code, agency.name_vi, agency.name_en, frozenset(may_issue[code]))
                for code, agency in agencies.items()
            },
        ),
        active_keys={key.agency_code: key.kid for key in keys if key.state is KeyState.ACTIVE},
    )


def renew(snapshot: CatalogueSnapshot, seen_at: datetime, believed_for: timedelta) -> CatalogueSnapshot:
    """The same snapshot, seen at that time to be the newest."""
    trust = replace(snapshot.trust, issued_at=_seconds(seen_at), expires_at=_seconds(seen_at + believed_for))
    return snapshot._replace(loaded_at=seen_at, trust=trust)


def _types_by_agency(rights: Iterable[Right]) -> defaultdict[str, set[str]]:
    types: defaultdict[str, set[str]] = defaultdict(set)
    for right in rights:
        types[right.agency_code].add(right.type_code)
    return types


def _successors(successors: Iterable[Successor]) -> Mapping[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for successor in successors:
        grouped[successor.agency_code] = (*grouped.get(successor.agency_code, ()), successor.successor_code)
    return grouped


def _latest(types: Iterable[ResultType]) -> Mapping[str, ResultType]:
    return {definition.code: definition for definition in sorted(types, key=lambda each: each.version)}


def read_public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a DER SubjectPublicKeyInfo (RFC 5280, 4.1). Raises ValueError for any other."""
    public_key = load_der_public_key(der)
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
        raise ValueError("no P-256 key")
    return public_key


def _trusted_key(key: SigningKey) -> TrustedKey:
    return TrustedKey(
        kid=key.kid,
        public_key=read_public_key(key.public_key),
        agency_code=key.agency_code,
        state=key.state,
        valid_from=_seconds(key.valid_from),
        valid_until=None if key.valid_until is None else _seconds(key.valid_until),
        compromised_at=None if key.compromised_at is None else _seconds(key.compromised_at),
    )


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
