"""What issuance reads and writes. The connection comes first: the service owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.db import Connection
from khoso.formats import cose
from khoso.formats.status_list import SIZE
from khoso.issuance.model import Credential

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


class KeyClaims(NamedTuple):
    """What became of claims: a claim that is in neither was refused, for its client is held."""

    ours: set[UUID]
    """The credential ids of those that were granted."""
    standing: dict[tuple[str, str], Claimed]
    """Those that were taken before, by client and key."""


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
        WITH made AS (
            INSERT INTO holder (holder_key, vault_id)
            SELECT holder_key, vault_id FROM unnest($1::bytea[], $2::uuid[]) AS proposed (holder_key, vault_id)
                ON CONFLICT (holder_key) DO NOTHING
            RETURNING holder_key, vault_id
        ), opened AS (
            INSERT INTO vault (vault_id, created_at) SELECT vault_id, $3 FROM made
        )
        SELECT holder_key, vault_id FROM made
        """,
        keys,
        ids,
        now,
    )
    if len(made) == len(proposed):
        found = made
    else:
        found = await db.fetch_all(
            conn, HolderVault, "SELECT holder_key, vault_id FROM holder WHERE holder_key = ANY ($1::bytea[])", keys
        )
    return {holder.holder_key: holder.vault_id for holder in found}


async def claim_keys(conn: Connection, claims: Sequence[Claimed], now: datetime) -> KeyClaims:
    """Claim idempotency keys, except those of who is held. Keys in rising order."""
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
         WHERE NOT EXISTS (SELECT FROM issuing_subject WHERE subject = client AND held)
            ON CONFLICT (client, idempotency_key) DO NOTHING
        RETURNING credential_id
        """,
        *arguments,
        [claim.request_hash for claim in claims],
        [claim.vault_id for claim in claims],
        [claim.credential_id for claim in claims],
        now,
    )
    ours = {row["credential_id"] for row in new}
    if len(ours) == len(claims):
        return KeyClaims(ours, {})
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
    taken = {(c.client, c.idempotency_key): c for c in standing if c.credential_id not in ours}
    return KeyClaims(ours, taken)


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


async def forget_keys(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many idempotency keys older than the promise made for them; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM idempotency_key
         WHERE (client, idempotency_key) IN (SELECT client, idempotency_key FROM idempotency_key WHERE created_at < $1
                                              ORDER BY created_at LIMIT $2)
        """,
        before,
        limit,
    )


async def take_result_numbers(conn: Connection, counts: Sequence[DossierNumbers]) -> dict[str, int]:
    """Take `results` numbers in each series (`series_of`); answers the last one taken. Series in rising order."""
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
    its own; only when all `OPEN_LISTS` are held does this one wait, and then for a list above those that it holds:
    whoever waits for lists takes them in rising order, so that nobody waits in a circle.
    """
    ranges: list[IndexRange] = []
    while count > 0:
        taken = await _take_from_list(conn, count, kids, _FREE_LIST, -1)
        if taken is None and not await _open_list(conn, new_seed):
            above = max((held.list_id for held in ranges), default=-1)
            taken = await _take_from_list(conn, count, kids, _NEXT_LIST, above)
        if taken is not None:
            ranges.append(taken)
            count -= taken.count
    return ranges


_NEXT_LIST: LiteralString = """
    SELECT list_id, taken AS first
      FROM status_list
     WHERE taken < $2 AND closed_at IS NULL AND list_id > $3
     ORDER BY list_id
     LIMIT 1
       FOR UPDATE
"""
_FREE_LIST: LiteralString = _NEXT_LIST + " SKIP LOCKED"


async def _take_from_list(
    conn: Connection, count: int, kids: Sequence[bytes], open_list: LiteralString, above: int
) -> IndexRange | None:
    """Take from the open list above that number which the query finds; None if there is none."""
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
                  EXISTS (SELECT FROM signing_key WHERE kid = ANY ($4::bytea[]) AND state = 'compromised')
                  AS key_compromised
        """,
        count,
        SIZE,
        above,
        kids,
    )


async def _open_list(conn: Connection, seed: bytes) -> bool:
    """Add a list unless there are enough open ones; whether it did. Where two try at once, one adds."""
    opened = await conn.fetchval(
        """
        INSERT INTO status_list (list_id, seed, taken, version)
        SELECT coalesce(max(list_id) + 1, 0), $1, 0, 0
          FROM status_list
        HAVING count(*) FILTER (WHERE taken < $2 AND closed_at IS NULL) < $3
            ON CONFLICT (list_id) DO NOTHING
        RETURNING true
        """,
        seed,
        SIZE,
        OPEN_LISTS,
    )
    return opened is True


class Hands(NamedTuple):
    """Who issued a result; and where it took two, who drafted it, and whose right the approver used."""

    issued_by: str
    drafted_by: str | None = None
    on_behalf_of: str | None = None


class Paper(NamedTuple):
    """A signed result with all that is written down of it."""

    credential: Credential
    hands: Hands
    list_version: int
    """The version of its status list from which on it is in force."""
    signed_hash: bytes


async def insert_papers(conn: Connection, papers: Sequence[Paper]) -> None:
    """The vault entries with their signed copies, through whose hands each went, and their status.

    From the commit on their indexes read "in force". One statement, for what three tables have in common is sent once.
    """
    await db.insert_rows(
        conn,
        """
        WITH paper AS (
            SELECT *
              FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[],
                          $8::text[], $9::text[], $10::text[], $11::jsonb[], $12::timestamptz[], $13::timestamptz[],
                          $14::timestamptz[], $15::smallint[], $16::integer[], $17::integer[], $18::bytea[],
                          $19::text[], $20::text[], $21::smallint[], $22::timestamptz[],
                          $23::text[], $24::text[], $25::text[], $26::bigint[], $27::bytea[], $28::bytea[])
                AS paper (vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code,
                          legal_basis, decision_number, holder_name, fields, issued_at, valid_from,
                          expires_at, evidence_level, list_id, status_index, signed,
                          lookup_secret, search_text, status, status_since,
                          issued_by, drafted_by, on_behalf_of, list_version, signed_hash, kid)
        ), coded AS (
            INSERT INTO result_code (result_code, vault_id, credential_id, agency_code, type_code, issued_at, issued_by,
                                     drafted_by, on_behalf_of)
            SELECT result_code, vault_id, credential_id, agency_code, type_code, issued_at, issued_by, drafted_by,
                   on_behalf_of
              FROM paper
        ), listed AS (
            INSERT INTO status_entry (list_id, status_index, status, list_version, signed_hash, vault_id, credential_id,
                                      kid)
            SELECT list_id, status_index, status, list_version, signed_hash, vault_id, credential_id, kid FROM paper
        )
        INSERT INTO credential (vault_id, credential_id, result_code, type_code, type_version, agency_code,
                                dossier_code, legal_basis, decision_number, holder_name, fields, issued_at, valid_from,
                                expires_at, evidence_level, list_id, status_index, signed, lookup_secret, search_text,
                                status, status_since)
        SELECT vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code, legal_basis,
               decision_number, holder_name, fields, issued_at, valid_from, expires_at, evidence_level, list_id,
               status_index, signed, lookup_secret, search_text, status, status_since
          FROM paper
        """,
        [
            (
                *msgspec.structs.astuple(paper.credential),
                *paper.hands,
                paper.list_version,
                paper.signed_hash,
                cose.kid_of(paper.credential.signed),
            )
            for paper in papers
        ],
    )


async def audit_issues(
    conn: Connection, credentials: Sequence[Credential], actors: Sequence[str], now: datetime
) -> None:
    """An audit row for each; of a paper without a dossier, its ground besides.

    Last in a transaction but for the count of papers, for the audit's chain is locked last.
    """
    entries = [auditing.Entry(actor, "issue", c.result_code) for c, actor in zip(credentials, actors, strict=True)]
    entries += [
        auditing.Entry(actor, "ground", f"{c.result_code} {c.legal_basis}, {c.decision_number}")
        for c, actor in zip(credentials, actors, strict=True)
        if c.dossier_code is None
    ]
    await auditing.append(conn, entries, now)


async def find_credential(conn: Connection, vault_id: UUID, credential_id: UUID) -> Credential | None:
    return await db.fetch_one(
        conn,
        Credential,
        """
        SELECT vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code, legal_basis,
               decision_number, holder_name, fields, issued_at, valid_from, expires_at, evidence_level, list_id,
               status_index, signed, lookup_secret, search_text, status, status_since
          FROM credential
         WHERE vault_id = $1 AND credential_id = $2
        """,
        vault_id,
        credential_id,
    )
