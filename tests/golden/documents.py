"""Documents that verifiers download, good ones and such as must not be believed."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any, NamedTuple

import cbor2

from golden import city
from golden.city import ACTIVE, DAY, ISSUER, NOW, ORIGIN, SigningKey, b64, dumps, jwk
from golden.fault import DRAFT_LST
from khoso.formats import status_token, trust_list, type_list
from khoso.formats.cose import Profile
from khoso.formats.status_token import StatusToken
from khoso.formats.trust import KeyState, Publisher, Trust, TrustedAgency, TrustedKey
from khoso.formats.type_list import TypeList

ROOT = SigningKey("root", "", "active", 0)
PUBLISHER = SigningKey("publisher", "", "active", NOW - 100 * DAY)
FORMER_PUBLISHER = SigningKey("former publisher", "", "retired", NOW - 400 * DAY, NOW - 90 * DAY)
OTHER_ORIGIN = "https://kho.example.org"


class Document(NamedTuple):
    """One signed thing on its way to a verifier."""

    kind: str
    """trust, types, status or honest_set."""
    data: bytes


class DocumentFault(NamedTuple):
    """What a verifier holds, what it is given, and why it refuses it, if it does."""

    name: str
    description: str
    held: tuple[Document, ...]
    given: Document
    refused: str | None


def to_json(fault: DocumentFault) -> dict[str, Any]:
    """The vector, as every verifier reads it."""
    return {
        "description": fault.description,
        "origin": ORIGIN,
        "roots": [jwk(ROOT.public)],
        "held": [_named(document) for document in fault.held],
        "given": _named(fault.given),
        "expect": {"refused": fault.refused},
    }


def _named(document: Document) -> dict[str, str]:
    return {"kind": document.kind, "data": b64(document.data)}


def sealed(profile: Profile, payload: bytes, key: SigningKey) -> bytes:
    """The document over any payload, always the same."""
    return profile.assemble(key.kid, payload, key.sign(profile.to_be_signed(key.kid, payload)))


_KEY = TrustedKey(ACTIVE.kid, ACTIVE.public, ISSUER, KeyState.ACTIVE, NOW - 400 * DAY)
_ROBBED = TrustedKey(
    city.ROBBED.kid,
    city.ROBBED.public,
    ISSUER,
    KeyState.COMPROMISED,
    NOW - 400 * DAY,
    compromised_at=NOW - DAY,
    honest_digest=sha256(city.HONEST_SET).digest(),
)
_DAMAGED = TrustedKey(
    city.COMPROMISED.kid,
    city.COMPROMISED.public,
    ISSUER,
    KeyState.COMPROMISED,
    NOW - 400 * DAY,
    compromised_at=NOW - DAY,
    honest_digest=sha256(b"damaged").digest(),
)
TRUST = Trust(
    issued_at=NOW - 3_600,
    expires_at=NOW + 30 * DAY,
    keys={key.kid: key for key in (_KEY, _ROBBED, _DAMAGED)},
    agencies={
        ISSUER: TrustedAgency(ISSUER, "Sở Xây dựng (TEST)", "Construction Dept (TEST)", frozenset({city.TYPE})),
        "H17.05": TrustedAgency("H17.05", "Quận cũ (TEST)", "Former district (TEST)", successors=(ISSUER,)),
    },
    publishers={
        PUBLISHER.kid: Publisher(PUBLISHER.kid, PUBLISHER.public, NOW - 100 * DAY),
        FORMER_PUBLISHER.kid: Publisher(FORMER_PUBLISHER.kid, FORMER_PUBLISHER.public, NOW - 400 * DAY, NOW - 90 * DAY),
    },
    version=7,
    development=True,
)
# Level 0 leaves nothing to the taste of a compressor: the same bytes from every implementation.
TOKEN = StatusToken(
    origin=ORIGIN,
    list_id=city.LIST,
    version=41,
    issued_at=NOW - 60,
    expires_at=NOW + DAY,
    ttl=300,
    compressed=zlib.compress(bytes(city.status_list().data), level=0),
)
TYPES = TypeList(ORIGIN, 3, NOW - 60, (city.json_of(city.TRUCK_PERMIT),))


def trust(content: Trust = TRUST, key: SigningKey = ROOT, origin: str = ORIGIN) -> Document:
    """A trust list."""
    return Document("trust", sealed(trust_list.PROFILE, trust_list.encode(content, origin), key))


def status(content: StatusToken = TOKEN, key: SigningKey = PUBLISHER) -> Document:
    """A status list token."""
    return Document("status", sealed(status_token.PROFILE, status_token.encode(content), key))


def types(content: TypeList = TYPES, key: SigningKey = PUBLISHER) -> Document:
    """A type list."""
    return Document("types", sealed(type_list.PROFILE, type_list.encode(content), key))


GOOD_TRUST, GOOD_STATUS, GOOD_TYPES = trust(), status(), types()


def faults() -> Iterator[DocumentFault]:
    """All of them."""
    for name, (description, given, refused) in _TRUST_LISTS.items():
        yield DocumentFault(f"document-trust-{name}", description, (), given, refused)
    for name, (description, given, refused) in _PUBLISHED.items():
        yield DocumentFault(f"document-{name}", description, (GOOD_TRUST,), given, refused)
    for name, (description, held, given, refused) in _LATER.items():
        yield DocumentFault(f"document-{name}", description, (GOOD_TRUST, *held), given, refused)


def _changed_trust(**changes: Any) -> Document:
    return trust(replace(TRUST, **changes))


def _raw_trust(change: dict[int, Any] | None = None, content: dict[int, Any] | None = None) -> Document:
    """A trust list with members that the encoder would not write."""
    top = cbor2.loads(trust_list.encode(TRUST, ORIGIN)) | (change or {})
    top[trust_list.CONTENT] = top[trust_list.CONTENT] | (content or {})
    return Document("trust", sealed(trust_list.PROFILE, dumps(top), ROOT))


def _raw_status(change: dict[int, Any] | None = None, listed: dict[str, Any] | None = None) -> Document:
    claims = cbor2.loads(status_token.encode(TOKEN)) | (change or {})
    claims[status_token.STATUS_LIST] = claims[status_token.STATUS_LIST] | (listed or {})
    return Document("status", sealed(status_token.PROFILE, dumps(claims), PUBLISHER))


def _key_with(changes: dict[int, Any]) -> dict[int, Any]:
    """A key of a trust list, changed."""
    key: dict[int, Any] = cbor2.loads(trust_list.encode(TRUST, ORIGIN))[trust_list.CONTENT][trust_list.KEYS][0]
    return key | changes


def _trust_without(claim: int) -> Document:
    """A trust list that lacks a claim."""
    claims = cbor2.loads(trust_list.encode(TRUST, ORIGIN))
    del claims[claim]
    return Document("trust", sealed(trust_list.PROFILE, dumps(claims), ROOT))


def _status_without(claim: int) -> Document:
    """A token that lacks a claim."""
    claims = cbor2.loads(status_token.encode(TOKEN))
    del claims[claim]
    return Document("status", sealed(status_token.PROFILE, dumps(claims), PUBLISHER))


_TRUST_LISTS = {
    "good": ("A trust list signed by the city's root.", GOOD_TRUST, None),
    "expired": (
        "Taken: that it has expired is for the verdict to say.",
        _changed_trust(expires_at=NOW - 1), None,
    ),
    "by-a-stranger": ("Signed by a key that is no root.", trust(key=city.STRANGER), "signer_unknown"),
    "by-an-agency": ("Signed by a key that the list itself trusts.", trust(key=ACTIVE), "signer_unknown"),
    "by-a-publisher": ("Signed by a publisher of status lists.", trust(key=PUBLISHER), "signer_unknown"),
    "changed": (
        "One letter of an agency's name was changed.",
        Document("trust", GOOD_TRUST.data.replace(b"H17.05", b"H17.06")), "signature",
    ),
    "of-another-city": ("Signed by the root, for another origin.", trust(origin=OTHER_ORIGIN), "origin"),
    "typed-as-status-list": (
        "A trust list in the frame of a status list token.",
        Document("trust", sealed(status_token.PROFILE, trust_list.encode(TRUST, ORIGIN), ROOT)), "cose_frame",
    ),
    "typed-as-credential": (
        "A trust list in the frame of a credential, without a type.",
        Document("trust", sealed(Profile(), trust_list.encode(TRUST, ORIGIN), ROOT)), "cose_frame",
    ),
    "payload-head-long": (
        "The payload's length in five bytes.",
        Document("trust", GOOD_TRUST.data.replace(b"\xa0\x59", b"\xa0\x5a\0\0", 1)), "cose_payload",
    ),
    "empty": ("No bytes at all.", Document("trust", b""), "cose_frame"),
    "origin-missing": ("No origin.", _trust_without(1), "trust_list"),
    "member-unknown": ("A claim that the format does not have.", _raw_trust({7: 1}), "trust_list"),
    "content-member-unknown": ("A member that the format does not have.", _raw_trust(content={9: 1}), "trust_list"),
    "version-text": ("The version as a text.", _raw_trust(content={1: "7"}), "trust_list"),
    "version-bool": ("A truth value for the version.", _raw_trust(content={1: True}), "trust_list"),
    "development-written": ("What says nothing is not written.", _raw_trust(content={5: False}), "trust_list"),
    "state-unknown": ("A state that no key has.", _raw_trust(content={3: [_key_with({3: 4})]}), "trust_list"),
    "state-negative": ("A state counted from the end.", _raw_trust(content={3: [_key_with({3: -1})]}), "trust_list"),
    "key-of-another-curve": (
        "A key on P-384.",
        _raw_trust(content={3: [_key_with({1: city.P384_DER})]}), "trust_list",
    ),
    "key-no-key": ("Bytes that are no key.", _raw_trust(content={3: [_key_with({1: b"\x30\x00"})]}), "trust_list"),
    "agencies-map": ("A map for the agencies.", _raw_trust(content={2: {}}), "trust_list"),
    "types-number": (
        "A number among the types that an agency may issue.",
        _raw_trust(content={2: [{1: ISSUER, 2: "a", 3: "b", 4: [1]}]}), "trust_list",
    ),
    "payload-text": (
        "A text for a payload.",
        Document("trust", sealed(trust_list.PROFILE, dumps("trust"), ROOT)), "trust_list",
    ),
    "payload-float": (
        "A float among the claims.",
        Document("trust", sealed(trust_list.PROFILE, dumps({1: 1.5}), ROOT)), "trust_list",
    ),
}  # fmt: skip

_PUBLISHED = {
    "status-good": ("A status list token signed by a publisher.", GOOD_STATUS, None),
    "status-of-the-draft": (
        "The 2-bit list that the standard's draft publishes (appendix C.2), in a token.",
        status(replace(TOKEN, list_id=city.DRAFT_LIST, compressed=city.unb64(DRAFT_LST))), None,
    ),
    "status-expired": ("Taken: that it has expired is for the verdict to say.",
                       status(replace(TOKEN, expires_at=NOW - 1)), None),
    "status-by-a-stranger": ("Signed by a stranger.", status(key=city.STRANGER), "signer_unknown"),
    "status-by-an-agency": ("Signed by a key that issues papers.", status(key=ACTIVE), "signer_unknown"),
    "status-by-the-root": ("Signed by the root, which signs trust lists only.", status(key=ROOT), "signer_unknown"),
    "status-by-a-former-publisher": (
        "Signed by a publisher after its time.", status(key=FORMER_PUBLISHER), "signer_out_of_time",
    ),
    "status-by-a-publisher-too-early": (
        "Dated before the publisher might sign.",
        status(replace(TOKEN, issued_at=NOW - 101 * DAY)), "signer_out_of_time",
    ),
    "status-changed": (
        "One bit of the list was turned.",
        Document("status", GOOD_STATUS.data.replace(b"\x55\x55", b"\x55\x54", 1)), "signature",
    ),
    "status-of-another-city": (
        "The list of another origin.", status(replace(TOKEN, origin=OTHER_ORIGIN)), "origin",
    ),
    "status-list-number-with-zero": (
        "Another address for the same number.", _raw_status({2: f"{ORIGIN}/lists/status/07"}), "origin",
    ),
    "status-list-number-none": ("An address without a number.", _raw_status({2: f"{ORIGIN}/lists/status/"}),
                                "status_token"),
    "status-one-bit": ("A list of one bit for each paper.", _raw_status(listed={"bits": 1}), "status_token"),
    "status-without-end": ("A token without an end.", _status_without(4), "status_token"),
    "status-without-ttl": ("A token without a time to live.", _status_without(65534), "status_token"),
    "status-version-text": ("The version as a text.", _raw_status({-65540: "41"}), "status_token"),
    "status-claim-unknown": ("A claim that the profile does not have.", _raw_status({7: b"x"}), "status_token"),
    "status-bomb": (
        "Bytes that inflate to more than any list holds.",
        status(replace(TOKEN, compressed=city.BOMB)), "status_list_size",
    ),
    "status-truncated": (
        "A list whose end is missing.",
        status(replace(TOKEN, compressed=TOKEN.compressed[:-1])), "status_list_size",
    ),
    "status-not-zlib": ("A list that is not compressed.", status(replace(TOKEN, compressed=b"U" * 16)),
                        "status_list_zlib"),
    "status-typed-as-types": (
        "A status list token in the frame of a type list.",
        Document("status", sealed(type_list.PROFILE, status_token.encode(TOKEN), PUBLISHER)), "cose_frame",
    ),
    "types-good": ("A type list signed by a publisher.", GOOD_TYPES, None),
    "types-later-member": (
        "A definition with a member that a later release has added: passed over.",
        types(replace(TYPES, definitions=(city.json_of(city.TRUCK_PERMIT | {"later": 1}),))), None,
    ),
    "types-by-an-agency": ("Signed by a key that issues papers.", types(key=ACTIVE), "signer_unknown"),
    "types-by-the-root": ("Signed by the root, which signs trust lists only.", types(key=ROOT), "signer_unknown"),
    "types-by-a-former-publisher": (
        "Signed by a publisher after its time.", types(key=FORMER_PUBLISHER), "signer_out_of_time",
    ),
    "types-of-another-city": (
        "The types of another origin.", types(replace(TYPES, origin=OTHER_ORIGIN)), "origin",
    ),
    "types-version-bool": ("A truth value for the version.", types(replace(TYPES, version=True)), "type_list"),
    "types-member-unknown": (
        "A claim that the format does not have.",
        Document("types", sealed(type_list.PROFILE, dumps(cbor2.loads(type_list.encode(TYPES)) | {7: 1}), PUBLISHER)),
        "type_list",
    ),
    "types-payload-list": (
        "A list for a payload.",
        Document("types", sealed(type_list.PROFILE, dumps([1]), PUBLISHER)), "type_list",
    ),
    "types-not-json": (
        "A definition that is no JSON.", types(replace(TYPES, definitions=(b"{",))), "type_definition",
    ),
    "types-definition-incomplete": (
        "A definition without fields.", types(replace(TYPES, definitions=(b'{"code": "KQ.H17.000003"}',))),
        "type_definition",
    ),
    "honest-set-good": ("The honest set that the trust list names.", Document("honest_set", city.HONEST_SET), None),
    "honest-set-damaged": (
        "The trust list names what is no honest set.",
        Document("honest_set", b"damaged"), "cbor_not_canonical",
    ),
    "honest-set-unnamed": (
        "Some other set: passed over, whatever it holds.", Document("honest_set", b"anything"), None,
    ),
}  # fmt: skip

_LATER = {
    "trust-again": ("The same trust list once more.", (), GOOD_TRUST, None),
    "trust-newer": ("A newer trust list.", (), _changed_trust(version=8), None),
    "trust-rolled-back": ("An older trust list, in which a key was still good.", (), _changed_trust(version=6),
                          "rolled_back"),
    "status-again": ("The same token once more.", (GOOD_STATUS,), GOOD_STATUS, None),
    "status-newer": ("A newer token.", (GOOD_STATUS,), status(replace(TOKEN, version=42)), None),
    "status-signed-anew": (
        "The same list, signed later.", (GOOD_STATUS,), status(replace(TOKEN, issued_at=NOW)), None,
    ),
    "status-rolled-back": (
        "An older version of the list, though signed later: a withdrawal would be undone.",
        (GOOD_STATUS,), status(replace(TOKEN, version=40, issued_at=NOW)), "rolled_back",
    ),
    "status-older-signature": (
        "The same version, signed before.", (GOOD_STATUS,), status(replace(TOKEN, issued_at=NOW - 61)), "rolled_back",
    ),
    "types-rolled-back": ("An older type list.", (GOOD_TYPES,), types(replace(TYPES, version=2)), "rolled_back"),
    "status-publisher-removed": (
        "A token of a publisher that a newer trust list no longer names.",
        (_changed_trust(version=8, publishers={}),), GOOD_STATUS, "signer_unknown",
    ),
}  # fmt: skip
