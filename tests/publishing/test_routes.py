"""What everybody may download, as browsers, caches and verifiers of other makers ask for it."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from desk import Desk, problem, read
from grounds import ORIGIN, Clock, open_client
from khoso.config import Config
from khoso.formats.status_list import decompress
from khoso.formats.status_token import unseal_status
from khoso.publishing.checking import count_valid
from khoso.publishing.published import MAX_AGE
from khoso.signing.files import KeyFiles
from khoso.wiring import Services
from publishing.reading import act, download, judge, publish

CWT, JWT = "application/statuslist+cwt", "application/statuslist+jwt"


@pytest.fixture
async def issued(desk: Desk, services: Services) -> dict[str, Any]:
    """A paper, published."""
    issued = await desk.issue()
    await publish(services)
    return issued


@pytest.fixture
async def client(config: Config, clock: Clock, issued: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A web worker that started after the publication."""
    async with open_client(config, clock) as client:
        yield client


@pytest.fixture
async def desk(config: Config, clock: Clock, key_dir: Path) -> AsyncIterator[Desk]:
    async with open_client(config, clock) as client:
        yield Desk(client, key_dir, clock, config.database_owner_url)


async def test_a_stranger_verifies_by_the_bundle_alone(
    client: httpx.AsyncClient, desk: Desk, issued: dict[str, Any], key_dir: Path, clock: Clock, services: Services
) -> None:
    assert judge(await download(client, key_dir), issued["code"], clock) == "in_force"
    await act(desk, issued["result_code"], "suspend")
    await publish(services)
    async with asyncio.timeout(20):
        while judge(await download(client, key_dir), issued["code"], clock) != "suspended":  # noqa: ASYNC110
            await asyncio.sleep(0.1)


PATHS = {
    "/lists/trust": "application/khoso-trust+cwt",
    "/lists/types": "application/khoso-types+cwt",
    "/lists/status": "application/json",
    "/lists/status/0": CWT,
    "/lists/bundle": "application/khoso-lists+cbor",
}


@pytest.mark.parametrize("path", PATHS)
async def test_every_list_may_be_cached_and_read_from_any_web_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == PATHS[path]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == f"public, max-age={MAX_AGE}"
    assert answer.headers["etag"].startswith('"')
    etag = answer.headers["etag"]
    for lines in ([etag], ["*"], ['"old"', etag], [f'"old", W/{etag}', '"older"']):
        held = await client.get(path, headers=[("if-none-match", line) for line in lines])
        assert (held.status_code, held.content) == (304, b""), lines
        assert held.headers["access-control-allow-origin"] == "*"
    assert (await client.get(path, headers={"if-none-match": '"*"'})).status_code == 200
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == answer.headers["etag"]


async def test_only_these_may_be_read_from_any_web_page(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/result-types", "/healthz", "/v", "/openapi.json"):
        assert "access-control-allow-origin" not in (await client.get(path)).headers, path


async def test_a_cache_may_not_keep_a_list_beyond_its_time(client: httpx.AsyncClient, clock: Clock) -> None:
    for seconds, left in ((280, 20), (30, 0)):
        clock.forward(timedelta(seconds=seconds))
        for path in ("/lists/status/0", "/lists/bundle"):
            answer = await client.get(path)
            assert answer.headers["cache-control"] == f"public, max-age={left}"


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        (None, CWT),
        ("", CWT),
        ("*/*", CWT),
        ("application/*", CWT),
        (CWT, CWT),
        (JWT, JWT),
        (f"{CWT};q=0.1, {JWT}", JWT),
        (f"text/html, {JWT};q=0.9, */*;q=0.1", JWT),
        (f"{JWT}, */*", JWT),
        (f"{JWT}, {CWT}", JWT),
        (f"{CWT};q=0, */*;q=0.1", JWT),
        (f"{CWT};q=0.001", CWT),
        (f"*/*;q=0, {JWT};q=0.2", JWT),
        (f"{CWT};q=much", CWT),
        *((f"*/*;q={strange}", CWT) for strange in ("inf", "1e999", "nan", "-1", "2")),
    ],
)
async def test_a_status_list_comes_as_it_is_asked_for(client: httpx.AsyncClient, accept: str | None, told: str) -> None:
    del client.headers["accept"]
    answer = await client.get("/lists/status/0", headers={} if accept is None else {"accept": accept})
    assert (answer.status_code, answer.headers["content-type"], answer.headers["vary"]) == (200, told, "accept")


@pytest.mark.parametrize(
    "accept",
    [
        *("application/json", "text/html", "nonsense", ";;,", "application/statuslist"),
        *("*/*;q=0", f"{CWT};q=0", f"{CWT};q=0, {JWT};q=0.0, */*"),
    ],
)
async def test_what_is_not_there_in_that_form_is_a_406(client: httpx.AsyncClient, accept: str) -> None:
    problem(await client.get("/lists/status/0", headers={"accept": accept}), 406, "http_406")


async def test_both_forms_say_the_same_to_readers_of_other_makers(
    client: httpx.AsyncClient, issued: dict[str, Any], key_dir: Path
) -> None:
    signer = KeyFiles(key_dir).publisher_signer()
    text = (await client.get("/lists/status/0", headers={"accept": JWT})).text
    claims = jwt.decode(
        text, signer.public_key, algorithms=["ES256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert jwt.get_unverified_header(text) == {"alg": "ES256", "kid": signer.kid.hex(), "typ": "statuslist+jwt"}
    assert claims["sub"] == f"{ORIGIN}/lists/status/0"
    assert claims["status_list"]["aggregation_uri"] == f"{ORIGIN}/lists/status"
    packed = claims["status_list"]["lst"]
    statuses = decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    signed = (await client.get("/lists/status/0")).content
    publishers = (await download(client, key_dir)).trust.publishers
    token = unseal_status(signed, publishers, ORIGIN)
    assert token.statuses.data == statuses.data
    assert (token.issued_at, token.expires_at, token.ttl) == (claims["iat"], claims["exp"], claims["ttl"])
    assert count_valid(statuses) == 1


async def test_the_aggregation_names_every_list(client: httpx.AsyncClient) -> None:
    assert read(await client.get("/lists/status"), 200) == {"status_lists": [f"{ORIGIN}/lists/status/0"]}


async def test_the_past_is_not_kept(client: httpx.AsyncClient) -> None:
    for time in ("1686925000", "", "yesterday"):
        problem(await client.get("/lists/status/0", params={"time": time}), 501, "http_501")


@pytest.mark.parametrize(
    "path",
    [
        "/lists/status/1",
        "/lists/status/99999999999999999999",
        "/lists/status/-1",
        "/lists/status/x",
        "/lists/honest/00",
        "/lists/honest/zz",
        "/lists/honest/" + "00" * 32,
        "/lists/bundles",
    ],
)
async def test_what_is_not_published_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "not_found")


async def test_before_anything_was_published_it_says_so(config: Config, clock: Clock) -> None:
    async with open_client(config, clock) as client:
        for path in ("/lists/types", "/lists/bundle"):
            problem(await client.get(path), 503, "unavailable")
        assert read(await client.get("/lists/status"), 200) == {"status_lists": []}
        assert (await client.get("/lists/trust")).status_code == 200


async def test_the_description_names_what_is_answered(client: httpx.AsyncClient) -> None:
    paths = json.loads((await client.get("/openapi.json")).content)["paths"]
    for path, media_type in PATHS.items():
        answers = paths[path.replace("/0", "/{list_id}")]["get"]["responses"]
        assert media_type in answers["200"]["content"], path
