"""Which trust list is believed, and which one the catalogue's rows ask for.

The rows are what the city wants; only what a root has signed is believed. So whoever can write rows, and is not the
root, makes nobody trusted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import structlog

from khoso.catalogue import store, trust_store
from khoso.catalogue.model import Agency, Believed, PublisherKey, Right, Seed, SigningKey, Successor
from khoso.db import Connection
from khoso.formats import honest_set
from khoso.formats.documents import NotBelieved, PublicKeys, seal
from khoso.formats.honest_set import HonestSet
from khoso.formats.malformed import Malformed
from khoso.formats.trust import KeyState, Publisher, Trust, TrustedAgency, TrustedKey
from khoso.formats.trust_list import PROFILE, encode, read_public_key, unseal_trust

log = structlog.get_logger(__name__)

NOBODY = Trust(issued_at=0, expires_at=0)
NOTHING = Believed(NOBODY, b"", {})
"""What is believed before any list was seen."""


class Root(Protocol):
    """The private key that signs trust lists."""

    kid: bytes

    def sign(self, message: bytes) -> bytes:
        """The raw 64-byte ES256 signature over `message`."""
        ...


async def believe(conn: Connection, roots: PublicKeys, origin: str, held: Believed) -> Believed:
    """The newest list that a root has signed for this city, and the sets it names; never one older than that `held`.

    Whatever else lies in the table is logged and passed over. If nothing is left, what is held goes on being believed,
    until its end.
    """
    found = await _find_newest(conn, roots, origin, held)
    if found is None:
        if held.signed:
            log.error("no trust list as new as the one held", version=held.trust.version)
        return held
    trust, signed = found
    return await _with_honest_sets(conn, trust, signed, held)


async def _find_newest(conn: Connection, roots: PublicKeys, origin: str, held: Believed) -> tuple[Trust, bytes] | None:
    async for version, signed in trust_store.iterate_lists(conn):
        if signed == held.signed:
            return held.trust, signed
        try:
            trust = unseal_trust(signed, roots, origin, held.trust)
            if trust.version != version:  # an old list that somebody wrote down as a new one
                raise NotBelieved("version")
        except (Malformed, NotBelieved) as refused:
            log.error("trust list refused", version=version, reason=refused.reason)
        else:
            return trust, signed
    return None


async def _with_honest_sets(conn: Connection, trust: Trust, signed: bytes, held: Believed) -> Believed:
    named = {key.honest_digest for key in trust.keys.values() if key.honest_digest is not None}
    contents = {digest: content for digest, content in held.honest_sets.items() if digest in named}
    opened = {digest: one for digest, one in held.trust.honest_sets.items() if digest in named}
    for digest, content in (await trust_store.list_honest_contents(conn, named - contents.keys())).items():
        if sha256(content).digest() == digest:
            contents[digest], opened[digest] = content, _open_set(content)
    if named - contents.keys():
        log.error("honest sets missing", digests=sorted(digest.hex() for digest in named - contents.keys()))
    return Believed(replace(trust, honest_sets=opened), signed, contents)


def _open_set(content: bytes) -> HonestSet:
    """The root has signed the digest of exactly these bytes, so they are in their format."""
    return honest_set.decode(content)


async def read_wanted(conn: Connection, *, development: bool = False) -> Trust:
    """The trust that the rows ask for, without version and times."""
    content = await read_content(conn)
    keys, publishers = await store.list_keys(conn), await trust_store.list_publishers(conn)
    return want(content, keys, publishers, await trust_store.list_honest_digests(conn), development=development)


async def read_content(conn: Connection) -> Seed:
    """The catalogue without keys."""
    return Seed(
        agencies=await store.list_agencies(conn),
        successors=await store.list_successors(conn),
        rights=await store.list_rights(conn),
        types=await store.list_types(conn),
    )


def want(
    content: Seed,
    keys: Iterable[SigningKey],
    publishers: Iterable[PublisherKey],
    honest_digests: Mapping[bytes, bytes],
    *,
    development: bool = False,
) -> Trust:
    """The trust that this catalogue asks for, without version and times."""
    may_issue, successors = _types_by_agency(content.rights), group_successors(content.successors)
    return Trust(
        issued_at=0,
        expires_at=0,
        keys={key.kid: _trusted_key(key, honest_digests.get(key.kid)) for key in keys},
        agencies={agency.agency_code: _trusted_agency(agency, may_issue, successors) for agency in content.agencies},
        publishers={one.kid: _publisher(one) for one in publishers if one.compromised_at is None},
        development=development,
    )


def say_the_same(one: Trust, other: Trust) -> bool:
    """Whether two lists differ in version, times and sets at hand at most."""
    return _bare(one) == _bare(other)


async def sign(conn: Connection, root: Root, origin: str, trust: Trust, now: datetime, end: datetime) -> None:
    """Sign a list as the next version and write it down."""
    version = await trust_store.next_version(conn)
    dated = replace(trust, version=version, issued_at=to_seconds(now), expires_at=to_seconds(end))
    await trust_store.insert_list(conn, trust_store.SignedList(version, seal_list(root, origin, dated), now, end))


def seal_list(root: Root, origin: str, trust: Trust) -> bytes:
    """The list, signed."""
    return seal(PROFILE, root.kid, encode(trust, origin), root.sign)


def group_successors(successors: Iterable[Successor]) -> Mapping[str, tuple[str, ...]]:
    """Codes of the agencies that answer now, by the one that is no more."""
    grouped: dict[str, tuple[str, ...]] = {}
    for successor in successors:
        grouped[successor.agency_code] = (*grouped.get(successor.agency_code, ()), successor.successor_code)
    return grouped


def _bare(trust: Trust) -> Trust:
    return replace(trust, version=0, issued_at=0, expires_at=0, honest_sets={})


def _types_by_agency(rights: Iterable[Right]) -> Mapping[str, set[str]]:
    types: defaultdict[str, set[str]] = defaultdict(set)
    for right in rights:
        types[right.agency_code].add(right.type_code)
    return types


def _trusted_agency(
    agency: Agency, may_issue: Mapping[str, set[str]], successors: Mapping[str, tuple[str, ...]]
) -> TrustedAgency:
    code = agency.agency_code
    types = frozenset(may_issue.get(code, ()))
    return TrustedAgency(code, agency.name_vi, agency.name_en, types, successors.get(code, ()))


def _trusted_key(key: SigningKey, honest_digest: bytes | None) -> TrustedKey:
    state = _listed_state(key, honest_digest)
    stolen = state is KeyState.COMPROMISED
    return TrustedKey(
        kid=key.kid,
        public_key=read_public_key(key.public_key),
        agency_code=key.agency_code,
        state=state,
        valid_from=to_seconds(key.valid_from),
        valid_until=None if key.valid_until is None else to_seconds(key.valid_until),
        compromised_at=to_seconds(key.compromised_at) if stolen and key.compromised_at is not None else None,
        honest_digest=honest_digest if stolen else None,
    )


def _listed_state(key: SigningKey, honest_digest: bytes | None) -> KeyState:
    """How the list names a key.

    A registered key that does not sign yet is listed as one that may: it signs once its list is believed, and not
    before. A stolen one is retired until its honest set is there: else all its papers would read as forged.
    """
    if key.state is KeyState.PRE_ACTIVE:
        return KeyState.ACTIVE
    if key.state is KeyState.COMPROMISED and honest_digest is None:
        return KeyState.RETIRED
    return key.state


def _publisher(key: PublisherKey) -> Publisher:
    end = None if key.valid_until is None else to_seconds(key.valid_until)
    return Publisher(key.kid, read_public_key(key.public_key), to_seconds(key.valid_from), end)


def to_seconds(instant: datetime) -> int:
    """An instant as trust lists write it: seconds since 1970 UTC."""
    return int(instant.timestamp())
