"""How a city gets its first administrator: once, within an hour, by one person."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from desk import Desk, problem, read
from grounds import Clock, open_client
from khoso.config import Config
from khoso.errors import InvitationRefused
from khoso.wiring import Services

CITY = "H17"
PATH = "/api/v1/admin-invitations/redemption"


@pytest.fixture
def desk(client: httpx.AsyncClient, key_dir: Any, clock: Clock, config: Config) -> Desk:
    return Desk(client, key_dir, clock, config.database_owner_url)


@pytest.fixture
async def other(config: Config, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(config, clock) as client:
        yield client


async def redeem(client: httpx.AsyncClient, desk: Desk, secret: str, subject: str) -> httpx.Response:
    return await client.post(PATH, json={"secret": secret}, headers=desk.token(subject=subject))


async def test_whoever_redeems_it_administers_everything(desk: Desk, services: Services) -> None:
    secret = await services.invitations.invite(CITY, "command line")
    made = read(await redeem(desk.client, desk, secret, "person:an"), 201)
    assert (made["subject"], made["role"], made["agency_code"]) == ("person:an", "platform_admin", CITY)
    assert made["granted_by"].startswith("invitation:")
    problem(await redeem(desk.client, desk, secret, "person:binh"), 403, "invitation_refused")
    with pytest.raises(InvitationRefused):
        await services.invitations.invite(CITY, "command line")
    with pytest.raises(InvitationRefused):
        await services.invitations.appoint("person:binh", CITY, "command line")
    stored = await desk.rows("SELECT secret_hash, admin_invitation::text AS everything FROM admin_invitation")
    assert len(stored[0]["secret_hash"]) == 32
    assert secret not in stored[0]["everything"]
    acts = {row["act"] for row in await desk.rows("SELECT act FROM audit")}
    assert sorted(acts & {"assign", "invite_administrator"}) == ["assign", "invite_administrator"]


async def test_it_is_good_for_an_hour(desk: Desk, services: Services, clock: Clock) -> None:
    secret = await services.invitations.invite(CITY, "command line")
    clock.forward(timedelta(hours=1))
    problem(await redeem(desk.client, desk, secret, "person:an"), 403, "invitation_refused")
    problem(await redeem(desk.client, desk, "guessed", "person:an"), 403, "invitation_refused")


async def test_a_system_cannot_become_administrator(desk: Desk, services: Services) -> None:
    secret = await services.invitations.invite(CITY, "command line")
    await desk.rows(
        """
        INSERT INTO oauth_client (client_id, kind, name, agency_code, redirect_uris, scopes, created_at)
        VALUES ('portal', 'system', 'Cổng', 'H17', '{}', '{}', now())
        """
    )
    problem(await redeem(desk.client, desk, secret, "client:portal"), 403, "not_permitted")
    read(await redeem(desk.client, desk, secret, "person:an"), 201)


async def test_of_two_at_once_one_becomes_administrator(
    desk: Desk, services: Services, other: httpx.AsyncClient
) -> None:
    """With one secret, and with two."""
    secrets = [await services.invitations.invite(CITY, "command line") for _ in range(2)]
    answers = await asyncio.gather(
        *(
            redeem(client, desk, secrets[number % 2], f"person:{number}")
            for number, client in enumerate([desk.client, other] * 4)
        ),
        redeem(desk.client, desk, secrets[0], "person:a"),
        redeem(other, desk, secrets[0], "person:b"),
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 9
    rows = await desk.rows("SELECT FROM assignment WHERE role = 'platform_admin'")
    assert len(rows) == 1


async def test_a_known_account_is_appointed_without_a_secret(desk: Desk, services: Services) -> None:
    made = await services.invitations.appoint("person:an", CITY, "command line")
    assert (made.subject, made.role, made.granted_by) == ("person:an", "platform_admin", "command line")
