"""After a restore to an earlier moment: what the signed lists tell of a catalogue is written into its rows again.

Result types, the keys of agencies and publishers, stolen keys with their honest sets, and the trust list itself. A list
says too little of agencies and rights to make rows of them: what is lost there shows as waiting (`khoso keys trust
show`), and is entered again.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from khoso.catalogue import store, trust_store
from khoso.catalogue.model import Believed, SigningKey
from khoso.catalogue.trust_store import HonestPapers, SignedList
from khoso.db import Connection
from khoso.formats import honest_set
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState, Trust, TrustedKey
from khoso.formats.trust_list import public_der


async def bring_back(
    conn: Connection, held: Believed, types: Iterable[ResultType], types_version: int, now: datetime
) -> None:
    """Write what is missing, in a transaction that changes the catalogue; what is there stays."""
    await store.raise_version_above(conn, types_version)
    known = await store.list_types(conn)
    for definition in types:
        if definition not in known:
            await store.insert_type(conn, definition, now)
    await _bring_back_keys(conn, held.trust)
    await _bring_back_honest_sets(conn, held, now)
    if await trust_store.next_version(conn) <= held.trust.version:
        await trust_store.insert_list(conn, make_row(held.trust, held.signed))


async def _bring_back_keys(conn: Connection, trust: Trust) -> None:
    for publisher in trust.publishers.values():
        public_key = public_der(publisher.public_key)
        await trust_store.insert_publisher(conn, publisher.kid, public_key, _instant(publisher.valid_from))
    agencies = {agency.agency_code for agency in await store.list_agencies(conn)}
    states = {key.kid: key.state for key in await store.list_keys(conn)}
    lost = [key for key in trust.keys.values() if key.kid not in states and key.agency_code in agencies]
    stolen = [key for key in trust.keys.values() if key.state is KeyState.COMPROMISED and key.kid in states]
    await store.upsert_keys(conn, [_row(key, _state_of(key, lost)) for key in lost])
    await store.upsert_keys(conn, [_row(key, KeyState.COMPROMISED) for key in stolen])


def _state_of(key: TrustedKey, lost: Sequence[TrustedKey]) -> KeyState:
    """An agency's newest key waits for its list, as a new one does; the ones before have signed what they had to."""
    if key.state is not KeyState.ACTIVE:
        return key.state
    newest = max(other.valid_from for other in lost if other.agency_code == key.agency_code)
    return KeyState.PRE_ACTIVE if key.valid_from == newest else KeyState.RETIRED


async def _bring_back_honest_sets(conn: Connection, held: Believed, now: datetime) -> None:
    standing = await trust_store.list_honest_digests(conn)
    for key in held.trust.keys.values():
        content = held.honest_sets.get(key.honest_digest or b"")
        if content is not None and key.honest_digest is not None and key.kid not in standing:
            papers = len(honest_set.decode(content))
            await trust_store.insert_honest_set(conn, HonestPapers(key.honest_digest, key.kid, content, papers, now))


def make_row(trust: Trust, signed: bytes) -> SignedList:
    """The row of a signed list."""
    return SignedList(trust.version, signed, _instant(trust.issued_at), _instant(trust.expires_at))


def _row(key: TrustedKey, state: KeyState) -> SigningKey:
    return SigningKey(
        kid=key.kid,
        agency_code=key.agency_code,
        public_key=public_der(key.public_key),
        state=state,
        valid_from=_instant(key.valid_from),
        valid_until=None if key.valid_until is None else _instant(key.valid_until),
        compromised_at=None if key.compromised_at is None else _instant(key.compromised_at),
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
