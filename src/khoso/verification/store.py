"""What verification reads of the record, and what it writes of its own acts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.formats.claims import StatusRef
from khoso.verification.model import Record, Withdrawal


class ListVersion(msgspec.Struct, frozen=True):
    """How far a list is. Two lists of the same number in different databases differ in `life`."""

    list_id: int
    version: int
    life: str


class StatusChange(NamedTuple):
    """A row of `status_entry`: a tuple, for a worker takes over thousands a second."""

    status_index: int
    status: int
    signed_hash: bytes
    list_version: int


async def list_versions(conn: Connection) -> list[ListVersion]:
    """`life` is a hash of the list's seed, which is a secret, so that it may name a file.

    A list that was closed after a restore begins another life: what was remembered of it may have been lost.
    """
    return await db.fetch_all(
        conn,
        ListVersion,
        """
        SELECT list_id, version, encode(sha256(seed || coalesce(timestamptz_send(closed_at), '')), 'hex') AS life
          FROM status_list
        """,
    )


class WholeList(msgspec.Struct, frozen=True):
    """All entries of a list in one piece, as a rule in the order of their indexes: integers are big-endian.

    As rows they would take five times as long.
    """

    status_indexes: bytes
    """Four bytes each."""
    statuses: bytes
    """Two bytes each, in the same order."""
    fingerprints: bytes
    """The first eight bytes of each signed hash, in the same order."""


async def get_whole_list(conn: Connection, list_id: int) -> WholeList:
    found = await db.fetch_one(
        conn,
        WholeList,
        """
        SELECT coalesce(string_agg(int4send(status_index), ''), '') AS status_indexes,
               coalesce(string_agg(int2send(status), ''), '') AS statuses,
               coalesce(string_agg(substr(signed_hash, 1, 8), ''), '') AS fingerprints
          FROM (SELECT status_index, status, signed_hash
                  FROM status_entry
                 WHERE list_id = $1
                 ORDER BY status_index) AS entry
        """,
        list_id,
    )
    assert found is not None, "an aggregate without GROUP BY is one row"
    return found


async def list_changes(conn: Connection, list_id: int, after_version: int) -> list[StatusChange]:
    """The entries of a list that changed after a version. A list's versions are committed in order."""
    rows = await conn.fetch(
        """
        SELECT status_index, status, signed_hash, list_version
          FROM status_entry
         WHERE list_id = $1 AND list_version > $2
        """,
        list_id,
        after_version,
    )
    return list(map(StatusChange._make, rows))


async def list_records(conn: Connection, refs: Sequence[StatusRef]) -> dict[StatusRef, Record]:
    """What was recorded at these indexes; a missing one was never issued.

    They may be any numbers that a code can hold, not only such as were ever handed out.
    """
    records = await db.fetch_all(
        conn,
        Record,
        """
        SELECT list_id, status_index, status, signed_hash, vault_id, credential_id
          FROM status_entry
          JOIN unnest($1::bigint[], $2::bigint[]) AS asked (list_id, status_index) USING (list_id, status_index)
        """,
        [ref.list_id for ref in refs],
        [ref.status_index for ref in refs],
    )
    return {StatusRef(record.list_id, record.status_index): record for record in records}


class _Fields(msgspec.Struct, frozen=True):
    fields: dict[str, Any]


async def get_fields(conn: Connection, record: Record) -> dict[str, Any]:
    """All fields of a paper that was recorded, as the API takes them."""
    found = await db.fetch_one(
        conn,
        _Fields,
        "SELECT fields FROM credential WHERE vault_id = $1 AND credential_id = $2",
        record.vault_id,
        record.credential_id,
    )
    assert found is not None  # committed with its status entry, and never deleted
    return found.fields


async def find_withdrawal(conn: Connection, record: Record) -> Withdrawal | None:
    """The newest act on a credential."""
    return await db.fetch_one(
        conn,
        Withdrawal,
        """
        SELECT act, acted_at AS since, reason_code, decision_number, superseded_by
          FROM status_act
         WHERE vault_id = $1 AND credential_id = $2
         ORDER BY acted_at DESC, act_id DESC
         LIMIT 1
        """,
        record.vault_id,
        record.credential_id,
    )


class CountedScan(msgspec.Struct, frozen=True, order=True):
    """What is kept of a scan that nobody in particular made."""

    hour: datetime
    type_code: str
    outcome: str
    reason: str


async def add_counts(conn: Connection, counts: Mapping[CountedScan, int]) -> None:
    """Add to the aggregate counts. Keys in rising order, to avoid deadlocks."""
    keys = sorted(counts)
    await conn.execute(
        """
        INSERT INTO scan_count AS counted (hour, type_code, outcome, reason, scans)
        SELECT hour, type_code, outcome, reason, scans
          FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[])
               AS seen (hour, type_code, outcome, reason, scans)
            ON CONFLICT (hour, type_code, outcome, reason) DO UPDATE SET scans = counted.scans + excluded.scans
        """,
        [key.hour for key in keys],
        [key.type_code for key in keys],
        [key.outcome for key in keys],
        [key.reason for key in keys],
        [counts[key] for key in keys],
    )


class InspectorScan(msgspec.Struct, frozen=True):
    """A check by an authenticated inspector, for the holder to see."""

    vault_id: UUID
    scan_id: UUID
    result_code: str
    scanned_at: datetime
    inspector: str
    agency_code: str | None
    outcome: str
    reason: str
    recorded_fields: list[str]
    """What he was shown beyond the code."""


async def insert_scans(conn: Connection, scans: Sequence[InspectorScan]) -> None:
    await db.insert_rows(
        conn,
        """
        INSERT INTO scan (vault_id, scan_id, result_code, scanned_at, inspector, agency_code, outcome, reason,
                          recorded_fields)
        SELECT vault_id, scan_id, result_code, scanned_at, inspector, agency_code, outcome, reason,
               ARRAY (SELECT jsonb_array_elements_text(names))
          FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                      $8::text[], $9::jsonb[])
               AS scanned (vault_id, scan_id, result_code, scanned_at, inspector, agency_code, outcome, reason, names)
        """,
        # Lists of any length: as arrays in an array they would have to be of one.
        [(*msgspec.structs.astuple(one)[:-1], msgspec.json.encode(one.recorded_fields).decode()) for one in scans],
    )


class SpooledScan(msgspec.Struct, frozen=True):
    """A check by an inspector while the database was away: whose paper it was is found when it is delivered."""

    scan_id: UUID
    list_id: int
    status_index: int
    signed_hash: bytes
    scanned_at: datetime
    inspector: str
    agency_code: str | None
    outcome: str
    reason: str


async def insert_spooled_scans(conn: Connection, scans: Sequence[SpooledScan]) -> None:
    """Write down whose paper was checked, unless it stands there already; of a paper never recorded there is nobody."""
    refs = {StatusRef(scan.list_id, scan.status_index) for scan in scans}
    records = await list_records(conn, sorted(refs))
    found = [(scan, records.get(StatusRef(scan.list_id, scan.status_index))) for scan in scans]
    known = [(scan, record) for scan, record in found if record and record.signed_hash == scan.signed_hash]
    await conn.execute(
        """
        INSERT INTO scan (vault_id, scan_id, result_code, scanned_at, inspector, agency_code, outcome, reason)
        SELECT vault_id, scan_id, result_code, scanned_at, inspector, spooled.agency_code, outcome, reason
          FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
                      $8::text[])
               AS spooled (vault_id, credential_id, scan_id, scanned_at, inspector, agency_code, outcome, reason)
          JOIN credential USING (vault_id, credential_id)
            ON CONFLICT DO NOTHING  -- with the key named here, whoever writes would have to be allowed to read
        """,
        [record.vault_id for _, record in known],
        [record.credential_id for _, record in known],
        [scan.scan_id for scan, _ in known],
        [scan.scanned_at for scan, _ in known],
        [scan.inspector for scan, _ in known],
        [scan.agency_code for scan, _ in known],
        [scan.outcome for scan, _ in known],
        [scan.reason for scan, _ in known],
    )


async def insert_receipt(conn: Connection, batch_id: UUID, now: datetime, *, replacing: UUID | None = None) -> bool:
    """Whether this transaction is the one that delivers the batch. The receipt of a settled batch may make room."""
    inserted = await conn.fetchval(
        """
        WITH settled AS (DELETE FROM batch_receipt WHERE batch_id = $3)
        INSERT INTO batch_receipt (batch_id, received_at)
        VALUES ($1, $2)
            ON CONFLICT (batch_id) DO NOTHING
        RETURNING 1
        """,
        batch_id,
        now,
        replacing,
    )
    return inserted is not None


async def forget_receipts(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many receipts of batches that are handed over no more; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM batch_receipt
         WHERE batch_id IN (SELECT batch_id FROM batch_receipt WHERE received_at < $1 LIMIT $2)
        """,
        before,
        limit,
    )


class Lookup(msgspec.Struct, frozen=True):
    """A paper found by its result code, with the secret that must have been typed."""

    signed: bytes
    lookup_secret: str


class Place(msgspec.Struct, frozen=True):
    """Where a result code leads."""

    vault_id: UUID
    credential_id: UUID


async def find_place(conn: Connection, result_code: str) -> Place | None:
    return await db.fetch_one(
        conn, Place, "SELECT vault_id, credential_id FROM result_code WHERE result_code = $1", result_code
    )


async def find_lookup(conn: Connection, place: Place) -> Lookup | None:
    return await db.fetch_one(
        conn,
        Lookup,
        "SELECT signed, lookup_secret FROM credential WHERE vault_id = $1 AND credential_id = $2",
        place.vault_id,
        place.credential_id,
    )


async def count_attempt(conn: Connection, result_code: str, hour: datetime, limit: int) -> bool:
    """Count one attempt on a result code; False, and not counted, if the hour's limit was reached."""
    counted = await conn.fetchval(
        """
        INSERT INTO lookup_failure AS counted (result_code, hour, failures)
        VALUES ($1, $2, 1)
            ON CONFLICT (result_code, hour) DO UPDATE SET failures = counted.failures + 1
         WHERE counted.failures < $3
        RETURNING 1
        """,
        result_code,
        hour,
        limit,
    )
    return counted is not None


async def forgive_attempt(conn: Connection, result_code: str, hour: datetime) -> None:
    """Take one attempt back: it was right."""
    await conn.execute(
        "UPDATE lookup_failure SET failures = failures - 1 WHERE result_code = $1 AND hour = $2 AND failures > 0",
        result_code,
        hour,
    )


async def forget_attempts(conn: Connection, before: datetime, limit: int) -> int:
    """Drop so many hours of wrong look-ups; answers how many there were."""
    return await db.count_touched(
        conn,
        """
        DELETE FROM lookup_failure
         WHERE (result_code, hour) IN (SELECT result_code, hour FROM lookup_failure WHERE hour < $1
                                        ORDER BY hour LIMIT $2)
        """,
        before,
        limit,
    )
