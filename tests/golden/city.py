"""A small city with fixed keys, of which golden vectors and tests are made. TEST ONLY: anybody can sign with them."""

import base64
import copy
import json
from hashlib import sha256
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from khoso.formats import cose, link
from khoso.formats.status_list import Status, StatusList

ORIGIN = "https://kho.example.vn"
NOW = 1_795_400_000  # 2026-11-23 02:13:20 UTC
DAY = 86_400
ISSUED_AT = NOW - 30 * DAY

TYPE, OTHER_TYPE = "KQ.H17.000003", "KQ.H17.000007"
ISSUER, OTHER_AGENCY = "H17.11", "H17.12"
LIST, OTHER_LIST, DRAFT_LIST = 7, 8, 9
IN_FORCE, SUSPENDED, SUPERSEDED, REVOKED, NEVER_ISSUED = 5, 6, 7, 8, 9  # indexes in LIST

P384_DER = (
    ec.derive_private_key(7, ec.SECP384R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
"""A key that no agency can have."""

ABSENT: Final = object()
"""Takes a claim out."""


class SigningKey:
    """A key pair derived from its name."""

    def __init__(self, name: str, agency: str, state: str, since: int, until: int | None = None) -> None:
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        self.scalar = int.from_bytes(sha256(f"Kho So TEST ONLY {name}".encode()).digest()) % order
        self.private = ec.derive_private_key(self.scalar, ec.SECP256R1())
        self.public = self.private.public_key()
        self.kid = cose.key_id(self.public)
        self.entry: dict[str, Any] = {
            "kid": self.kid.hex(),
            "agency": agency,
            "state": state,
            "valid_from": since,
            "valid_until": until,
            "compromised_at": NOW - DAY if state == "compromised" else None,
            "honest_set": None,
            "jwk": jwk(self.public),
        }

    def sign(self, message: bytes) -> bytes:
        """The raw signature over a message, always the same (RFC 6979)."""
        algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self.private.sign(message, algorithm))
        return r.to_bytes(32) + s.to_bytes(32)


def jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public key as JWK (RFC 7518, 6.2.1)."""
    numbers = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}


def unb64(text: str) -> bytes:
    """The bytes in base64url, with padding or without."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


ACTIVE = SigningKey("active", ISSUER, "active", NOW - 400 * DAY)
RETIRED = SigningKey("retired", ISSUER, "retired", NOW - 800 * DAY, NOW - 400 * DAY)
EXPIRED = SigningKey("expired", ISSUER, "active", NOW - 800 * DAY, NOW - 60 * DAY)
COMPROMISED = SigningKey("compromised", ISSUER, "compromised", NOW - 400 * DAY)
ROBBED = SigningKey("robbed", ISSUER, "compromised", NOW - 400 * DAY)
"""A compromised key whose honest papers are known."""
WITHOUT_SET = SigningKey("without set", ISSUER, "compromised", NOW - 400 * DAY)
"""A compromised key whose honest papers the verifier has not downloaded."""
PRE_ACTIVE = SigningKey("pre-active", ISSUER, "pre_active", NOW - 60 * DAY)
YOUNG = SigningKey("young", ISSUER, "active", NOW - 10 * DAY)
OTHERS = SigningKey("other agency", OTHER_AGENCY, "active", NOW - 400 * DAY)
OF_NO_AGENCY = SigningKey("no agency", "H17.99", "active", NOW - 400 * DAY)
STRANGER = SigningKey("stranger", "", "active", 0)
"""In no trust list."""

TRUST: dict[str, Any] = {
    "issued_at": NOW - 60,
    "expires_at": NOW + 7 * DAY,
    "agencies": [
        {"code": ISSUER, "name_vi": "Sở Xây dựng (TEST)", "name_en": "Construction Dept (TEST)", "may_issue": [TYPE]},
        {
            "code": OTHER_AGENCY,
            "name_vi": "Sở khác (TEST)",
            "name_en": "Another dept (TEST)",
            "may_issue": [OTHER_TYPE],
        },
    ],
    "keys": [
        key.entry
        for key in (ACTIVE, RETIRED, EXPIRED, COMPROMISED, ROBBED, WITHOUT_SET, PRE_ACTIVE, YOUNG, OTHERS, OF_NO_AGENCY)
    ],
}
"""The honest sets are added below, for they hold papers."""

TRUCK_PERMIT: dict[str, Any] = {
    "code": TYPE,
    "version": 2,
    "procedure_code": "1.000001",
    "name_vi": "Giấy phép vào đường cấm, giờ cấm (TEST)",
    "name_en": "Truck access permit (TEST)",
    "subject_kind": "vehicle",
    "comparison_field": "plate",
    "glance": ["plate", "hours", "streets"],
    "expires_soon_days": 30,
    "fields": [
        {"number": 1, "name": "plate", "kind": "text", "label_vi": "Biển số", "label_en": "Plate"},
        {
            "number": 2,
            "name": "load",
            "kind": "decimal",
            "label_vi": "Tải trọng",
            "label_en": "Load",
            "scale": 1,
            "unit": "t",
        },
        {"number": 3, "name": "axles", "kind": "integer", "label_vi": "Số trục", "label_en": "Axles"},
        {"number": 4, "name": "inspected", "kind": "date", "label_vi": "Đăng kiểm", "label_en": "Inspected"},
        {
            "number": 5,
            "name": "goods",
            "kind": "choice",
            "label_vi": "Hàng hoá",
            "label_en": "Goods",
            "choices": [
                {"value": "building", "label_vi": "Vật liệu xây dựng", "label_en": "Building material"},
                {"value": "food", "label_vi": "Thực phẩm", "label_en": "Food"},
            ],
        },
        {"number": 6, "name": "streets", "kind": "texts", "label_vi": "Đường", "label_en": "Streets"},
        {"number": 7, "name": "hours", "kind": "hours", "label_vi": "Giờ", "label_en": "Hours"},
        {
            "number": 8,
            "name": "driver_id",
            "kind": "text",
            "label_vi": "Số định danh lái xe",
            "label_en": "Driver's personal id",
            "required": False,
            "keep_last": 4,
        },
    ],
}

RESULT: dict[int, Any] = {
    1: "H17.11-261020-000123-KQ1",
    2: TYPE,
    3: 2,
    4: [LIST, IN_FORCE],
    7: {
        1: "43C-123.45",
        2: 125,
        3: 3,
        4: 20_700,
        5: 1,
        6: ["Bạch Đằng", "Nguyễn Văn Linh"],
        7: [540, 930, 1200, 360],
        8: "9001",
    },
}
CLAIMS: dict[int, Any] = {1: ISSUER, 4: NOW + 335 * DAY, 6: ISSUED_AT, -65537: RESULT}
"""The claims of the good paper that the faults are made of."""


def claims(top: dict[int, Any] | None = None, **changes: Any) -> dict[int, Any]:
    """The good claims, changed: `top` by number, of the result `r1=`, `r2=` …, of its fields `f1=`, `f2=` …"""
    changed: dict[int, Any] = copy.deepcopy(CLAIMS)
    result = changed[-65537]
    for name, value in changes.items():
        (result if name[0] == "r" else result[7])[int(name[1:])] = value
    return _present(changed | (top or {}))


def _present(claims: dict[int, Any]) -> dict[int, Any]:
    return {
        key: _present(value) if isinstance(value, dict) else value
        for key, value in claims.items()
        if value is not ABSENT
    }


def dumps(value: Any) -> bytes:
    """Canonical CBOR of anything at all."""
    return cbor2.dumps(value, canonical=True)


def signed(payload: bytes, key: SigningKey = ACTIVE) -> bytes:
    """The COSE_Sign1 over any payload."""
    return cose.assemble(key.kid, payload, key.sign(cose.to_be_signed(key.kid, payload)))


def paper(key: SigningKey = ACTIVE, top: dict[int, Any] | None = None, **changes: Any) -> str:
    """The code of the good paper with changed claims."""
    return code(signed(dumps(claims(top, **changes)), key))


def code(data: bytes) -> str:
    """The text of the QR code that carries these bytes."""
    return link.compose(ORIGIN, data)


def json_of(definition: dict[str, Any]) -> bytes:
    """A definition as a type list carries it."""
    return json.dumps(definition, ensure_ascii=False, separators=(",", ":")).encode()


def status_list() -> StatusList:
    """A short list in which everything but a few indexes was never issued."""
    statuses = StatusList(b"\x55" * 16)
    statuses[IN_FORCE] = Status.VALID
    statuses[SUSPENDED] = Status.SUSPENDED
    statuses[SUPERSEDED] = Status.SUPERSEDED
    return statuses


def signed_hash(payload: bytes, key: SigningKey) -> bytes:
    """What a record of the paper is compared by."""
    return sha256(cose.to_be_signed(key.kid, payload)).digest()


_BITMAP_OF_THE_GOOD_PAPER = bytes.fromhex(
    "78daedc121010000000220a7f87fa5332c4003000000000000000000000000000000bc0d40780021"
)
"""A bitmap of 2^17 bits with only bit IN_FORCE set, compressed once and for all: compressors differ."""

HONEST_SET = cbor2.dumps({LIST: [_BITMAP_OF_THE_GOOD_PAPER, signed_hash(dumps(claims()), ROBBED)[:8]]})
"""The honest set of ROBBED: the good paper."""

ROBBED.entry["honest_set"] = sha256(HONEST_SET).hexdigest()
WITHOUT_SET.entry["honest_set"] = "00" * 32
TRUST["honest_sets"] = [b64(HONEST_SET)]

BOMB = unb64("eNrtwTEBAAAAwqD1T-1vBq" + "A" * 339 + "M4AAD0AAQ==")
"""277 bytes that inflate to one byte more than any list holds."""
