"""Steps 1 and 2: codes that are not ours, or cannot be read."""

from collections.abc import Iterator

import cbor2

from golden.city import ACTIVE, ORIGIN, code, dumps, paper, signed
from golden.city import claims as good_claims
from golden.fault import Fault
from khoso.formats import digits

GOOD = paper()
PAYLOAD = dumps(good_claims())
SIGNED = signed(PAYLOAD)
SIGNATURE = SIGNED[-64:]
FRAGMENT = GOOD.removeprefix(f"{ORIGIN}/v#")


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, text in _STRANGERS.items():
        description = f"Another link than the official one, which is compared byte for byte: {text[:60]}"
        yield Fault(f"origin-{name}", description, text, "not_an_official_code", 1, "other_origin")
    for name, (description, fragment, reason) in _FRAGMENTS.items():
        yield Fault(name, description, f"{ORIGIN}/v#{fragment}", "malformed", 1, reason)
    for name, (description, data) in _FRAMES.items():
        yield Fault(f"frame-{name}", description, code(data), "malformed", 2, "cose_frame")
    for name, data in _PAYLOAD_HEADS.items():
        description = "The payload is not one byte string with the shortest length (RFC 8949, 4.2.1)."
        yield Fault(f"payload-{name}", description, code(data), "malformed", 2, "cose_payload")


_STRANGERS = {
    "punycode": f"https://xn--kh-lja.example.vn/v#{FRAGMENT}",
    "cyrillic": f"https://kh\u043e.example.vn/v#{FRAGMENT}",
    "userinfo": f"https://kho.example.vn@evil.test/v#{FRAGMENT}",
    "user-before-ours": f"https://evil@kho.example.vn/v#{FRAGMENT}",
    "port": f"https://kho.example.vn:8443/v#{FRAGMENT}",
    "default-port": f"https://kho.example.vn:443/v#{FRAGMENT}",
    "trailing-dot": f"https://kho.example.vn./v#{FRAGMENT}",
    "mixed-case": f"https://Kho.Example.vn/v#{FRAGMENT}",
    "upper-case-scheme": f"HTTPS://kho.example.vn/v#{FRAGMENT}",
    "http": f"http://kho.example.vn/v#{FRAGMENT}",
    "longer-host": f"https://kho.example.vn.evil.test/v#{FRAGMENT}",
    "sub-domain": f"https://www.kho.example.vn/v#{FRAGMENT}",
    "path-case": f"https://kho.example.vn/V#{FRAGMENT}",
    "path-slash": f"https://kho.example.vn/v/#{FRAGMENT}",
    "path-dots": f"https://kho.example.vn/x/../v#{FRAGMENT}",
    "query": f"https://kho.example.vn/v?next=//evil.test#{FRAGMENT}",
    "no-fragment-sign": f"https://kho.example.vn/v{FRAGMENT}",
    "space-before": f" https://kho.example.vn/v#{FRAGMENT}",
    "backslashes": f"https:\\\\kho.example.vn\\v#{FRAGMENT}",
    "fragment-alone": FRAGMENT,
    "nothing": "",
    "health-certificate": "HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90",
    "json-web-token": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJIMTcuMTEifQ.",  # alg none
    "look-up-code": "H17.11-261020-000123-KQ1 7K3M9X",
}

_BODY = FRAGMENT[1:]
_FRAGMENTS = {
    "format-version-2": ("A format version that does not exist yet.", f"2{_BODY}", "format_version"),
    "format-version-none": ("The right page without any credential.", "", "format_version"),
    "too-long": ("More text than any code can hold.", "1" + "0" * 2_400, "too_long"),
    "digits-none": ("No digits behind the format version.", "1", "digits_length"),
    "digits-one-missing": ("The last digit is missing: no bytes need so many.", f"1{_BODY[:-1]}", "digits_length"),
    "digits-one-doubled": ("A digit was read twice.", f"1{_BODY}{_BODY[-1]}", "digits_length"),
    "digits-too-many": ("Digits of 769 bytes; a code holds 768.", "1" + "0" * digits.width(769), "digits_length"),
    "digits-letter": ("A letter among the digits.", f"1{_BODY[:-1]}O", "digits_character"),
    "digits-other-script": ("An Arabic-Indic digit: not ASCII.", f"1{_BODY[:-1]}\u0663", "digits_character"),
    "digits-underscore": ("What some languages allow inside numbers.", f"1{_BODY[:-2]}_0", "digits_character"),
    "digits-sign": ("A sign before the number.", f"1+{_BODY[1:]}", "digits_character"),
    "digits-space": ("A line break behind the digits.", f"1{_BODY[:-1]}\n", "digits_character"),
    "digits-overflow": ("A number too large for its bytes.", "1" + "9" * len(_BODY), "digits_overflow"),
}  # fmt: skip


def _frame(
    protected: bytes = cbor2.dumps({1: -7, 4: ACTIVE.kid}),
    unprotected: bytes = b"\xa0",
    signature: bytes = b"\x58\x40" + SIGNATURE,
    start: bytes = b"\xd2\x84",
    end: bytes = b"",
) -> bytes:
    return start + cbor2.dumps(protected) + unprotected + cbor2.dumps(PAYLOAD) + signature + end


_KID = ACTIVE.kid
_FRAMES = {
    "without-tag": ("COSE_Sign1 without its tag 18.", _frame(start=b"\x84")),
    "cwt-tag": ("Wrapped in the CWT tag 61 (RFC 8392, 6), which the profile does not use.", b"\xd8\x3d" + SIGNED),
    "sign-tag": ("Tag 98, COSE_Sign, with the body of a COSE_Sign1.", _frame(start=b"\xd8\x62\x84")),
    "mac-tag": ("Tag 17, COSE_Mac0: a public key could be taken for a secret.", _frame(start=b"\xd1\x84")),
    "long-tag": ("Tag 18 written in two bytes.", b"\xd8\x12" + SIGNED[1:]),
    "array-of-five": ("A fifth member in the array.", _frame(start=b"\xd2\x85", end=b"\xa0")),
    "array-indefinite": ("An array of indefinite length.", _frame(start=b"\xd2\x9f", end=b"\xff")),
    "algorithm-none": ("No algorithm in the header.", _frame(cbor2.dumps({4: _KID}))),
    "algorithm-es384": ("ES384 (-35) in the header.", _frame(cbor2.dumps({1: -35, 4: _KID}))),
    "algorithm-hmac": ("HMAC (5) in the header: the public key as a secret.", _frame(cbor2.dumps({1: 5, 4: _KID}))),
    "algorithm-text": ("The algorithm by its name.", _frame(cbor2.dumps({1: "ES256", 4: _KID}))),
    "algorithm-unprotected": (
        "The algorithm where the signature does not protect it.",
        _frame(cbor2.dumps({4: _KID}), cbor2.dumps({1: -7})),
    ),
    "algorithm-twice": ("A second algorithm in the unprotected header.", _frame(unprotected=cbor2.dumps({1: -7}))),
    "kid-missing": ("No key id.", _frame(cbor2.dumps({1: -7}))),
    "kid-short": ("A key id of 4 bytes.", _frame(cbor2.dumps({1: -7, 4: _KID[:4]}))),
    "kid-long": ("A key id of 32 bytes.", _frame(cbor2.dumps({1: -7, 4: _KID * 4}))),
    "kid-path": ("A key id that is a path and a text.", _frame(cbor2.dumps({1: -7, 4: "../../etc"}))),
    "kid-unprotected": (
        "The key id where the signature does not protect it.",
        _frame(cbor2.dumps({1: -7}), cbor2.dumps({4: _KID})),
    ),
    "header-critical": ("A critical header (2), unknown.", _frame(cbor2.dumps({1: -7, 2: [9], 4: _KID, 9: 1}))),
    "header-embedded-key": (
        "A certificate chain (33) in the header: the forger brings his own key.",
        _frame(unprotected=cbor2.dumps({33: b"x" * 32})),
    ),
    "header-order": ("The header's keys in another order.", _frame(cbor2.dumps({4: _KID, 1: -7}))),
    "header-long-integer": ("The algorithm in three bytes.", _frame(b"\xa2\x01\x39\x00\x06\x04\x48" + _KID)),
    "header-empty": ("An empty protected header.", _frame(b"")),
    "unprotected-text": ("Anything at all in the unprotected header.", _frame(unprotected=cbor2.dumps({"x": 1}))),
    "signature-der": ("The signature as DER, not as r and s.", _frame(signature=cbor2.dumps(b"\x30\x44" + SIGNATURE))),
    "signature-short": ("A signature of 63 bytes.", _frame(signature=cbor2.dumps(SIGNATURE[:63]))),
    "signature-missing": ("No signature.", _frame(signature=b"\x40")),
    "appended-byte": ("One byte behind the credential.", SIGNED + b"\x00"),
    "prepended-byte": ("One byte before the credential.", b"\x00" + SIGNED),
    "truncated": ("The last byte is missing.", SIGNED[:-1]),
    "head-alone": ("The frame ends behind the key id.", SIGNED[:16]),
    "payload-missing": ("The signature follows the header.", SIGNED[:17] + SIGNED[-66:]),
    "one-byte": ("A single byte.", b"\xd2"),
    "zeros": ("Nothing but zeros: the number 0.", bytes(243)),
}  # fmt: skip

_HEAD = SIGNED[:17]  # to the end of the unprotected header
_SIGNATURE = b"\x58\x40" + SIGNATURE
_PAYLOAD_HEADS = {
    "detached": _HEAD + b"\xf6" + _SIGNATURE,
    "long-length": _HEAD + b"\x59" + len(PAYLOAD).to_bytes(2) + PAYLOAD + _SIGNATURE,
    "wrong-length": _HEAD + b"\x58" + bytes((len(PAYLOAD) + 1,)) + PAYLOAD + _SIGNATURE,
    "text": _HEAD + b"\x78" + bytes((len(PAYLOAD),)) + PAYLOAD + _SIGNATURE,
    "indefinite": _HEAD + b"\x5f\x58" + bytes((len(PAYLOAD),)) + PAYLOAD + b"\xff" + _SIGNATURE,
}
