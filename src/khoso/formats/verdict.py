"""What a code is worth: the one decision of a verifier, in numbered steps.

`verify` answers with a `Verdict`, never with a bare boolean and never with an exception: whatever the input, one
outcome, the step that decided, and a stable reason. "Cannot tell" is neither fake nor genuine.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from . import claims as claims_format
from . import cose, link
from .claims import Claims, StatusRef
from .field_values import fits
from .honest_set import HonestSet
from .malformed import Malformed
from .result_type import ResultType
from .status_list import Status
from .trust import KeyState, Trust, TrustedKey

MAX_CLOCK_SKEW = 300
"""Seconds by which the clock of an issuer or of a list's publisher may be ahead of the verifier's."""

_DAY = 86_400
_NO_PAPERS = HonestSet({})


class Outcome(StrEnum):
    """What the inspector is told. `docs/credential.md` has the colours and the words."""

    IN_FORCE = "in_force"
    EXPIRES_SOON = "expires_soon"
    IN_FORCE_OFFLINE = "in_force_offline"
    NOT_YET_IN_FORCE = "not_yet_in_force"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    NOT_ISSUED = "not_issued"
    NOT_GENUINE = "not_genuine"
    MALFORMED = "malformed"
    NOT_AN_OFFICIAL_CODE = "not_an_official_code"
    CANNOT_TELL = "cannot_tell"


class GenuinePaper(NamedTuple):
    """What a code says, once an authorised agency's signature over exactly it was found good."""

    claims: Claims
    signed_hash: bytes
    """SHA-256 of the bytes that were signed: what a record of the paper is compared by."""


class Verdict(NamedTuple):
    """The answer to one scan."""

    outcome: Outcome
    step: int
    """Number of the step in `verify` that decided."""
    reason: str
    """Stable code of the reason within the outcome."""
    paper: GenuinePaper | None = None
    status_as_of: int | None = None
    """When the status used was known to be right; seconds since 1970 UTC."""
    trust_as_of: int | None = None
    status: Status | None = None
    """The status found in step 8."""


class StatusAnswer(NamedTuple):
    """What a status source knows about one index, and since when it may have changed without its knowing."""

    value: Status
    as_of: int
    expires_at: int | None = None
    """When its publisher no longer stands by it; None for a source that has no such end."""


class StatusSource(Protocol):
    """Where a verifier looks up the status: a server's snapshot, or downloaded lists."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status at a list and index; None if there is no such list here."""


class Freshness(NamedTuple):
    """How old, in seconds, a status may be for a green answer, and for an amber one; older is "cannot tell"."""

    green: int = 30
    amber: int = _DAY


ONLINE = Freshness()
"""A server that follows its database: the status is at most half a minute old."""

OFFLINE = Freshness(green=14_400)
"""A verifier with downloaded lists: green for four hours."""

TypeCatalogue = Mapping[tuple[str, int], ResultType]
"""Result types by code and version."""


def verify(
    text: str,
    origin: str,
    trust: Trust,
    types: TypeCatalogue,
    statuses: StatusSource,
    now: int,
    freshness: Freshness = ONLINE,
) -> Verdict:
    """Judge the text of a scanned code at the time `now` (seconds since 1970 UTC).

    `origin` is the one origin whose codes are official. Steps 1 to 3 read the code, 4 to 7 prove who made it and that
    he might, 8 to 11 say whether it is in force now. Nothing in the code is believed before step 5.
    """
    # 1. Is it one of this city's codes at all? Its link is never opened, only compared.
    try:
        signed = link.parse(text, origin)
    except link.NotAnOfficialCode:
        return Verdict(Outcome.NOT_AN_OFFICIAL_CODE, 1, "other_origin")
    except Malformed as malformed:
        return Verdict(Outcome.MALFORMED, 1, malformed.reason)

    # 2. Has it the one frame that a credential has?
    try:
        unverified = cose.parse(signed)
    except Malformed as malformed:
        return Verdict(Outcome.MALFORMED, 2, malformed.reason)

    # 3. Is the trust list still to be believed? With an old one, a new key would look like a stranger's.
    if now >= trust.expires_at:
        return Verdict(Outcome.CANNOT_TELL, 3, "trust_list_expired", trust_as_of=trust.issued_at)
    if now < trust.issued_at - MAX_CLOCK_SKEW:
        return Verdict(Outcome.CANNOT_TELL, 3, "clock_behind", trust_as_of=trust.issued_at)

    # 4. Is the key one of this city's?
    key = trust.keys.get(unverified.unverified_kid)
    if key is None:
        return Verdict(Outcome.NOT_GENUINE, 4, "unknown_key", trust_as_of=trust.issued_at)

    # 5. Did that key sign exactly these bytes?
    if not cose.is_signed_by(key.public_key, unverified.signed_hash, unverified.signature):
        return Verdict(Outcome.NOT_GENUINE, 5, "signature", trust_as_of=trust.issued_at)
    try:
        claims = claims_format.decode(unverified.unverified_payload)
    except Malformed as malformed:
        return Verdict(Outcome.MALFORMED, 5, malformed.reason)

    # 6. Was that key allowed to say it: this agency, this type, at that time? And was it still in honest hands?
    refusal = _authority_refusal(claims, key, trust, now)
    if refusal is not None:
        return Verdict(Outcome.NOT_GENUINE, 6, refusal, trust_as_of=trust.issued_at)
    paper = GenuinePaper(claims, unverified.signed_hash)
    if key.state is KeyState.COMPROMISED:
        honest = _find_honest_set(key, trust)
        if honest is None:
            return Verdict(Outcome.CANNOT_TELL, 6, "honest_set_missing", trust_as_of=trust.issued_at)
        if not honest.holds(claims.status, paper.signed_hash):
            return Verdict(Outcome.NOT_GENUINE, 6, "key_compromised", trust_as_of=trust.issued_at)

    # 7. Do we know what the fields mean? A type younger than our catalogue is no forgery.
    result_type = find_type(claims, types)
    if result_type is None:
        return Verdict(Outcome.CANNOT_TELL, 7, "unknown_type", paper, trust_as_of=trust.issued_at)

    # 8. Was it recorded, and does it stand? A signature that was never recorded is worth nothing.
    answer = statuses.find_status(claims.status)
    if answer is None:
        return Verdict(Outcome.CANNOT_TELL, 8, "unknown_status_list", paper, trust_as_of=trust.issued_at)
    if answer.value is not Status.VALID:
        outcome, reason = _WITHDRAWN[answer.value]
        return Verdict(outcome, 8, reason, paper, answer.as_of, trust.issued_at, answer.value)

    # 9. Is it within its time? A clock set back would say so, and would keep an old status fresh for ever.
    if now < answer.as_of - MAX_CLOCK_SKEW:
        return Verdict(Outcome.CANNOT_TELL, 9, "clock_behind", paper, answer.as_of, trust.issued_at, answer.value)
    if now < (claims.valid_from or claims.issued_at) - MAX_CLOCK_SKEW:
        return Verdict(Outcome.NOT_YET_IN_FORCE, 9, "valid_from", paper, answer.as_of, trust.issued_at, answer.value)
    if claims.expires_at is not None and now >= claims.expires_at:
        return Verdict(Outcome.EXPIRED, 9, "expires_at", paper, answer.as_of, trust.issued_at, answer.value)

    # 10. How old is what we know of its status? Green only if a withdrawal would have reached us.
    if answer.expires_at is not None and now >= answer.expires_at:
        return Verdict(
            Outcome.CANNOT_TELL, 10, "status_list_expired", paper, answer.as_of, trust.issued_at, answer.value
        )
    age = now - answer.as_of
    if age > freshness.amber:
        return Verdict(Outcome.CANNOT_TELL, 10, "status_too_old", paper, answer.as_of, trust.issued_at, answer.value)
    if age > freshness.green:
        return Verdict(
            Outcome.IN_FORCE_OFFLINE, 10, "status_not_fresh", paper, answer.as_of, trust.issued_at, answer.value
        )

    # 11. Genuine and in force.
    ends = claims.expires_at
    if ends is not None and ends - now <= result_type.expires_soon_days * _DAY:
        return Verdict(Outcome.EXPIRES_SOON, 11, "expires_at", paper, answer.as_of, trust.issued_at, answer.value)
    return Verdict(Outcome.IN_FORCE, 11, "all_checks_passed", paper, answer.as_of, trust.issued_at, answer.value)


_WITHDRAWN = {
    # The list cannot tell these two apart; a server's record can, and refines the outcome.
    Status.INVALID: (Outcome.NOT_ISSUED, "revoked_or_never_issued"),
    Status.SUSPENDED: (Outcome.SUSPENDED, "status"),
    Status.SUPERSEDED: (Outcome.SUPERSEDED, "status"),
}


def find_type(claims: Claims, types: TypeCatalogue) -> ResultType | None:
    """The type by which every field of a paper can be read; None for an unknown one, or if a field does not fit it."""
    result_type = types.get((claims.type_code, claims.type_version))
    return result_type if result_type is not None and _fits(claims, result_type) else None


def _fits(claims: Claims, result_type: ResultType) -> bool:
    fields = result_type.by_number
    for number, value in claims.fields.items():
        field = fields.get(number)
        if field is None or not fits(field, value):
            return False
    return True


def _authority_refusal(claims: Claims, key: TrustedKey, trust: Trust, now: int) -> str | None:
    """Why this key was not allowed to sign these claims; None if it was."""
    agency = trust.agencies.get(claims.issuer)
    if agency is None or key.agency_code != claims.issuer:
        return "key_of_another_agency"
    if claims.type_code not in agency.may_issue:
        return "type_not_authorised"
    if claims.specimen:
        return "specimen"
    if claims.issued_at > now + MAX_CLOCK_SKEW:
        return "issued_in_the_future"
    return _key_refusal(claims.issued_at, key)


def _key_refusal(issued_at: int, key: TrustedKey) -> str | None:
    if key.state is KeyState.PRE_ACTIVE or issued_at < key.valid_from:
        return "key_not_yet_active"
    if key.valid_until is not None and issued_at >= key.valid_until:
        return "key_expired"
    return None


def _find_honest_set(key: TrustedKey, trust: Trust) -> HonestSet | None:
    """The papers that a compromised key honestly signed; None if the trust list names a set that is not at hand."""
    return _NO_PAPERS if key.honest_digest is None else trust.honest_sets.get(key.honest_digest)
