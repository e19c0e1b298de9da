"""Steps 3 to 6: signatures that prove nothing, and keys that were not allowed to sign."""

from collections.abc import Iterator

import cbor2

from golden import city
from golden.city import ACTIVE, DAY, ISSUED_AT, NOW, STRANGER, SigningKey, code, dumps, paper, signed
from golden.city import claims as good_claims
from golden.fault import Fault
from khoso.formats import cose

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""n of P-256 (SEC 2, 2.4.2)."""

PAYLOAD = dumps(good_claims())
SIGNATURE = signed(PAYLOAD)[-64:]
R, S = int.from_bytes(SIGNATURE[:32]), int.from_bytes(SIGNATURE[32:])
AHEAD = city.TRUST["issued_at"] - 301


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _lists()
    yield Fault("key-unknown", "Signed by a key of nobody.", paper(STRANGER), "not_genuine", 4, "unknown_key")
    for name, (description, data) in _SIGNATURES.items():
        yield Fault(f"signature-{name}", description, code(data), "not_genuine", 5, "signature")
    yield Fault(
        "signature-high-s",
        "Accepted: n - s in the place of s signs the same bytes. So a code has two signatures at least, and nothing is "
        "looked up, counted or cached by the code: the hash of a paper is taken over the signed bytes.",
        code(_resigned(R, ORDER - S)),
        "in_force",
        11,
        "all_checks_passed",
    )
    for name, (description, text, reason) in _AUTHORITY.items():
        yield Fault(name, description, text, "not_genuine", 6, reason)
    yield Fault(
        "key-compromised-set-missing",
        "The key was stolen, and the verifier lacks the set of its honest papers that the trust list names.",
        paper(city.WITHOUT_SET), "cannot_tell", 6, "honest_set_missing",
    )  # fmt: skip
    for name, (description, text) in _ALLOWED.items():
        yield Fault(name, description, text, "in_force", 11, "all_checks_passed")


def _lists() -> Iterator[Fault]:
    expired = {"expires_at": NOW}
    yield Fault(
        "trust-list-expired",
        "The trust list ends with this very second: nobody can tell whose keys are good.",
        paper(), "cannot_tell", 3, "trust_list_expired", trust=expired,
    )  # fmt: skip
    yield Fault(
        "trust-list-expired-unknown-key",
        "An unknown key and an old trust list: it may be a new key, so this is no forgery.",
        paper(STRANGER), "cannot_tell", 3, "trust_list_expired", trust=expired,
    )  # fmt: skip
    yield Fault(
        "clock-behind-trust-list",
        "The verifier's clock is more than 300 seconds behind the time of its own trust list.",
        paper(), "cannot_tell", 3, "clock_behind", now=AHEAD,
    )  # fmt: skip
    yield Fault(
        "clock-behind-unknown-key",
        "The clock is judged before the key.",
        paper(STRANGER), "cannot_tell", 3, "clock_behind", now=AHEAD,
    )  # fmt: skip


def _resigned(r: int, s: int) -> bytes:
    return cose.assemble(ACTIVE.kid, PAYLOAD, r.to_bytes(32) + s.to_bytes(32))


def _over(message: bytes, key: SigningKey = ACTIVE) -> bytes:
    return cose.assemble(ACTIVE.kid, PAYLOAD, key.sign(message))


def _structure(context: str = "Signature1", protected: bytes | None = None, external: bytes = b"") -> bytes:
    header = dumps({1: -7, 4: ACTIVE.kid}) if protected is None else protected
    return cbor2.dumps([context, header, external, PAYLOAD])


_SIGNATURES = {
    "by-a-stranger": ("A stranger signed under the kid of a trusted key.", _over(_structure(), STRANGER)),
    "by-another-trusted-key": ("A trusted key signed under the kid of another.", _over(_structure(), city.OTHERS)),
    "swapped-payload": (
        "The payload of one paper with the signature of another.",
        cose.assemble(ACTIVE.kid, dumps(good_claims(r1="H17.11-261020-000124-KQ1")), SIGNATURE),
    ),
    "changed-plate": (
        "One character of the plate was changed.",
        cose.assemble(ACTIVE.kid, PAYLOAD.replace(b"43C-123.45", b"43C-123.46"), SIGNATURE),
    ),
    "changed-kid": (
        "The kid of another trusted key in the header.",
        cose.assemble(city.OTHERS.kid, PAYLOAD, SIGNATURE),
    ),
    "empty-payload": ("No payload at all.", cose.assemble(ACTIVE.kid, b"", SIGNATURE)),
    "zeros": ("r = s = 0.", _resigned(0, 0)),
    "r-zero": ("r = 0 (FIPS 186-5, 6.4.2: must be at least 1).", _resigned(0, S)),
    "s-zero": ("s = 0.", _resigned(R, 0)),
    "r-order": ("r = n (must be less).", _resigned(ORDER, S)),
    "s-order": ("s = n.", _resigned(R, ORDER)),
    "largest": ("r and s of 256 ones.", _resigned((1 << 256) - 1, (1 << 256) - 1)),
    "swapped-halves": ("s before r.", _resigned(S, R)),
    "negative-r": ("n - r, which signs nothing.", _resigned(ORDER - R, S)),
    "of-the-payload": ("Over the payload alone, without the Sig_structure.", _over(PAYLOAD)),
    "other-context": ("Over the Sig_structure of COSE_Sign.", _over(_structure("Signature"))),
    "unprotected-header": ("Over an empty protected header.", _over(_structure(protected=b""))),
    "external-data": ("Over external data that is not empty.", _over(_structure(external=b"x"))),
}

_SOON = {6: NOW + 301}
_OLD = {6: city.RETIRED.entry["valid_until"] - 1}
_AUTHORITY = {
    "agency-of-another-key": (
        "An agency's key signed a paper in the name of another agency.",
        paper(city.OTHERS), "key_of_another_agency",
    ),
    "agency-unknown": ("An agency that is not in the trust list.", paper(top={1: "H17.98"}), "key_of_another_agency"),
    "agency-of-key-unknown": (
        "The agency of a trusted key is not in the trust list.",
        paper(city.OF_NO_AGENCY, top={1: "H17.99"}), "key_of_another_agency",
    ),
    "agency-prefix": ("The code of the agency above.", paper(top={1: "H17"}), "key_of_another_agency"),
    "type-not-authorised": (
        "A type that this agency may not issue; another agency may.",
        paper(r2=city.OTHER_TYPE), "type_not_authorised",
    ),
    "type-nobody-may-issue": ("A type that no agency may issue.", paper(r2="KQ.H17.999999"), "type_not_authorised"),
    "specimen": ("A good signature over a SPECIMEN.", paper(r8=True), "specimen"),
    "issued-in-the-future": (
        "Issued 301 seconds from now: no two clocks differ so much.",
        paper(top=_SOON), "issued_in_the_future",
    ),
    "key-pre-active": ("The key does not sign yet.", paper(city.PRE_ACTIVE), "key_not_yet_active"),
    "key-younger-than-paper": ("Issued before the key was valid.", paper(city.YOUNG), "key_not_yet_active"),
    "key-expired": ("Issued after the key's term.", paper(city.EXPIRED), "key_expired"),
    "key-expired-this-second": (
        "Issued in the second in which the key's term ended.",
        paper(city.EXPIRED, top={6: NOW - 60 * DAY}), "key_expired",
    ),
    "key-retired-newer-paper": ("Issued after the key was retired.", paper(city.RETIRED), "key_expired"),
    "key-compromised": ("The key was stolen.", paper(city.COMPROMISED), "key_compromised"),
    "key-compromised-old-paper": (
        "Older than the theft. The thief can write any date, so no date helps.",
        paper(city.COMPROMISED, top={6: ISSUED_AT - 300 * DAY}), "key_compromised",
    ),
    "key-compromised-other-content": (
        "The thief put another plate on the index of an honest paper.",
        paper(city.ROBBED, f1="43C-999.99"), "key_compromised",
    ),
    "key-compromised-other-index": (
        "The very content of an honest paper, but for its index.",
        paper(city.ROBBED, r4=[city.LIST, city.IN_FORCE - 1]), "key_compromised",
    ),
    "key-compromised-other-list": (
        "An index of a list in which the stolen key signed no honest paper.",
        paper(city.ROBBED, r4=[city.OTHER_LIST, city.IN_FORCE]), "key_compromised",
    ),
    "key-compromised-index-outside": (
        "An index that no list has.",
        paper(city.ROBBED, r4=[city.LIST, (1 << 63) - 1]), "key_compromised",
    ),
}  # fmt: skip
_ALLOWED = {
    "key-retired-older-paper": ("A retired key's paper from its last active second.", paper(city.RETIRED, top=_OLD)),
    "key-compromised-honest-paper": (
        "The key was stolen, and this is one of the papers it honestly signed before.",
        paper(city.ROBBED),
    ),
    "issued-within-clock-skew": ("An issuer's clock may be 300 seconds ahead.", paper(top={6: NOW + 300})),
}
