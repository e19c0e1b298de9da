"""Reading a golden vector, and judging its code."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from khoso.formats import honest_set
from khoso.formats.claims import StatusRef
from khoso.formats.result_type import ResultType
from khoso.formats.status_list import StatusList, decompress
from khoso.formats.trust import KeyState, Trust, TrustedAgency, TrustedKey
from khoso.formats.verdict import Freshness, StatusAnswer, TypeCatalogue, Verdict, verify

FOLDER = Path(__file__).parent


class Lists(NamedTuple):
    """Downloaded status lists, each with its time."""

    lists: dict[int, tuple[StatusList, int, int | None]]

    def find_status(self, ref: StatusRef) -> StatusAnswer | None:
        """The status, or None without that list or outside it."""
        statuses, as_of, expires_at = self.lists.get(ref.list_id, (StatusList(b""), 0, None))
        known = ref.status_index < len(statuses)
        return StatusAnswer(statuses[ref.status_index], as_of, expires_at) if known else None


class Vector(NamedTuple):
    """The arguments of `verify` and what it must answer."""

    code: str
    origin: str
    trust: Trust
    types: TypeCatalogue
    statuses: Lists
    now: int
    freshness: Freshness
    expected: tuple[str, int, str]

    def judge(self) -> Verdict:
        """The verdict on the code."""
        return verify(self.code, self.origin, self.trust, self.types, self.statuses, self.now, self.freshness)


def names() -> list[str]:
    """All vectors, by the names of their folders."""
    return sorted(path.parent.name for path in FOLDER.glob("*/vector.json"))


def read(name: str) -> Vector:
    """The vector in the folder of that name."""
    return parse(json.loads((FOLDER / name / "vector.json").read_text("utf-8")))


def parse(raw: dict[str, Any]) -> Vector:
    """The vector in its JSON."""
    types = [msgspec.convert(definition, ResultType) for definition in raw["types"]]
    return Vector(
        code=raw["code"],
        origin=raw["origin"],
        trust=_trust(raw["trust"]),
        types={(definition.code, definition.version): definition for definition in types},
        statuses=Lists(
            {
                int(number): (decompress(_bytes(each["lst"])), each["as_of"], each.get("expires_at"))
                for number, each in raw["statuses"].items()
            }
        ),
        now=raw["now"],
        freshness=Freshness(**raw["freshness"]),
        expected=(raw["expect"]["outcome"], raw["expect"]["step"], raw["expect"]["reason"]),
    )


def _trust(raw: dict[str, Any]) -> Trust:
    agencies = (TrustedAgency(**each | {"may_issue": frozenset(each["may_issue"])}) for each in raw["agencies"])
    keys = map(_key, raw["keys"])
    return Trust(
        issued_at=raw["issued_at"],
        expires_at=raw["expires_at"],
        keys={key.kid: key for key in keys},
        agencies={agency.code: agency for agency in agencies},
        honest_sets={sha256(data).digest(): honest_set.decode(data) for data in map(_bytes, raw["honest_sets"])},
    )


def _key(raw: dict[str, Any]) -> TrustedKey:
    x, y = (int.from_bytes(_bytes(raw["jwk"][name])) for name in ("x", "y"))
    return TrustedKey(
        kid=bytes.fromhex(raw["kid"]),
        public_key=ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key(),
        agency_code=raw["agency"],
        state=KeyState(raw["state"]),
        valid_from=raw["valid_from"],
        valid_until=raw["valid_until"],
        compromised_at=raw["compromised_at"],
        honest_digest=None if raw["honest_set"] is None else bytes.fromhex(raw["honest_set"]),
    )


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
