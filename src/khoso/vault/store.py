"""What is read of a vault. Every query names the vault: so the data are spread, and so they are held apart."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.db import Connection
from khoso.vault.model import Act, Entry


class Place(msgspec.Struct, frozen=True):
    """Where a result code leads, and through whose hands the result went."""

    vault_id: UUID
    credential_id: UUID
    issued_by: str
    drafted_by: str | None
    on_behalf_of: str | None


async def find_place(conn: Connection, result_code: str) -> Place | None:
    return await db.fetch_one(
        conn,
        Place,
        """
        SELECT vault_id, credential_id, issued_by, drafted_by, on_behalf_of
          FROM result_code
         WHERE result_code = $1
        """,
        result_code,
    )


async def find_entry(conn: Connection, place: Place) -> Entry | None:
    return await db.fetch_one(
        conn,
        Entry,
        """
        SELECT vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code, legal_basis,
               decision_number, holder_name, fields, issued_at, valid_from, expires_at, signed, lookup_secret, status,
               status_since
          FROM credential
         WHERE vault_id = $1 AND credential_id = $2
        """,
        place.vault_id,
        place.credential_id,
    )


async def list_entries(
    conn: Connection,
    vault_id: UUID,
    *,
    words: Sequence[str],
    type_code: str | None,
    status: int | None,
    before: tuple[datetime, UUID],
    limit: int,
) -> list[Entry]:
    """The vault's results, newest first, older than `before`; each of the folded words must occur in text or code."""
    return await db.fetch_all(
        conn,
        Entry,
        """
        SELECT vault_id, credential_id, result_code, type_code, type_version, agency_code, dossier_code, legal_basis,
               decision_number, holder_name, fields, issued_at, valid_from, expires_at, signed, lookup_secret, status,
               status_since
          FROM credential
         WHERE vault_id = $1
           AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS word
                            WHERE strpos(search_text || ' ' || lower(result_code), word) = 0)
           AND ($3::text IS NULL OR type_code = $3)
           AND ($4::smallint IS NULL OR status = $4)
           AND (issued_at, credential_id) < ($5, $6)
         ORDER BY issued_at DESC, credential_id DESC
         LIMIT $7
        """,
        vault_id,
        words,
        type_code,
        status,
        *before,
        limit,
    )


async def list_acts(conn: Connection, place: Place) -> list[Act]:
    """The history of a result, oldest first."""
    return await db.fetch_all(
        conn,
        Act,
        """
        SELECT act, reason_code, decision_number, acted_at, effective_at, superseded_by, order_id, actor, approver
          FROM status_act
         WHERE vault_id = $1 AND credential_id = $2
         ORDER BY acted_at, act_id
        """,
        place.vault_id,
        place.credential_id,
    )
