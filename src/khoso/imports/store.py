"""What imports read and write. The connection comes first: the service owns the transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.formats.hidden import made_visible
from khoso.imports.model import MAX_LISTED, MAX_LISTED_NAME, Fault, Issued, Job, ListedFault, Result, State

PIECE_BYTES = 1 << 20


async def insert_job(conn: Connection, job: Job) -> bool:
    """Record a new import; False if the client has used this idempotency key before."""
    made = await conn.fetchval(
        """
        INSERT INTO import_job (import_id, agency_code, client, idempotency_key, request_hash, type_code, file_format,
                                issue_valid, state, rows_checked, rows_total, rows_invalid, rows_issued, last_row,
                                created_at, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
            ON CONFLICT (client, idempotency_key) DO NOTHING
        RETURNING true
        """,
        *msgspec.structs.astuple(job),
    )
    return made is not None


async def list_unfinished(conn: Connection) -> list[UUID]:
    """Imports that wait or run."""
    rows = await conn.fetch("SELECT import_id FROM import_job WHERE finished_at IS NULL")
    return [row["import_id"] for row in rows]


async def find_job(conn: Connection, import_id: UUID) -> Job | None:
    return await db.fetch_one(
        conn,
        Job,
        """
        SELECT import_id, agency_code, client, idempotency_key, request_hash, type_code, file_format, issue_valid,
               state, rows_checked, rows_total, rows_invalid, rows_issued, last_row, created_at, finished_at
          FROM import_job
         WHERE import_id = $1
        """,
        import_id,
    )


async def find_job_by_key(conn: Connection, client: str, idempotency_key: str) -> Job | None:
    return await db.fetch_one(
        conn,
        Job,
        """
        SELECT import_id, agency_code, client, idempotency_key, request_hash, type_code, file_format, issue_valid,
               state, rows_checked, rows_total, rows_invalid, rows_issued, last_row, created_at, finished_at
          FROM import_job
         WHERE client = $1 AND idempotency_key = $2
        """,
        client,
        idempotency_key,
    )


async def insert_piece(conn: Connection, import_id: UUID, piece: int, content: bytes) -> None:
    await conn.execute(
        "INSERT INTO import_file (import_id, piece, content) VALUES ($1, $2, $3)", import_id, piece, content
    )


async def find_piece(conn: Connection, import_id: UUID, piece: int) -> bytes | None:
    """One piece of the uploaded file; None after the last."""
    content: bytes | None = await conn.fetchval(
        "SELECT content FROM import_file WHERE import_id = $1 AND piece = $2", import_id, piece
    )
    return content


async def note_checked(conn: Connection, import_id: UUID, rows: int) -> bool:
    """How far the check has come; for the eye only. False if there is nothing to check any more."""
    noted = await conn.fetchval(
        "UPDATE import_job SET rows_checked = $2 WHERE import_id = $1 AND state = 'validating' RETURNING true",
        import_id,
        rows,
    )
    return noted is not None


async def start_issuing(conn: Connection, import_id: UUID, rows_total: int) -> None:
    await conn.execute(
        """
        UPDATE import_job SET state = 'issuing', rows_checked = $2, rows_total = $2
         WHERE import_id = $1 AND state = 'validating'
        """,
        import_id,
        rows_total,
    )


async def take_rows(conn: Connection, import_id: UUID, after: int, up_to: int, issued: int, invalid: int) -> bool:
    """Claim the rows after one row up to another for this transaction, and count them as done.

    The row of the job stays locked until the commit. False if another worker has done them, or ended the import.
    """
    claimed = await conn.fetchval(
        """
        UPDATE import_job
           SET last_row = $3, rows_issued = rows_issued + $4, rows_invalid = rows_invalid + $5
         WHERE import_id = $1 AND state = 'issuing' AND last_row = $2
        RETURNING true
        """,
        import_id,
        after,
        up_to,
        issued,
        invalid,
    )
    return claimed is not None


async def end_job(
    conn: Connection, import_id: UUID, state: State, last_row: int, rows_total: int | None, invalid: int, now: datetime
) -> bool:
    """End an import. False if another worker has gone on with it."""
    ended = await conn.fetchval(
        """
        UPDATE import_job
           SET state = $2, rows_total = coalesce($4, rows_total), rows_invalid = rows_invalid + $5, finished_at = $6
         WHERE import_id = $1 AND last_row = $3 AND finished_at IS NULL
        RETURNING true
        """,
        import_id,
        state,
        last_row,
        rows_total,
        invalid,
        now,
    )
    return ended is not None


async def cancel_job(conn: Connection, import_id: UUID, now: datetime) -> bool:
    """Cancel an import once its step has ended; the row stays locked until the commit. False if it has ended itself."""
    cancelled = await conn.fetchval(
        """
        UPDATE import_job SET state = 'cancelled', finished_at = $2
         WHERE import_id = $1 AND finished_at IS NULL
        RETURNING true
        """,
        import_id,
        now,
    )
    return cancelled is not None


async def delete_file(conn: Connection, import_id: UUID) -> None:
    await conn.execute("DELETE FROM import_file WHERE import_id = $1", import_id)


async def insert_faults(conn: Connection, import_id: UUID, faults: Sequence[Fault]) -> None:
    """List faults after those listed already, up to the limit. The job's row must be locked.

    What cannot be seen in the name of a column is made visible: PostgreSQL takes no NUL, and the messages are ours.
    """
    if not faults:
        return
    listed: int = await conn.fetchval("SELECT count(*) FROM import_error WHERE import_id = $1", import_id)
    await db.insert_rows(
        conn,
        """
        INSERT INTO import_error (import_id, position, row_number, column_name, code, message)
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[])
        """,
        [
            (
                import_id,
                position,
                fault.row_number,
                made_visible(fault.column[:MAX_LISTED_NAME]),
                fault.code,
                fault.message,
            )
            for position, fault in enumerate(faults, listed)
            if position < MAX_LISTED
        ],
    )


async def list_faults(conn: Connection, import_id: UUID, first: int, limit: int) -> list[ListedFault]:
    """In the order in which they were found."""
    return await db.fetch_all(
        conn,
        ListedFault,
        """
        SELECT position, row_number, column_name, code, message
          FROM import_error
         WHERE import_id = $1 AND position >= $2
         ORDER BY position
         LIMIT $3
        """,
        import_id,
        first,
        limit,
    )


async def insert_results(conn: Connection, import_id: UUID, results: Iterable[tuple[int, Issued]]) -> None:
    await db.insert_rows(
        conn,
        """
        INSERT INTO import_result (import_id, row_number, result_code, lookup_code)
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[])
        """,
        [(import_id, row_number, one.result_code, one.lookup_code) for row_number, one in results],
    )


async def list_results(conn: Connection, import_id: UUID, after: int, limit: int) -> list[Result]:
    """In the order of the file."""
    return await db.fetch_all(
        conn,
        Result,
        """
        SELECT row_number, result_code, lookup_code
          FROM import_result
         WHERE import_id = $1 AND row_number > $2
         ORDER BY row_number
         LIMIT $3
        """,
        import_id,
        after,
        limit,
    )
