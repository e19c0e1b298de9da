"""In-process verification of distinct codes, everything included, against bare ES256 verification of the same bytes.

python -m bench.verify            the ratio, and where the rest of the time goes
"""

import gc
import statistics
import time
from collections.abc import Callable, Sequence

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
ROUNDS = 9


class AllValid:
    """A status source in which everything stands."""

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """Valid, as of now."""
        return StatusAnswer(Status.VALID, NOW)


def main() -> None:
    """Print the rate of both and their ratio; the median of interleaved rounds."""
    key = ec.generate_private_key(ec.SECP256R1())
    codes = [_code(key, number) for number in range(CODES)]
    public_key = key.public_key()
    signed = [cose.parse(link.parse(code, ORIGIN)) for code in codes]
    bare = [(_der(parts.signature), parts.to_be_signed) for parts in signed]
    trust, types = _trust(public_key), {(t.code, t.version): t for t in danang.load().types}
    es256, statuses = ec.ECDSA(SHA256()), AllValid()

    def verify_bare() -> None:
        for signature, message in bare:
            public_key.verify(signature, message, es256)

    def verify_all() -> None:
        for code in codes:
            verdict = verify(code, ORIGIN, trust, types, statuses, NOW)
            assert verdict.outcome is Outcome.IN_FORCE, verdict

    pieces: dict[str, Callable[[], Sequence[object]]] = {
        "digits": lambda: [link.parse(code, ORIGIN) for code in codes],
        "claims": lambda: [claims_format.decode(parts.unverified_payload) for parts in signed],
    }
    times: dict[str, list[float]] = {}
    gc.disable()
    for _ in range(ROUNDS):
        for name, work in {"bare": verify_bare, "verify": verify_all, **pieces}.items():
            times.setdefault(name, []).append(_seconds(work))
    for name, taken in times.items():
        print(f"{name:8} {statistics.median(taken) / CODES * 1e6:7.1f} µs each")
    ratios = [b / v for b, v in zip(times["bare"], times["verify"], strict=True)]
    print(f"ratio    {statistics.median(ratios):7.3f}   (demand 0.70, aim 0.80)")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


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


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def _trust(key: ec.EllipticCurvePublicKey) -> Trust:
    kid = cose.key_id(key)
    agency = TrustedAgency("H17.05.12", "UBND phường Hải Châu", "Hai Chau Ward", frozenset({"KQ.H17.000001"}))
    trusted = TrustedKey(kid, key, agency.code, KeyState.ACTIVE, 0)
    return Trust(NOW, NOW + 86_400, {kid: trusted}, {agency.code: agency})


if __name__ == "__main__":
    main()
