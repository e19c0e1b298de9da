"""What is read and written of the fields that inspectors see beyond the code. The connection comes first."""

from collections.abc import Collection
from datetime import datetime

from khoso import db
from khoso.catalogue.model import InspectorField
from khoso.db import Connection
from khoso.errors import InvalidInput, unknown_agency


async def list_inspector_fields(conn: Connection) -> list[InspectorField]:
    """All that holds now, by agency, type and field."""
    return await db.fetch_all(
        conn,
        InspectorField,
        """
        SELECT agency_code, type_code, field_name
          FROM inspector_field
         WHERE ended_at IS NULL
         ORDER BY agency_code COLLATE "C", type_code COLLATE "C", field_name COLLATE "C"
        """,
    )


async def end_inspector_fields(
    conn: Connection, agency_code: str, type_code: str, keep: Collection[str], ended_by: str, now: datetime
) -> None:
    """What an authority sees of a type, but for the fields to keep; none ends before it began."""
    await conn.execute(
        """
        UPDATE inspector_field SET ended_at = greatest($5, granted_at), ended_by = $4
         WHERE agency_code = $1 AND type_code = $2 AND field_name <> ALL ($3::text[]) AND ended_at IS NULL
        """,
        agency_code,
        type_code,
        list(keep),
        ended_by,
        now,
    )


async def insert_inspector_fields(
    conn: Connection, agency_code: str, type_code: str, names: Collection[str], granted_by: str, now: datetime
) -> None:
    """Show an authority these fields of a type; what it sees already stays as it is. Raises InvalidInput.

    A field is shown anew from after it was last, whatever the clock says: a clock may stand for a microsecond.
    """
    unknown = unknown_agency("agency_code")
    with db.violating("inspector_field_agency_known", InvalidInput, unknown):
        await conn.execute(
            """
            INSERT INTO inspector_field (agency_code, type_code, field_name, granted_at, granted_by)
            SELECT $1, $2, name, greatest($5, (SELECT max(granted_at) + interval '1 microsecond'
                                                 FROM inspector_field
                                                WHERE agency_code = $1 AND type_code = $2 AND field_name = name)), $4
              FROM unnest($3::text[]) AS name
                ON CONFLICT (agency_code, type_code, field_name) WHERE ended_at IS NULL DO NOTHING
            """,
            agency_code,
            type_code,
            list(names),
            granted_by,
            now,
        )
