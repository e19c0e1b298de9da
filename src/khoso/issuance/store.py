"""What issuance reads and writes. The connection comes first: the service owns the transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.formats import cose
from khoso.formats.status_list import SIZE
from khoso.issuance.model import Credential, StatusAct

OPEN_LISTS = 4
"""Status lists from which indexes are taken at the same time: by two workers, an import, and one to spare."""


class HolderVault(msgspec.Struct, frozen=True):
    holder_key: bytes
    vault_id: UUID


class Claimed(msgspec.Struct, frozen=True):
    """An idempotency key as it stands in the table."""

    client: str
    idempotency_key: str
    request_hash: bytes
    vault_id: UUID
    credential_id: UUID


class DossierNumbers(msgspec.Struct, frozen=True):
    dossier_code: str
    results: int


class IndexRange(msgspec.Struct, frozen=True):
    """Positions `first` … `first + count - 1` of a status list, taken for one transaction."""

    list_id: int
    seed: bytes
    first: int
    count: int
    version: int
    key_compromised: bool
    """Whether one of the keys to sign with was stolen, as was seen when the list was locked."""


async def ensure_vaults(conn: Connection, proposed: Sequence[HolderVault], now: datetime) -> dict[bytes, UUID]:
    """The vault of each holder key; the proposed id where there was none. Keys in rising order, to avoid deadlocks."""
    keys = [holder.holder_key for holder in proposed]
    ids = [holder.vault_id for holder in proposed]
    made = await db.fetch_all(
        conn,
        HolderVault,
        """
        INSERT INTO holder (holder_key, vault_id)
        SELECT holder_key, vault_id FROM unnest($1::bytea[], $2::uuid[]) AS proposed (holder_key, vault_id)
            ON CONFLICT (holder_key) DO NOTHING
        RETURNING holder_key, vault_id
        """,
        keys,
        ids,
    )
    if made:
        await conn.copy_records_to_table(
            "vault", records=[(holder.vault_id, now) for holder in made], columns=("vault_id", "created_at")
        )
    if len(made) == len(proposed):
        found = made
    else:
        found = await db.fetch_all(
            conn, HolderVault, "SELECT holder_key, vault_id FROM holder WHERE holder_key = ANY ($1::bytea[])", keys
        )
    return {holder.holder_key: holder.vault_id for holder in found}


async def claim_keys(conn: Connection, claims: Sequence[Claimed], now: datetime) -> list[Claimed]:
    """Claim idempotency keys; returns those that were taken before, as they stand. Keys in rising order."""
    arguments = (
        [claim.client for claim in claims],
        [claim.idempotency_key for claim in claims],
    )
    new = await conn.fetch(
        """
        INSERT INTO idempotency_key (client, idempotency_key, request_hash, vault_id, credential_id, created_at)
        SELECT client, idempotency_key, request_hash, vault_id, credential_id, $6
          FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::uuid[])
               AS claim (client, idempotency_key, request_hash, vault_id, credential_id)
            ON CONFLICT (client, idempotency_key) DO NOTHING
        RETURNING 1
        """,
        *arguments,
        [claim.request_hash for claim in claims],
        [claim.vault_id for claim in claims],
        [claim.credential_id for claim in claims],
        now,
    )
    if len(new) == len(claims):
        return []
    standing = await db.fetch_all(
        conn,
        Claimed,
        """
        SELECT client, idempotency_key, request_hash, vault_id, credential_id
          FROM idempotency_key
          JOIN unnest($1::text[], $2::text[]) AS asked (client, idempotency_key) USING (client, idempotency_key)
        """,
        *arguments,
    )
    ours = {claim.credential_id for claim in claims}
    return [claim for claim in standing if claim.credential_id not in ours]


async def find_claim(conn: Connection, client: str, idempotency_key: str) -> Claimed | None:
    return await db.fetch_one(
        conn,
        Claimed,
        """
        SELECT client, idempotency_key, request_hash, vault_id, credential_id
          FROM idempotency_key
         WHERE client = $1 AND idempotency_key = $2
        """,
        client,
        idempotency_key,
    )


async def forget_keys(conn: Connection, before: datetime) -> None:
    """Drop idempotency keys older than the promise made for them."""
    await conn.execute("DELETE FROM idempotency_key WHERE created_at < $1", before)


async def take_result_numbers(conn: Connection, counts: Sequence[DossierNumbers]) -> dict[str, int]:
    """Take `results` numbers in each dossier; answers the last one taken. Codes in rising order."""
    taken = await db.fetch_all(
        conn,
        DossierNumbers,
        """
        INSERT INTO dossier_result AS numbered (dossier_code, results)
        SELECT dossier_code, results FROM unnest($1::text[], $2::integer[]) AS wanted (dossier_code, results)
            ON CONFLICT (dossier_code) DO UPDATE SET results = numbered.results + excluded.results
        RETURNING dossier_code, results
        """,
        [count.dossier_code for count in counts],
        [count.results for count in counts],
    )
    return {row.dossier_code: row.results for row in taken}


async def take_indexes(conn: Connection, count: int, new_seed: bytes, kids: Sequence[bytes]) -> list[IndexRange]:
    """Take `count` free indexes; the lists stay locked until the commit. `kids` are the keys to sign with.

    A list that another transaction holds is passed over, so a few transactions issue side by side, each from a list of
    its own; only when all `OPEN_LISTS` are held does this one wait.
    """
    ranges: list[IndexRange] = []
    while count > 0:
        taken = await _take_from_list(conn, count, kids, wait=False)
        if taken is None and not await _open_list(conn, new_seed):
            taken = await _take_from_list(conn, count, kids, wait=True)
        if taken is not None:
            ranges.append(taken)
            count -= taken.count
    return ranges


_FREE_LIST: LiteralString = """
    SELECT list_id, taken AS first
      FROM status_list
     WHERE taken < $2
     ORDER BY list_id
     LIMIT 1
       FOR UPDATE
"""


async def _take_from_list(conn: Connection, count: int, kids: Sequence[bytes], *, wait: bool) -> IndexRange | None:
    """Take from the first open list, or, without waiting, from the first that nobody holds; None if there is none."""
    open_list = _FREE_LIST if wait else _FREE_LIST + " SKIP LOCKED"
    return await db.fetch_one(
        conn,
        IndexRange,
        "WITH open AS ("  # noqa: S608 - both parts are literals of this file
        + open_list
        + """)
        UPDATE status_list AS list
           SET taken = least(list.taken + $1, $2), version = list.version + 1
          FROM open
         WHERE list.list_id = open.list_id
        RETURNING list.list_id, list.seed, open.first, list.taken - open.first AS count, list.version,
                  EXISTS (SELECT FROM signing_key WHERE kid = ANY ($3::bytea[]) AND state = 'compromised')
                  AS key_compromised
        """,
        count,
        SIZE,
        kids,
    )


async def _open_list(conn: Connection, seed: bytes) -> bool:
    """Add a list unless there are enough open ones; whether it did. Where two try at once, one adds."""
    opened = await conn.fetchval(
        """
        INSERT INTO status_list (list_id, seed, taken, version)
        SELECT coalesce(max(list_id) + 1, 0), $1, 0, 0
          FROM status_list
        HAVING count(*) FILTER (WHERE taken < $2) < $3
            ON CONFLICT (list_id) DO NOTHING
        RETURNING true
        """,
        seed,
        SIZE,
        OPEN_LISTS,
    )
    return opened is True


_CREDENTIAL_COLUMNS = Credential.__struct_fields__


async def insert_credentials(conn: Connection, credentials: Sequence[Credential]) -> None:
    """The vault entries with their signed copies."""
    await conn.copy_records_to_table(
        "credential", records=map(msgspec.structs.astuple, credentials), columns=_CREDENTIAL_COLUMNS
    )
    await conn.copy_records_to_table(
        "result_code",
        records=[(c.result_code, c.vault_id, c.credential_id, c.agency_code) for c in credentials],
        columns=("result_code", "vault_id", "credential_id", "agency_code"),
    )


async def insert_status_entries(
    conn: Connection, credentials: Iterable[Credential], hashes: Iterable[bytes], versions: dict[int, int]
) -> None:
    """From the commit on, these indexes read "in force"."""
    await conn.copy_records_to_table(
        "status_entry",
        records=[
            (
                c.list_id,
                c.status_index,
                c.status,
                versions[c.list_id],
                signed_hash,
                c.vault_id,
                c.credential_id,
                cose.kid_of(c.signed),
            )
            for c, signed_hash in zip(credentials, hashes, strict=True)
        ],
        columns=(
            "list_id",
            "status_index",
            "status",
            "list_version",
            "signed_hash",
            "vault_id",
            "credential_id",
            "kid",
        ),
    )


class Trace(msgspec.Struct, frozen=True):
    """One act on one credential, for the outbox and the audit."""

    event_id: UUID
    audit_id: UUID
    vault_id: UUID
    credential_id: UUID
    result_code: str
    actor: str


async def insert_traces(conn: Connection, traces: Sequence[Trace], kind: str, now: datetime) -> None:
    """An outbox event and an audit row for each."""
    await conn.copy_records_to_table(
        "outbox",
        records=[(t.event_id, kind, t.vault_id, t.credential_id, now) for t in traces],
        columns=("event_id", "kind", "vault_id", "credential_id", "created_at"),
    )
    await conn.copy_records_to_table(
        "audit",
        records=[(t.audit_id, now, t.actor, kind, t.result_code) for t in traces],
        columns=("audit_id", "at", "actor", "act", "subject"),
    )


async def announce(conn: Connection, list_id: int) -> None:
    """Hint to every worker that a list changed; polling is the promise."""
    await conn.execute("SELECT pg_notify('khoso_status', $1)", str(list_id))


class Standing(msgspec.Struct, frozen=True):
    """A credential as a status act finds it."""

    vault_id: UUID
    credential_id: UUID
    agency_code: str
    result_code: str
    list_id: int
    status_index: int
    status: int


async def find_credential(conn: Connection, vault_id: UUID, credential_id: UUID) -> Credential | None:
    return await db.fetch_one(
        conn,
        Credential,
        """
        SELECT vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code, holder_name,
               fields, issued_at, valid_from, expires_at, evidence_level, list_id, status_index, signed, lookup_secret,
               search_text, status, status_since
          FROM credential
         WHERE vault_id = $1 AND credential_id = $2
        """,
        vault_id,
        credential_id,
    )


class ResultCode(msgspec.Struct, frozen=True):
    """Where a result code leads."""

    result_code: str
    vault_id: UUID
    credential_id: UUID
    agency_code: str


async def find_result_code(conn: Connection, result_code: str) -> ResultCode | None:
    return await db.fetch_one(
        conn,
        ResultCode,
        "SELECT result_code, vault_id, credential_id, agency_code FROM result_code WHERE result_code = $1",
        result_code,
    )


async def lock_standings(conn: Connection, place: ResultCode, newer: ResultCode | None) -> tuple[Standing, int | None]:
    """The credential, and the status of the newer one of the same vault if there is one, locked until the commit.

    Acts on a credential follow one another; two are locked in the order of their ids, so that acts cannot deadlock.
    """
    wanted = [place.credential_id, *([] if newer is None else [newer.credential_id])]
    rows = await db.fetch_all(
        conn,
        Standing,
        """
        SELECT vault_id, credential_id, agency_code, result_code, list_id, status_index, status
          FROM credential
         WHERE vault_id = $1 AND credential_id = ANY ($2::uuid[])
         ORDER BY credential_id
           FOR UPDATE
        """,
        place.vault_id,
        wanted,
    )
    found = {row.credential_id: row for row in rows}
    return found[place.credential_id], None if newer is None else found[newer.credential_id].status


async def raise_list_version(conn: Connection, list_id: int) -> int:
    """The version under which a change of this list becomes visible; the list stays locked until the commit."""
    version: int = await conn.fetchval(
        "UPDATE status_list SET version = version + 1 WHERE list_id = $1 RETURNING version", list_id
    )
    return version


async def change_status(conn: Connection, standing: Standing, status: int, version: int, now: datetime) -> None:
    await conn.execute(
        "UPDATE credential SET status = $3, status_since = $4 WHERE vault_id = $1 AND credential_id = $2",
        standing.vault_id,
        standing.credential_id,
        status,
        now,
    )
    await conn.execute(
        "UPDATE status_entry SET status = $3, list_version = $4 WHERE list_id = $1 AND status_index = $2",
        standing.list_id,
        standing.status_index,
        status,
        version,
    )


async def insert_act(
    conn: Connection, standing: Standing, act_id: UUID, act: StatusAct, actor: str, now: datetime
) -> None:
    await conn.execute(
        """
        INSERT INTO status_act (vault_id, act_id, credential_id, act, reason_code, decision_number, actor, acted_at,
                                superseded_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        standing.vault_id,
        act_id,
        standing.credential_id,
        act.act,
        act.reason_code,
        act.decision_number,
        actor,
        now,
        act.superseded_by,
    )
