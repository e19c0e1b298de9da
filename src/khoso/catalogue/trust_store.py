"""What is read and written for trust: signed lists, publisher keys, honest sets. The connection comes first."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

import msgspec

from khoso import db
from khoso.catalogue.model import PublisherKey
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput


class SignedList(msgspec.Struct, frozen=True):
    """A row of `trust_list`: what somebody wrote there, believed only once its signature is found good."""

    version: int
    signed: bytes
    issued_at: datetime
    expires_at: datetime


class HonestPapers(msgspec.Struct, frozen=True):
    """A row of `honest_set`."""

    digest: bytes
    kid: bytes
    content: bytes
    papers: int
    made_at: datetime


class _NamedSet(msgspec.Struct, frozen=True):
    kid: bytes
    digest: bytes


class _Content(msgspec.Struct, frozen=True):
    digest: bytes
    content: bytes


async def iterate_lists(conn: Connection) -> AsyncIterator[tuple[int, bytes]]:
    """Version and bytes of every list, the newest first. Inside a transaction."""
    async for row in conn.cursor("SELECT version, signed FROM trust_list ORDER BY version DESC", prefetch=2):
        yield row["version"], row["signed"]


async def next_version(conn: Connection) -> int:
    """A version that is higher than that of every list there is."""
    version: int = await conn.fetchval("SELECT coalesce(max(version), 0) + 1 FROM trust_list")
    return version


async def insert_list(conn: Connection, signed: SignedList) -> None:
    """Write a list for good. Raises InvalidInput if there is one of this version."""
    taken = InputProblem(
        "version",
        "taken",
        "đã có danh sách mang phiên bản này: lập dự thảo mới | there is a list of this version; make a new draft",
    )
    with db.violating("trust_list_pkey", InvalidInput, taken):
        await conn.execute(
            "INSERT INTO trust_list (version, signed, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
            *msgspec.structs.astuple(signed),
        )


async def list_publishers(conn: Connection) -> list[PublisherKey]:
    """All publisher keys there are or were."""
    return await db.fetch_all(
        conn,
        PublisherKey,
        "SELECT kid, public_key, valid_from, valid_until, compromised_at FROM publisher_key",
    )


async def insert_publisher(conn: Connection, kid: bytes, public_key: bytes, valid_from: datetime) -> None:
    """Register a publisher key; what is there stays."""
    await conn.execute(
        """
        INSERT INTO publisher_key (kid, public_key, valid_from) VALUES ($1, $2, $3)
            ON CONFLICT (kid) DO NOTHING
        """,
        kid,
        public_key,
        valid_from,
    )


async def end_publishers(conn: Connection, keep: bytes, valid_until: datetime) -> None:
    """The publisher keys but for one sign no more from then on; what they signed stays good."""
    await conn.execute(
        "UPDATE publisher_key SET valid_until = least(valid_until, $2) WHERE kid <> $1", keep, valid_until
    )


async def mark_publisher_compromised(conn: Connection, kid: bytes, now: datetime) -> None:
    """No trust list names the key any more."""
    await conn.execute(
        "UPDATE publisher_key SET compromised_at = $2 WHERE kid = $1 AND compromised_at IS NULL", kid, now
    )


async def list_honest_digests(conn: Connection) -> dict[bytes, bytes]:
    """The honest set of each key that has one: kid to digest."""
    rows = await db.fetch_all(conn, _NamedSet, "SELECT kid, digest FROM honest_set")
    return {row.kid: row.digest for row in rows}


async def list_honest_contents(conn: Connection, digests: Collection[bytes]) -> dict[bytes, bytes]:
    """The contents stored under these digests, unchecked."""
    rows = await db.fetch_all(
        conn, _Content, "SELECT digest, content FROM honest_set WHERE digest = ANY ($1::bytea[])", list(digests)
    )
    return {row.digest: row.content for row in rows}


async def insert_honest_set(conn: Connection, papers: HonestPapers) -> None:
    """Write the set of a key for good; the same again changes nothing.

    Raises InvalidInput if the key has another one: somebody wrote it there.
    """
    another = InputProblem(
        "kid",
        "honest_set",
        "khoá đã có tập giấy thật khác: tìm xem ai đã ghi"
        " | the key has another honest set already: find out who wrote it",
    )
    with db.violating("honest_set_one_for_each_key", InvalidInput, another):
        await conn.execute(
            """
            INSERT INTO honest_set (digest, kid, content, papers, made_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (digest) DO NOTHING
            """,
            *msgspec.structs.astuple(papers),
        )


async def compromise_key(conn: Connection, kid: bytes, since: datetime) -> str | None:
    """From the commit on nothing can be recorded that this key signs. Answers its agency; None for an unknown key.

    `issuance` looks at the state in the statement that takes an index for the paper.
    """
    agency_code: str | None = await conn.fetchval(
        """
        UPDATE signing_key SET state = 'compromised', compromised_at = coalesce(compromised_at, $2)
         WHERE kid = $1
        RETURNING agency_code
        """,
        kid,
        since,
    )
    return agency_code


async def get_horizon(conn: Connection) -> str:
    """A transaction number above that of every transaction that has one by now: a new one, for this statement."""
    horizon: str = await conn.fetchval("SELECT pg_current_xact_id()::text")
    return horizon


async def has_passed(conn: Connection, horizon: str) -> bool:
    """Whether every transaction that had a number below the horizon has ended."""
    passed: bool = await conn.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", horizon)
    return passed


async def list_status_lists(conn: Connection) -> list[int]:
    """The numbers of all status lists."""
    return [row["list_id"] for row in await conn.fetch("SELECT list_id FROM status_list ORDER BY list_id")]


async def list_papers(conn: Connection, list_id: int, kid: bytes) -> list[tuple[int, bytes]]:
    """Index and signed hash of the papers of a list that a key has signed, whatever became of them; at most 2^17."""
    rows = await conn.fetch(
        """
        SELECT status_index, signed_hash FROM status_entry
         WHERE list_id = $1 AND kid = $2
         ORDER BY status_index
        """,
        list_id,
        kid,
    )
    return [(row["status_index"], row["signed_hash"]) for row in rows]


async def activate_keys(conn: Connection, kids: Sequence[bytes], former_until: datetime) -> None:
    """These registered keys sign from now on, the ones before them no more; what those signed until then stays good."""
    await conn.execute(
        """
        UPDATE signing_key AS former
           SET state = 'retired', valid_until = least(former.valid_until, $2)
          FROM signing_key AS following
         WHERE following.kid = ANY ($1::bytea[]) AND former.agency_code = following.agency_code
           AND former.state = 'active'
        """,
        kids,
        former_until,
    )
    await conn.execute("UPDATE signing_key SET state = 'active' WHERE kid = ANY ($1::bytea[])", kids)
