"""The people of the demonstration who log in; none of them exists. What each may is assigned to him as to anybody."""

from datetime import datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from khoso import db
from khoso.authority import store as authority
from khoso.authority.model import Assignment
from khoso.bounds import Bounds
from khoso.db import Connection
from khoso.identity import store as identity
from khoso.identity.model import Person
from khoso.text import Words
from khoso.wiring import Services

LEVELS = "loa2=2 loa3=3"
"""What the `acr` values of the demonstration's identity provider are worth."""

_GRANTED_BY = "demo"


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who logs in by a click on his name at the identity provider."""

    login: str
    """What the provider shows, and calls him by."""
    name: str
    personal_id: str
    part: Words
    """What he plays."""
    role: str | None = None
    agency_code: str = "H17.05.12"


PEOPLE = (
    DemoPerson(
        login="cong-dan.thinh",
        name="Nguyễn Hoàng Phước Thịnh",
        personal_id="048078999001",
        part=Words("công dân", "citizen"),
    ),
    DemoPerson(
        login="can-bo.hai-chau",
        name="Lê Thị Thu Hà",
        personal_id="048185999101",
        part=Words("cán bộ phường Hải Châu", "officer of Hai Chau Ward"),
        role="officer",
    ),
    DemoPerson(
        login="nguoi-duyet.hai-chau",
        name="Phan Văn Minh",
        personal_id="048075999102",
        part=Words("người duyệt phường Hải Châu", "approver of Hai Chau Ward"),
        role="approver",
    ),
    DemoPerson(
        login="thanh-tra.da-nang",
        name="Võ Đình Quang",
        personal_id="048080999103",
        part=Words("người kiểm tra của thành phố", "inspector of the city"),
        role="inspector",
        agency_code="H17",
    ),
    DemoPerson(
        login="quan-tri.hai-chau",
        name="Đặng Ngọc Lan",
        personal_id="048188999104",
        part=Words("quản trị phường Hải Châu", "administrator of Hai Chau Ward"),
        role="agency_admin",
    ),
    DemoPerson(
        login="quan-tri.he-thong",
        name="Huỳnh Tấn Phát",
        personal_id="048082999105",
        part=Words("quản trị hệ thống", "administrator of the platform"),
        role="platform_admin",
        agency_code="H17",
    ),
)


async def ensure_people(services: Services, issuer: str, now: datetime) -> None:
    """Their accounts at this identity provider, with what each may; doing it again changes nothing."""
    async with db.transaction(services.pool, Bounds(duty="identify")) as conn:
        subjects = [(person, await _ensure_account(conn, person, issuer, now)) for person in PEOPLE]
    async with db.transaction(services.pool, Bounds(duty="assign")) as conn:
        for person, subject in subjects:
            await _ensure_role(conn, person, subject, now)


async def _ensure_account(conn: Connection, person: DemoPerson, issuer: str, now: datetime) -> str:
    """The subject of his account."""
    known = Person(issuer=issuer, provider_subject=person.login, name=person.name, personal_id=None, level=0)
    account = await identity.ensure_account(conn, uuid5(NAMESPACE_URL, f"{issuer}#{person.login}"), known, now)
    return account.subject


async def _ensure_role(conn: Connection, person: DemoPerson, subject: str, now: datetime) -> None:
    if person.role is None or await authority.list_grants(conn, subject, now):
        return
    await authority.insert_assignment(
        conn,
        Assignment(
            assignment_id=uuid4(),
            subject=subject,
            role=person.role,
            agency_code=person.agency_code,
            type_code=None,
            valid_from=now,
            valid_until=None,
            granted_by=_GRANTED_BY,
            granted_at=now,
        ),
    )
