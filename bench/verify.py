"""In-process verification of distinct codes, everything included, against bare ES256 verification of the same bytes.

python -m bench.verify            the ratio, and where the rest of the time goes
"""

import gc
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from khoso.catalogue import danang
from khoso.formats import claims as claims_format
from khoso.formats import cose, link
from khoso.formats.claims import Claims, StatusRef
from khoso.formats.status_list import Status
from khoso.formats.trust import KeyState, Trust, TrustedAgency, TrustedKey
from khoso.formats.verdict import Outcome, StatusAnswer, verify

ORIGIN = "https://kho.danang.gov.vn"
NOW = 1_795_000_000
CODES = 2_000
SLICE = 100
"""Codes for which one thing is measured before it is the next one's turn: ten milliseconds, for a machine that others
use is another one a second later."""
ROUNDS = 9


class AllValid:
    """A status source in which everything stands."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """Valid, as of now."""
        return StatusAnswer(Status.VALID, NOW)


def main() -> None:
    """Print the time of both and their ratio; the median of interleaved slices, in the process's own time."""
    key = ec.generate_private_key(ec.SECP256R1())
    codes = [_code(key, number) for number in range(CODES)]
    public_key = key.public_key()
    signed = [cose.parse(link.parse(code, ORIGIN)) for code in codes]
    bare = [(_der(parts.signature), _message(parts)) for parts in signed]
    trust, types = _trust(public_key), {(t.code, t.version): t for t in danang.load().types}
    es256, statuses = ec.ECDSA(SHA256()), AllValid()

    def verify_bare(part: slice) -> None:
        for signature, message in bare[part]:
            public_key.verify(signature, message, es256)

    def verify_all(part: slice) -> None:
        for code in codes[part]:
            verdict = verify(code, ORIGIN, trust, types, statuses, NOW)
            assert verdict.outcome is Outcome.IN_FORCE, verdict

    works: dict[str, Callable[[slice], object]] = {
        "bare": verify_bare,
        "verify": verify_all,
        "digits": lambda part: [link.parse(code, ORIGIN) for code in codes[part]],
        "claims": lambda part: [claims_format.decode(parts.unverified_payload) for parts in signed[part]],
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    gc.disable()
    for start in ROUNDS * [*range(0, CODES, SLICE)]:
        for name, work in works.items():
            times[name].append(_seconds(work, slice(start, start + SLICE)))
    for name, taken in times.items():
        print(f"{name:8} {statistics.median(taken) / SLICE * 1e6:7.1f} µs each")
    ratios = [b / v for b, v in zip(times["bare"], times["verify"], strict=True)]
    print(f"ratio    {statistics.median(ratios):7.3f}   (demand 0.70, aim 0.80)")


def _seconds(work: Callable[[slice], object], part: slice) -> float:
    started = time.process_time()  # without the turns of other programs
    work(part)
    return time.process_time() - started


def _code(key: ec.EllipticCurvePrivateKey, number: int) -> str:
    fields: dict[int, int | str | list[int] | list[str]] = {
        1: "K48/12 Nguyễn Thị Minh Khai",
        2: "Nguyễn Hoàng Phước Thịnh",
        3: f"215/{number}",
        4: 4,
        5: 156,
    }
    result_code = f"H17.05.12-261123-{number:06}-KQ1"
    claims = Claims("H17.05.12", NOW - 86_400, result_code, "KQ.H17.000001", 1, StatusRef(0, number), fields)
    payload = claims_format.encode(claims)
    kid = cose.key_id(key.public_key())
    return link.compose(ORIGIN, cose.assemble(kid, payload, cose.sign(key, cose.to_be_signed(kid, payload))))


def _message(parts: cose.Unverified) -> bytes:
    return cose.to_be_signed(parts.unverified_kid, parts.unverified_payload)


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def _trust(key: ec.EllipticCurvePublicKey) -> Trust:
    kid = cose.key_id(key)
    agency = TrustedAgency("H17.05.12", "UBND phường Hải Châu", "Hai Chau Ward", frozenset({"KQ.H17.000001"}))
    trusted = TrustedKey(kid, key, agency.code, KeyState.ACTIVE, 0)
    return Trust(NOW, NOW + 86_400, {kid: trusted}, {agency.code: agency})


if __name__ == "__main__":
    main()
