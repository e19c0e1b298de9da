"""The trust list: whom a city's verifiers believe, signed by its root key.

    {1: origin, 4: end, 6: time of signing, -65538: {1: version, 2: [agency, …], 3: [key, …], 4: [publisher, …],
     5: true if of a development root}}

    agency     {1: code, 2: name vi, 3: name en, 4: [types it may issue], 5: [successors]}
    key        {1: public key, 2: agency, 3: state, 4: valid from, 5: valid until, 6: compromised at, 7: honest set}
    publisher  {1: public key, 2: may sign from, 3: until}

Deterministic CBOR; times are seconds since 1970 UTC; a public key is its DER SubjectPublicKeyInfo (RFC 5280, 4.1),
P-256; a state is its place in `STATES`; an honest set is named by the SHA-256 of its bytes. What says nothing is not
written.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from . import cbor, cose
from .cose import Profile
from .documents import MAX_PAYLOAD, NotBelieved, PublicKeys, unseal
from .malformed import Malformed
from .trust import KeyState, Publisher, Trust, TrustedAgency, TrustedKey

PROFILE = Profile("application/khoso-trust+cwt", MAX_PAYLOAD)

ISS, EXP, IAT, CONTENT = 1, 4, 6, -65538
VERSION, AGENCIES, KEYS, PUBLISHERS, DEVELOPMENT = 1, 2, 3, 4, 5
CODE, NAME_VI, NAME_EN, MAY_ISSUE, SUCCESSORS = 1, 2, 3, 4, 5
PUBLIC_KEY, AGENCY, STATE, VALID_FROM, VALID_UNTIL, COMPROMISED_AT, HONEST_SET = 1, 2, 3, 4, 5, 6, 7
SIGNS_FROM, SIGNS_UNTIL = 2, 3

Member = TypeVar("Member")

STATES = (KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.RETIRED, KeyState.COMPROMISED)


def encode(trust: Trust, origin: str) -> bytes:
    """The payload to sign, the same for the same trust in whatever order it was put together."""
    content = {
        VERSION: trust.version,
        AGENCIES: [_encode_agency(trust.agencies[code]) for code in sorted(trust.agencies)],
        KEYS: [_encode_key(trust.keys[kid]) for kid in sorted(trust.keys)],
        PUBLISHERS: [_encode_publisher(trust.publishers[kid]) for kid in sorted(trust.publishers)],
        DEVELOPMENT: trust.development or None,
    }
    return cbor.dumps({ISS: origin, EXP: trust.expires_at, IAT: trust.issued_at, CONTENT: _present(content)})


def decode(payload: bytes, origin: str) -> Trust:
    """The trust in a payload. Raises Malformed for another form, NotBelieved for another city's."""
    try:
        top = cbor.loads(payload)
        issuer, trust = _get(top, ISS, str), _read(top)
    except (LookupError, TypeError, ValueError, UnsupportedAlgorithm):
        raise Malformed("trust_list") from None
    if issuer != origin:
        raise NotBelieved("origin")
    if encode(trust, origin) != payload:  # refuses whatever was not read: other members, other orders
        raise Malformed("trust_list")
    return trust


def unseal_trust(signed: bytes, roots: PublicKeys, origin: str, held: Trust | None = None) -> Trust:
    """The trust in a list that one of the roots signed for this city.

    Raises Malformed, or NotBelieved for another signer, another city, or a list older than the one `held`. Whether it
    has expired is for `verdict.verify` to say: an expired list makes a verifier answer "cannot tell".
    """
    trust = decode(unseal(PROFILE, signed, roots).payload, origin)
    if held is not None and trust.version < held.version:
        raise NotBelieved("rolled_back")
    return trust


def read_public_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a DER SubjectPublicKeyInfo (RFC 5280, 4.1). Raises ValueError for any other."""
    public_key = load_der_public_key(der)
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
        raise ValueError("no P-256 key")
    return public_key


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """The key as DER SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _encode_agency(agency: TrustedAgency) -> dict[int, Any]:
    return _present(
        {
            CODE: agency.code,
            NAME_VI: agency.name_vi,
            NAME_EN: agency.name_en,
            MAY_ISSUE: sorted(agency.may_issue) or None,
            SUCCESSORS: list(agency.successors) or None,
        }
    )


def _encode_key(key: TrustedKey) -> dict[int, Any]:
    return _present(
        {
            PUBLIC_KEY: public_der(key.public_key),
            AGENCY: key.agency_code,
            STATE: STATES.index(key.state),
            VALID_FROM: key.valid_from,
            VALID_UNTIL: key.valid_until,
            COMPROMISED_AT: key.compromised_at,
            HONEST_SET: key.honest_digest,
        }
    )


def _encode_publisher(publisher: Publisher) -> dict[int, Any]:
    return _present(
        {
            PUBLIC_KEY: public_der(publisher.public_key),
            SIGNS_FROM: publisher.valid_from,
            SIGNS_UNTIL: publisher.valid_until,
        }
    )


def _present(members: dict[int, Any]) -> dict[int, Any]:
    return {number: value for number, value in members.items() if value is not None}


def _read(top: Any) -> Trust:
    content = _get(top, CONTENT, dict)
    agencies = map(_read_agency, _get(content, AGENCIES, list))
    keys = map(_read_key, _get(content, KEYS, list))
    publishers = map(_read_publisher, _get(content, PUBLISHERS, list))
    return Trust(
        issued_at=_get(top, IAT, int),
        expires_at=_get(top, EXP, int),
        keys={key.kid: key for key in keys},
        agencies={agency.code: agency for agency in agencies},
        publishers={publisher.kid: publisher for publisher in publishers},
        version=_get(content, VERSION, int),
        development=_find(content, DEVELOPMENT, bool) or False,
    )


def _read_agency(raw: Any) -> TrustedAgency:
    return TrustedAgency(
        _get(raw, CODE, str),
        _get(raw, NAME_VI, str),
        _get(raw, NAME_EN, str),
        frozenset(_texts(raw, MAY_ISSUE)),
        tuple(_texts(raw, SUCCESSORS)),
    )


def _read_key(raw: Any) -> TrustedKey:
    public_key = read_public_key(_get(raw, PUBLIC_KEY, bytes))
    return TrustedKey(
        kid=cose.key_id(public_key),
        public_key=public_key,
        agency_code=_get(raw, AGENCY, str),
        state=STATES[_get(raw, STATE, int)],
        valid_from=_get(raw, VALID_FROM, int),
        valid_until=_find(raw, VALID_UNTIL, int),
        compromised_at=_find(raw, COMPROMISED_AT, int),
        honest_digest=_find(raw, HONEST_SET, bytes),
    )


def _read_publisher(raw: Any) -> Publisher:
    public_key = read_public_key(_get(raw, PUBLIC_KEY, bytes))
    return Publisher(cose.key_id(public_key), public_key, _get(raw, SIGNS_FROM, int), _find(raw, SIGNS_UNTIL, int))


def _get(members: Any, number: int, kind: type[Member]) -> Member:
    """The member with that number; KeyError without it, TypeError if it is of another kind."""
    value = members[number]
    if type(value) is not kind:
        raise TypeError(number)
    return value


def _find(members: Any, number: int, kind: type[Member]) -> Member | None:
    return _get(members, number, kind) if number in members else None


def _texts(members: Any, number: int) -> Iterator[str]:
    for text in _find(members, number, list) or []:
        if type(text) is not str:
            raise TypeError(number)
        yield text
