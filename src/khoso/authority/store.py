"""What is read and written of roles and assignments. The connection comes first: the service owns the transaction."""

import hashlib
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.authority.model import PLATFORM_ADMIN, Assignment, Role, Search
from khoso.caller import Grant, Purview
from khoso.db import Connection
from khoso.errors import UNKNOWN_TYPE, InputProblem, InvalidInput, NotPermitted, unknown_agency

_ADMINISTRATORS = int.from_bytes(hashlib.sha256(b"khoso platform administrators").digest()[:7])
"""Advisory lock: whether there is another platform administrator is asked by one transaction at a time."""


async def list_grants(conn: Connection, subject: str, now: datetime) -> list[Grant]:
    """What a subject's assignments give at that time, scope by scope."""
    return await db.fetch_all(
        conn,
        Grant,
        """
        SELECT scope, agency_code, type_code, valid_until
          FROM assignment
          JOIN role_scope USING (role)
         WHERE subject = $1 AND ended_at IS NULL AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $2)
         ORDER BY agency_code COLLATE "C", scope COLLATE "C", type_code COLLATE "C"
        """,
        subject,
        now,
    )


async def list_roles(conn: Connection) -> list[Role]:
    """All roles with their scopes, by name."""
    return await db.fetch_all(
        conn,
        Role,
        """
        SELECT role, name_vi, name_en, array_agg(scope ORDER BY scope COLLATE "C") AS scopes
          FROM role
          JOIN role_scope USING (role)
         GROUP BY role
         ORDER BY role COLLATE "C"
        """,
    )


async def list_assignments(
    conn: Connection, purview: Purview, search: Search, now: datetime, before: tuple[datetime, UUID], limit: int
) -> list[Assignment]:
    """The assignments in a purview that fit, newest first, older than `before`."""
    return await db.fetch_all(
        conn,
        Assignment,
        """
        SELECT assignment_id, subject, role, agency_code, type_code, valid_from, valid_until, granted_by, granted_at,
               ended_at, ended_by
          FROM assignment
         WHERE EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS administered (agency_code, type_code)
                        WHERE administered.agency_code = assignment.agency_code
                          AND (administered.type_code IS NULL OR administered.type_code = assignment.type_code))
           AND ($3::text IS NULL OR subject = $3)
           AND ($4::text IS NULL OR role = $4)
           AND ($5::text IS NULL OR agency_code = $5)
           AND ($6 OR (ended_at IS NULL AND (valid_until IS NULL OR valid_until > $7)))
           AND (granted_at, assignment_id) < ($8, $9)
         ORDER BY granted_at DESC, assignment_id DESC
         LIMIT $10
        """,
        *purview.columns(),
        search.subject,
        search.role,
        search.agency_code,
        search.past,
        now,
        *before,
        limit,
    )


async def find_assignment(conn: Connection, assignment_id: UUID) -> Assignment | None:
    return await db.fetch_one(
        conn,
        Assignment,
        """
        SELECT assignment_id, subject, role, agency_code, type_code, valid_from, valid_until, granted_by, granted_at,
               ended_at, ended_by
          FROM assignment
         WHERE assignment_id = $1
        """,
        assignment_id,
    )


async def insert_assignment(conn: Connection, assignment: Assignment) -> None:
    """Give a role. Raises InvalidInput for what cannot be, NotPermitted to whoever gives it to himself."""
    with (
        db.violating("assignment_agency_known", InvalidInput, unknown_agency("agency_code")),
        _refusing(
            "assignment_subject_form",
            "subject",
            "form",
            "nhập dạng person:<uuid> hoặc client:<id> | person:<uuid> or client:<id>",
        ),
        db.violating("assignment_type_form", InvalidInput, UNKNOWN_TYPE),
        _refusing(
            "assignment_dates_ordered", "valid_until", "order", "chọn thời điểm sau valid_from | after valid_from"
        ),
        _refusing(
            "assignment_once",
            "subject",
            "assigned",
            "đã có vai trò này ở đó: chấm dứt phân công cũ trước | has this role there already: end that first",
        ),
        db.violating("assignment_by_another", NotPermitted, "nobody assigns himself"),
    ):
        await conn.execute(
            """
            INSERT INTO assignment (assignment_id, subject, role, agency_code, type_code, valid_from, valid_until,
                                    granted_by, granted_at, ended_at, ended_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            *msgspec.structs.astuple(assignment),
        )


def _refusing(constraint: str, field: str, code: str, message: str) -> AbstractContextManager[None]:
    return db.violating(constraint, InvalidInput, InputProblem(field, code, message))


async def end_assignment(conn: Connection, assignment_id: UUID, ended_by: str, now: datetime) -> bool:
    """End an assignment; the row stays locked until the commit. False if it was ended before."""
    ended = await conn.fetchval(
        """
        UPDATE assignment SET ended_at = $3, ended_by = $2
         WHERE assignment_id = $1 AND ended_at IS NULL
        RETURNING true
        """,
        assignment_id,
        ended_by,
        now,
    )
    return ended is not None


async def lock_administrators(conn: Connection) -> None:
    """Until the commit nobody else becomes the first administrator, or ends one."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _ADMINISTRATORS)


async def has_administrator(conn: Connection, now: datetime, besides: UUID | None = None) -> bool:
    """Whether there is a platform administrator at that time, other than by that assignment."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM assignment
                        WHERE role = $1
                          AND ended_at IS NULL
                          AND valid_from <= $2
                          AND (valid_until IS NULL OR valid_until > $2)
                          AND assignment_id IS DISTINCT FROM $3)
        """,
        PLATFORM_ADMIN,
        now,
        besides,
    )
    return found


async def insert_invitation(
    conn: Connection, secret_hash: bytes, agency_code: str, now: datetime, expires_at: datetime
) -> None:
    """Raises InvalidInput for an unknown agency."""
    with db.violating("admin_invitation_agency_known", InvalidInput, unknown_agency("agency_code")):
        await conn.execute(
            "INSERT INTO admin_invitation (secret_hash, agency_code, made_at, expires_at) VALUES ($1, $2, $3, $4)",
            secret_hash,
            agency_code,
            now,
            expires_at,
        )


async def use_invitation(conn: Connection, secret_hash: bytes, redeemed_by: str, now: datetime) -> str | None:
    """The agency of an invitation that is good, and is so no more; None if there is none."""
    agency_code: str | None = await conn.fetchval(
        """
        UPDATE admin_invitation SET redeemed_at = $3, redeemed_by = $2
         WHERE secret_hash = $1 AND redeemed_at IS NULL AND expires_at > $3
        RETURNING agency_code
        """,
        secret_hash,
        redeemed_by,
        now,
    )
    return agency_code
