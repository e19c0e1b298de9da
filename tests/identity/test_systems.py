"""Agencies' systems: registered, granted, proven by their keys, counted; and everybody who only looks like one."""

import asyncio
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from desk import AGENCY, OTHER_AGENCY, Desk, problem, read
from grounds import ORIGIN, Clock, open_client
from identity.conftest import Assign
from identity.programs import CLIENTS, Key, System, add_key, administrator, encode, new_system
from khoso.config import Config
from samples import house_permit, truck_permit


@pytest.fixture
async def system(desk: Desk) -> System:
    return await new_system(desk)


def refused(answer: httpx.Response, code: str = "invalid_client") -> None:
    assert answer.status_code == (401 if code == "invalid_client" else 400), answer.text
    assert answer.json()["error"] == code


async def test_a_system_issues_what_is_assigned_to_it(system: System, assign: Assign) -> None:
    desk = system.desk
    refused(await system.ask(), "invalid_scope")  # nothing is
    await assign(f"client:{system.client_id}", "officer", AGENCY, "KQ.H17.000001")
    answer = read(await system.ask(), 200)
    assert answer["agency"] == AGENCY
    assert {one["actions"][0]: one["datatypes"] for one in answer["authorization_details"]}["credentials:issue"] == [
        "KQ.H17.000001"
    ]
    headers = {"authorization": f"Bearer {answer['access_token']}", "idempotency-key": "1"}
    issued = read(await desk.client.post("/api/v1/credentials", json=house_permit(1), headers=headers), 201)
    rows = await desk.rows("SELECT issued_by FROM result_code WHERE result_code = $1", issued["result_code"])
    assert rows[0]["issued_by"] == f"client:{system.client_id}"
    narrow = read(await system.ask(scope="credentials:read"), 200)
    assert narrow["scope"] == "credentials:read"
    refused(await system.ask(scope="credentials:read clients:write"), "invalid_scope")


async def test_only_the_one_form_of_assertion_is_taken(system: System, assign: Assign, clock: Clock) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    other = await new_system(system.desk)
    now, good = int(clock().timestamp()), system.assertion()
    header = {"alg": "ES256", "kid": system.key.thumbprint}
    content, _, signature = good.rpartition(".")
    public = system.key.private.public_key().public_numbers()
    secret = public.x.to_bytes(32) + public.y.to_bytes(32)
    unsigned = f"{encode(json.dumps({'alg': 'none'}).encode())}.{content.split('.')[1]}"
    hs256 = f"{encode(json.dumps(header | {'alg': 'HS256'}).encode())}.{content.split('.')[1]}"
    wrong = {
        "by another key": system.assertion(Key(), header),
        "by another system's key": system.assertion(other.key),
        "for another system": system.assertion(iss=other.client_id, sub=other.client_id),
        "issuer and subject differ": system.assertion(sub=other.client_id),
        "for another server": system.assertion(aud="https://evil.example/oauth/token"),
        "for a longer address": system.assertion(aud=f"{ORIGIN}/oauth/token/"),
        "for two servers": system.assertion(aud=[ORIGIN, "https://evil.example"]),
        "for nobody": system.assertion(aud=None),
        "expired": system.assertion(exp=now),
        "good for too long": system.assertion(exp=now + 600),
        "without end": system.assertion(exp=None),
        "end that is a text": system.assertion(exp=str(now + 60)),
        "of the future": system.assertion(iat=now + 90),
        "not good yet": system.assertion(nbf=now + 90),
        "beginning that is a text": system.assertion(nbf=str(now)),
        "issued at a time that no float holds": system.assertion(iat=10**400),
        "good until a time that no float holds": system.assertion(exp=10**400),
        "not good before a time that no float holds": system.assertion(nbf=10**400),
        "without id": system.assertion(jti=None),
        "unsigned": f"{unsigned}.",
        "by HMAC with the public key": f"{hs256}.{encode(hmac.digest(secret, hs256.encode(), 'sha256'))}",
        "another algorithm": system.assertion(header={"alg": "ES384"}),
        "an unknown key": system.assertion(header={"kid": "absent"}),
        "a path for a key": system.assertion(header={"kid": "../../token"}),
        "its own key in the header": Key().sign(header | {"jwk": Key().jwk}, system.claims()),
        "an address of keys": system.assertion(header={"jku": "https://evil.example/keys"}),
        "a critical header": system.assertion(header={"crit": ["exp"]}),
        "an access token": system.desk.token("credentials:issue", agency=AGENCY)["authorization"].split()[1],
        "a doubled name": system.key.sign(header, f'{{"iss": "x", {str(system.claims())[1:]}'.replace("'", '"')),
        "changed": f"{content[:-2]}.{signature}",
        "no JWT": "a.b.c",
        "nothing": "",
        "64 KB": "a" * 10_000,
    }
    for fault, assertion in wrong.items():
        answer = await system.ask(assertion)
        assert answer.status_code in (400, 401), fault
        assert answer.json()["error"] in ("invalid_client", "invalid_request"), fault
    assert (await system.ask(good)).status_code == 200
    refused(await system.ask(good))
    refused(await system.ask(client_id=other.client_id))
    refused(await system.ask(client_assertion_type="urn:x"))


async def test_an_assertion_is_good_once_however_many_come_at_once(system: System, assign: Assign) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    assertion = system.assertion()
    answers = await asyncio.gather(*(system.ask(assertion) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


async def test_keys_follow_one_another_without_a_gap(system: System, assign: Assign, clock: Clock) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    following, late = Key(), Key()
    read(await add_key(system, following), 201)
    read(await add_key(system, late, valid_from=(clock() + timedelta(days=1)).isoformat()), 201)
    assert (await system.ask()).status_code == 200
    assert (await system.ask(system.assertion(following))).status_code == 200
    refused(await system.ask(system.assertion(late)))
    path = f"{CLIENTS}/{system.client_id}/keys/{system.key.thumbprint}"
    assert (await system.desk.client.delete(path, headers=administrator(system.desk))).status_code == 204
    refused(await system.ask())
    assert (await system.ask(system.assertion(following))).status_code == 200
    clock.forward(timedelta(days=1, seconds=1))
    assert (await system.ask(system.assertion(late))).status_code == 200


async def test_a_quota_is_never_exceeded_over_two_workers(
    desk: Desk, config: Config, clock: Clock, assign: Assign
) -> None:
    system = await new_system(desk, quota_per_hour=5)
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    headers = await system.token()
    async with open_client(config, clock) as other:
        answers = await asyncio.gather(
            *(client.get("/api/v1/me", headers=headers) for client in (desk.client, other) for _ in range(250))
        )
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (5, 495)
        refusal = next(answer for answer in answers if answer.status_code == 429)
        problem(refusal, 429, "quota_used_up")
        assert 0 < int(refusal.headers["retry-after"]) <= 3601
        clock.forward(timedelta(seconds=int(refusal.headers["retry-after"])))
        headers = await system.token()
        assert (await other.get("/api/v1/me", headers=headers)).status_code == 200


async def test_a_token_of_a_client_that_there_is_not_is_no_token(system: System, assign: Assign, clock: Clock) -> None:
    """Signed by us, as one of a client is that ended a moment ago, where a worker has not heard of it yet."""
    desk = system.desk
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    ended = await system.token()
    await desk.rows("UPDATE oauth_client SET ended_at = $1", clock())
    absent = desk.token("credentials:read", agency=AGENCY, subject="client:system-absent")
    for headers in (ended, absent):
        for path in ("/api/v1/me", "/api/v1/vault/results"):
            problem(await desk.client.get(path, headers=headers), 401, "not_authenticated")
        verdict = await desk.client.post("/api/v1/verify", json={"code": "nothing"}, headers=headers)
        problem(verdict, 401, "not_authenticated")
    assert not await desk.rows("SELECT 1 FROM client_quota")


async def test_a_client_that_ended_gets_nothing_any_more(system: System, assign: Assign, config: Config) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    headers = await system.token()
    answer = await system.desk.client.delete(f"{CLIENTS}/{system.client_id}", headers=administrator(system.desk))
    assert answer.status_code == 204
    refused(await system.ask())
    async with open_client(config, system.desk.clock) as worker:
        problem(await worker.get("/api/v1/me", headers=headers), 401, "not_authenticated")


# ---------------------------------------------------------------- registering


async def test_an_agency_registers_its_own_and_those_below_and_sees_no_others(desk: Desk) -> None:
    mine, others = await new_system(desk), await new_system(desk, OTHER_AGENCY)
    headers = administrator(desk, AGENCY)
    listed = read(await desk.client.get(CLIENTS, headers=headers), 200)["items"]
    assert [one["client_id"] for one in listed] == [mine.client_id]
    assert len(read(await desk.client.get(CLIENTS, headers=administrator(desk)), 200)["items"]) == 2
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "Của tôi"}),
        ("DELETE", "", None),
        ("POST", "/keys", {"jwk": Key().jwk}),
        ("DELETE", f"/keys/{others.key.thumbprint}", None),
    ):
        for client_id in (others.client_id, "system-absent"):
            answer = await desk.client.request(method, f"{CLIENTS}/{client_id}{path}", json=body, headers=headers)
            problem(answer, 404, "not_found")
    body = {"kind": "system", "name": "x", "agency_code": OTHER_AGENCY}
    problem(await desk.client.post(CLIENTS, json=body, headers=headers), 403, "not_permitted")


async def test_what_is_no_client_is_told(desk: Desk) -> None:
    app = {"kind": "app", "name": "App", "agency_code": "H17", "redirect_uris": ["vn.danang:/login"]}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"quota_per_hour": 0}, "quota_per_hour"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["clients:write"]}, "scopes"),
        ({"kind": "system"}, "kind"),
        *(
            ({"redirect_uris": [uri]}, "redirect_uris[0]")
            for uri in (
                "http://evil.example/login",
                "javascript:alert(1)",
                "data:text/html,x",
                "/login",
                "https:///login",
                "https://a@evil.example",
                "https://evil.example#x",
                "https://evil.example/ x",
                "https://evil.exämple",
                "https://[",
            )
        ),
    ]
    for change, field in wrong:
        answer = await desk.client.post(CLIENTS, json=app | change, headers=administrator(desk))
        assert problem(answer, 422, "invalid_input")[0][0] == field, change
    for uri in ("https://app.example/login", "http://127.0.0.1/login", "vn.danang.app:/login"):
        body = app | {"redirect_uris": [uri]}
        read(await desk.client.post(CLIENTS, json=body, headers=administrator(desk)), 201)


async def test_what_is_no_key_is_told(system: System) -> None:
    path, good = f"{CLIENTS}/{system.client_id}/keys", Key().jwk
    wrong: list[tuple[dict[str, object], str]] = [
        ({"jwk": good | {"d": "x" * 43}}, "jwk"),
        ({"jwk": good | {"y": "x" * 43}}, "jwk"),
        ({"jwk": good | {"crv": "P-384"}}, "jwk"),
        ({"jwk": {}}, "jwk"),
        ({"jwk": good | {"kid": "../x"}}, "jwk.kid"),
        ({"jwk": good | {"kid": 7}}, "jwk.kid"),
        ({"jwk": good, "valid_from": "2026-01-01T00:00:00"}, "valid_from"),
        ({"jwk": good, "valid_until": "2020-01-01T00:00:00Z"}, "valid_until"),
        ({"jwk": good, "valid_from": "0001-01-01T00:00:00+07:00"}, "valid_from"),
        ({"jwk": good, "valid_until": "9999-12-31T23:59:59-14:00"}, "valid_until"),
        ({"jwk": system.key.jwk}, "kid"),
    ]
    for body, field in wrong:
        answer = await system.desk.client.post(path, json=body, headers=administrator(system.desk))
        assert problem(answer, 422, "invalid_input")[0][0] == field, body
    answers = [await add_key(system, Key()) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [201] * 9 + [422], "ten at a time"


async def test_every_change_is_in_the_audit(desk: Desk) -> None:
    system = await new_system(desk)
    path, headers = f"{CLIENTS}/{system.client_id}", administrator(desk)
    changed = read(await desk.client.patch(path, json={"name": "Tên mới", "quota_per_hour": 9}, headers=headers), 200)
    assert (changed["name"], changed["quota_per_hour"]) == ("Tên mới", 9)
    await desk.client.delete(f"{path}/keys/{system.key.thumbprint}", headers=headers)
    await desk.client.delete(path, headers=headers)
    rows = await desk.rows(
        "SELECT act FROM audit WHERE actor = 'administrator' AND subject LIKE $1 || '%'", system.client_id
    )
    assert {row["act"] for row in rows} == {
        "register_client",
        "add_client_key",
        "change_client",
        "end_client_key",
        "end_client",
    }


async def test_a_limit_of_one_type_is_held(system: System, assign: Assign) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY, "KQ.H17.000001")
    headers = await system.token() | {"idempotency-key": "1"}
    answer = await system.desk.client.post("/api/v1/credentials", json=truck_permit(1), headers=headers)
    assert answer.status_code == 403


async def test_a_token_ends_with_what_it_was_made_of(system: System, assign: Assign, clock: Clock) -> None:
    await assign(f"client:{system.client_id}", "officer", AGENCY)
    await system.desk.rows("UPDATE assignment SET valid_until = $1", clock() + timedelta(minutes=3))
    assert read(await system.ask(), 200)["expires_in"] == 180
