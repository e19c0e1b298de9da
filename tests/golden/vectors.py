"""Reading a golden vector, and judging its code."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from golden.city import unb64
from khoso.formats import honest_set
from khoso.formats.claims import StatusRef
from khoso.formats.documents import NotBelieved, PublicKeys, keys_by_kid
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.formats.result_type import ResultType
from khoso.formats.status_list import StatusList, decompress
from khoso.formats.trust import KeyState, Trust, TrustedAgency, TrustedKey
from khoso.formats.verdict import Freshness, StatusAnswer, TypeCatalogue, Verdict, verify

FOLDER = Path(__file__).parent


class KnownStatuses(NamedTuple):
    """Status lists, each with its times."""

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
    statuses: KnownStatuses
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
        statuses=KnownStatuses(
            {
                int(number): (decompress(unb64(each["lst"])), each["as_of"], each.get("expires_at"))
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
        honest_sets={sha256(data).digest(): honest_set.decode(data) for data in map(unb64, raw["honest_sets"])},
    )


def _key(raw: dict[str, Any]) -> TrustedKey:
    return TrustedKey(
        kid=bytes.fromhex(raw["kid"]),
        public_key=_public_key(raw["jwk"]),
        agency_code=raw["agency"],
        state=KeyState(raw["state"]),
        valid_from=raw["valid_from"],
        valid_until=raw["valid_until"],
        compromised_at=raw["compromised_at"],
        honest_digest=None if raw["honest_set"] is None else bytes.fromhex(raw["honest_set"]),
    )


class DocumentVector(NamedTuple):
    """What a verifier holds and is given, and why it must refuse that, if it must."""

    origin: str
    roots: PublicKeys
    held: list[tuple[str, bytes]]
    given: tuple[str, bytes]
    refused: str | None

    def offer(self) -> str | None:
        """Why a verifier that holds the one refuses the other."""
        lists = Lists(self.origin, self.roots)
        for kind, data in self.held:
            _TAKE[kind](lists, data)
        kind, data = self.given
        try:
            _TAKE[kind](lists, data)
        except (Malformed, NotBelieved) as refused:
            return refused.reason
        return None


_TAKE: Mapping[str, Callable[[Lists, bytes], object]] = {
    "trust": Lists.take_trust,
    "types": Lists.take_types,
    "status": Lists.take_status,
    "honest_set": Lists.take_honest_set,
}


def document_names() -> list[str]:
    """All vectors of documents, by the names of their folders."""
    return sorted(path.parent.name for path in FOLDER.glob("*/document.json"))


def read_document(name: str) -> DocumentVector:
    """The vector of a document in the folder of that name."""
    raw = json.loads((FOLDER / name / "document.json").read_text("utf-8"))
    return DocumentVector(
        origin=raw["origin"],
        roots=keys_by_kid(*map(_public_key, raw["roots"])),
        held=list(map(_document, raw["held"])),
        given=_document(raw["given"]),
        refused=raw["expect"]["refused"],
    )


def _document(raw: dict[str, Any]) -> tuple[str, bytes]:
    return raw["kind"], unb64(raw["data"])


def _public_key(jwk: dict[str, str]) -> ec.EllipticCurvePublicKey:
    x, y = (int.from_bytes(unb64(jwk[name])) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
