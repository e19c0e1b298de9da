"""Trust lists before they are signed, as JSON that a person reads to the last key."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from khoso.catalogue.trusting import to_seconds
from khoso.errors import InputProblem, InvalidInput
from khoso.formats import cose
from khoso.formats.trust import KeyState, Publisher, Trust, TrustedAgency, TrustedKey
from khoso.formats.trust_list import public_der, read_public_key

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class DraftAgency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An agency as people read it."""

    code: str
    name_vi: str
    name_en: str
    may_issue: list[str] = []
    successors: list[str] = []


class DraftKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A key of an agency as people read it; `kid` and `honest_set` in hexadecimal, the key as DER in base64."""

    kid: str
    agency: str
    state: KeyState
    valid_from: Instant
    valid_until: Instant | None = None
    compromised_at: Instant | None = None
    honest_set: str | None = None
    public_key: bytes


class DraftPublisher(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A publisher key as people read it."""

    kid: str
    valid_from: Instant
    valid_until: Instant | None = None
    public_key: bytes


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trust list before it is signed. `present` is the list that stands now, signed; empty if there is none."""

    origin: str
    version: int
    agencies: list[DraftAgency]
    keys: list[DraftKey]
    publishers: list[DraftPublisher]
    present: bytes


def write_draft(trust: Trust, origin: str, version: int, present: bytes) -> Draft:
    """The draft of a list that says this."""
    return Draft(
        origin=origin,
        version=version,
        agencies=[_write_agency(trust.agencies[code]) for code in sorted(trust.agencies)],
        keys=[write_key(key) for key in sorted(trust.keys.values(), key=lambda key: (key.agency_code, key.kid))],
        publishers=[write_publisher(trust.publishers[kid]) for kid in sorted(trust.publishers)],
        present=present,
    )


def read_draft(draft: Draft, issued_at: datetime, expires_at: datetime) -> Trust:
    """The list to sign. Raises InvalidInput for a key that cannot be read, or is not the one it is called."""
    try:
        keys, publishers = [_read_key(key) for key in draft.keys], [_read_publisher(one) for one in draft.publishers]
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput(
            InputProblem(
                "keys", "public_key", "không đọc được một khoá của dự thảo | a key of the draft cannot be read"
            )
        ) from None
    _check_kids(draft)
    return Trust(
        issued_at=to_seconds(issued_at),
        expires_at=to_seconds(expires_at),
        keys={key.kid: key for key in keys},
        agencies={agency.code: _read_agency(agency) for agency in draft.agencies},
        publishers={one.kid: one for one in publishers},
        version=draft.version,
    )


def _write_agency(agency: TrustedAgency) -> DraftAgency:
    return DraftAgency(
        code=agency.code,
        name_vi=agency.name_vi,
        name_en=agency.name_en,
        may_issue=sorted(agency.may_issue),
        successors=list(agency.successors),
    )


def write_key(key: TrustedKey) -> DraftKey:
    """A key as people read it."""
    return DraftKey(
        kid=key.kid.hex(),
        agency=key.agency_code,
        state=key.state,
        valid_from=_instant(key.valid_from),
        valid_until=None if key.valid_until is None else _instant(key.valid_until),
        compromised_at=None if key.compromised_at is None else _instant(key.compromised_at),
        honest_set=None if key.honest_digest is None else key.honest_digest.hex(),
        public_key=public_der(key.public_key),
    )


def write_publisher(publisher: Publisher) -> DraftPublisher:
    """A publisher key as people read it."""
    return DraftPublisher(
        kid=publisher.kid.hex(),
        valid_from=_instant(publisher.valid_from),
        valid_until=None if publisher.valid_until is None else _instant(publisher.valid_until),
        public_key=public_der(publisher.public_key),
    )


def _read_agency(agency: DraftAgency) -> TrustedAgency:
    return TrustedAgency(
        agency.code, agency.name_vi, agency.name_en, frozenset(agency.may_issue), tuple(agency.successors)
    )


def _read_key(key: DraftKey) -> TrustedKey:
    public_key = read_public_key(key.public_key)
    return TrustedKey(
        kid=cose.key_id(public_key),
        public_key=public_key,
        agency_code=key.agency,
        state=key.state,
        valid_from=to_seconds(key.valid_from),
        valid_until=None if key.valid_until is None else to_seconds(key.valid_until),
        compromised_at=None if key.compromised_at is None else to_seconds(key.compromised_at),
        honest_digest=None if key.honest_set is None else bytes.fromhex(key.honest_set),
    )


def _read_publisher(one: DraftPublisher) -> Publisher:
    public_key = read_public_key(one.public_key)
    end = None if one.valid_until is None else to_seconds(one.valid_until)
    return Publisher(cose.key_id(public_key), public_key, to_seconds(one.valid_from), end)


def _check_kids(draft: Draft) -> None:
    """What a person reads is what is signed: the kid is that of the key beside it."""
    named = [(one.kid, one.public_key) for one in draft.keys] + [(one.kid, one.public_key) for one in draft.publishers]
    wrong = [kid for kid, public_key in named if kid != _kid(public_key)]
    if wrong:
        raise InvalidInput(
            *(
                InputProblem(kid, "kid", "không phải mã khoá của khoá đi kèm | is not the kid of the key beside it")
                for kid in wrong
            )
        )


def _kid(public_key: bytes) -> str:
    return cose.key_id(read_public_key(public_key)).hex()


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
