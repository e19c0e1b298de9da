"""What the catalogue reads and writes. The connection comes first: the service owns the transaction."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from khoso import db
from khoso.catalogue.model import Agency, Right, SigningKey, Successor
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput, unknown_agency
from khoso.formats.result_type import ResultType
from khoso.formats.trust import KeyState

CHANNEL = "khoso_catalogue"


class _Version(msgspec.Struct, frozen=True):
    version: int


class _Definition(msgspec.Struct, frozen=True):
    definition: ResultType


class _Kid(msgspec.Struct, frozen=True):
    kid: bytes


async def get_version(conn: Connection) -> int:
    """The version of the newest committed catalogue."""
    row = await db.fetch_one(conn, _Version, "SELECT version FROM catalogue_version")
    assert row is not None  # the migration inserts it, and nobody may delete it
    return row.version


async def raise_version(conn: Connection) -> None:
    """Begin a change: until the end of this transaction no other change begins. The commit tells every worker."""
    await conn.execute("UPDATE catalogue_version SET version = version + 1")
    await conn.execute("SELECT pg_notify($1, version::text) FROM catalogue_version", CHANNEL)


async def raise_version_above(conn: Connection, version: int) -> None:
    """Let the catalogue's version, which this transaction has raised, be higher than that one too."""
    await conn.execute("UPDATE catalogue_version SET version = $1 + 1 WHERE version <= $1", version)


async def list_agencies(conn: Connection) -> list[Agency]:
    """All agencies there are or were, by code."""
    return await db.fetch_all(
        conn,
        Agency,
        """
        SELECT agency_code, name_vi, name_en, level, parent_code, valid_from, valid_until
          FROM agency
         ORDER BY agency_code COLLATE "C"
        """,
    )


async def list_successors(conn: Connection) -> list[Successor]:
    """Who answers now for whom, by code."""
    return await db.fetch_all(
        conn,
        Successor,
        """
        SELECT agency_code, successor_code, since
          FROM agency_successor
         ORDER BY agency_code COLLATE "C", successor_code COLLATE "C"
        """,
    )


async def list_rights(conn: Connection) -> list[Right]:
    """All issuing rights, past ones too."""
    return await db.fetch_all(conn, Right, "SELECT agency_code, type_code, valid_from, valid_until FROM issuing_right")


async def list_keys(conn: Connection) -> list[SigningKey]:
    """All public keys, in whatever state."""
    return await db.fetch_all(
        conn,
        SigningKey,
        """
        SELECT kid, agency_code, public_key, state, valid_from, valid_until, compromised_at
          FROM signing_key
        """,
    )


async def list_types(conn: Connection) -> list[ResultType]:
    """All versions of all result types, by code and version."""
    rows = await db.fetch_all(
        conn,
        _Definition,
        'SELECT definition FROM result_type_version ORDER BY type_code COLLATE "C", version',
    )
    return [row.definition for row in rows]


async def insert_type(conn: Connection, definition: ResultType, now: datetime) -> None:
    """Publish a version for good."""
    await conn.execute(
        "INSERT INTO result_type_version (type_code, version, definition, published_at) VALUES ($1, $2, $3, $4)",
        definition.code,
        definition.version,
        definition,
        now,
    )


async def upsert_agencies(conn: Connection, agencies: Sequence[Agency]) -> None:
    """Write agencies; a parent may stand anywhere in the list. Raises InvalidInput for an unknown parent."""
    with (
        db.violating("agency_parent_known", InvalidInput, unknown_agency("parent_code")),
        db.violating(
            "agency_code_form",
            InvalidInput,
            InputProblem(
                "agency_code", "form", "nhập tối đa 35 ký tự gồm 0-9 A-Z và dấu chấm | at most 35 of 0-9 A-Z ."
            ),
        ),
        db.violating(
            "agency_dates_ordered",
            InvalidInput,
            InputProblem("valid_until", "order", "chọn thời điểm sau valid_from | after valid_from"),
        ),
    ):
        await conn.execute(
            """
            INSERT INTO agency (agency_code, name_vi, name_en, level, parent_code, valid_from, valid_until)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::date[])
                ON CONFLICT (agency_code) DO UPDATE
               SET name_vi = excluded.name_vi, name_en = excluded.name_en, level = excluded.level,
                   parent_code = excluded.parent_code, valid_from = excluded.valid_from,
                   valid_until = excluded.valid_until
            """,
            [agency.agency_code for agency in agencies],
            [agency.name_vi for agency in agencies],
            [agency.name_en for agency in agencies],
            [agency.level for agency in agencies],
            [agency.parent_code for agency in agencies],
            [agency.valid_from for agency in agencies],
            [agency.valid_until for agency in agencies],
        )


async def insert_successors(conn: Connection, successors: Sequence[Successor]) -> None:
    """Write successors; what is there stays. Raises InvalidInput for an unknown agency."""
    unknown = unknown_agency("successor_code")
    with (
        db.violating("agency_successor_agency_code_fkey", InvalidInput, unknown),
        db.violating("agency_successor_successor_code_fkey", InvalidInput, unknown),
    ):
        await conn.execute(
            """
            INSERT INTO agency_successor (agency_code, successor_code, since)
            SELECT * FROM unnest($1::text[], $2::text[], $3::date[])
                ON CONFLICT (agency_code, successor_code) DO NOTHING
            """,
            [successor.agency_code for successor in successors],
            [successor.successor_code for successor in successors],
            [successor.since for successor in successors],
        )


async def upsert_rights(conn: Connection, rights: Sequence[Right]) -> None:
    """Write rights; a right is ended by writing its `valid_until`. Raises InvalidInput for an unknown agency."""
    unknown = unknown_agency("agency_code")
    with db.violating("issuing_right_agency_code_fkey", InvalidInput, unknown):
        await conn.execute(
            """
            INSERT INTO issuing_right (agency_code, type_code, valid_from, valid_until)
            SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
                ON CONFLICT (agency_code, type_code) DO UPDATE
               SET valid_from = excluded.valid_from, valid_until = excluded.valid_until
            """,
            [right.agency_code for right in rights],
            [right.type_code for right in rights],
            [right.valid_from for right in rights],
            [right.valid_until for right in rights],
        )


async def retire_keys(
    conn: Connection, state: KeyState, agency_codes: Sequence[str], keep: Sequence[bytes], valid_until: datetime
) -> None:
    """The keys of these agencies in that state sign no more, but for those to keep; what they signed stays good."""
    await conn.execute(
        """
        UPDATE signing_key
           SET state = 'retired', valid_until = least(valid_until, $4)
         WHERE state = $1 AND agency_code = ANY ($2::text[]) AND kid <> ALL ($3::bytea[])
        """,
        state,
        agency_codes,
        keep,
        valid_until,
    )


async def upsert_keys(conn: Connection, keys: Sequence[SigningKey]) -> set[bytes]:
    """Write keys; answers the kids written. A key keeps its agency, and its state only moves towards its end.

    Raises InvalidInput for an unknown agency, or for two active keys of one.
    """
    unknown = unknown_agency("agency_code")
    two = InputProblem(
        "state",
        "two_active",
        "mỗi cơ quan chỉ ký bằng một khoá tại một thời điểm | an agency signs with one key at a time",
    )
    with (
        db.violating("signing_key_agency_code_fkey", InvalidInput, unknown),
        db.violating("signing_key_one_active", InvalidInput, two),
    ):
        written = await db.fetch_all(
            conn,
            _Kid,
            """
            INSERT INTO signing_key AS standing
                   (kid, agency_code, public_key, state, valid_from, valid_until, compromised_at)
            SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[],
                                 $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
                ON CONFLICT (kid) DO UPDATE
               SET state = excluded.state, valid_until = least(standing.valid_until, excluded.valid_until),
                   compromised_at = excluded.compromised_at
             WHERE standing.agency_code = excluded.agency_code
               AND array_position(ARRAY['pre_active', 'active', 'retired', 'compromised'], standing.state)
                   <= array_position(ARRAY['pre_active', 'active', 'retired', 'compromised'], excluded.state)
            RETURNING kid
            """,
            [key.kid for key in keys],
            [key.agency_code for key in keys],
            [key.public_key for key in keys],
            [key.state for key in keys],
            [key.valid_from for key in keys],
            [key.valid_until for key in keys],
            [key.compromised_at for key in keys],
        )
    return {row.kid for row in written}
