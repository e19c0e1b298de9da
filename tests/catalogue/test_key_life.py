"""Whatever is done to the keys of an agency, in whatever order: their states only move on."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from catalogue.keys import make_key, make_root
from catalogue.test_trusting import CITY
from grounds import ORIGIN, Clock, copy_database, drop_database
from khoso import db
from khoso.catalogue.custody import Custody
from khoso.catalogue.model import SigningKey
from khoso.catalogue.service import Catalogue
from khoso.embedded import DATABASE, EmbeddedPostgres
from khoso.errors import InvalidInput
from khoso.formats.documents import keys_by_kid
from khoso.formats.trust import KeyState
from khoso.formats.trust_list import STATES

ROOT = make_root()
AGENCIES = count(1)
ACTS = st.one_of(
    st.tuples(st.just("register"), st.sampled_from(STATES[:3]), st.integers(0, 3)),
    st.tuples(st.just("stop"), st.none(), st.integers(0, 3)),
    st.tuples(st.just("save"), st.none(), st.integers(0, 3)),
)
Act = tuple[str, KeyState | None, int]


@dataclass
class Life:
    """Four keys of one agency."""

    catalogue: Catalogue
    custody: Custody
    clock: Clock
    keys: list[SigningKey]

    async def do(self, act: Act) -> None:
        kind, state, number = act
        key = self.keys[number]
        self.clock.forward(timedelta(seconds=1))
        known = {one.kid for one in await self.custody.list_keys()}
        if kind == "register" and state is not None:
            await self.catalogue.register_keys([replace(key, state=state)], "clerk")
        elif kind == "stop" and key.kid in known:
            await self.custody.stop_key(key.kid, self.clock(), "clerk")
        elif kind == "save" and await self.state_of(key) is KeyState.COMPROMISED:
            await self.custody.save_honest_papers(key.kid, "clerk")

    async def state_of(self, key: SigningKey) -> KeyState | None:
        return (await self.states()).get(key.kid)

    async def states(self) -> dict[bytes, KeyState]:
        ours = {key.kid for key in self.keys}
        return {key.kid: key.state for key in await self.custody.list_keys() if key.kid in ours}


async def live(dsn: str, acts: list[Act]) -> None:
    pool, clock, roots = await db.create_pool(dsn, 2), Clock(), keys_by_kid(ROOT.public_key)
    agency = f"H17.{next(AGENCIES)}"
    catalogue = Catalogue(pool, origin=ORIGIN, roots=roots, root=ROOT, now=clock)
    custody = Custody(catalogue, pool, origin=ORIGIN, roots=roots, root_at_hand=True, now=clock)
    await catalogue.upsert_agencies([replace(CITY, agency_code=agency)], [], "clerk")
    life = Life(catalogue, custody, clock, [make_key(agency) for _ in range(4)])
    before: dict[bytes, KeyState] = {}
    for act in acts:
        refused = await codes_of(life.do(act))
        assert refused in (set(), {"key_state"})
        assert not refused or await life.states() == before
        after = await life.states()
        assert all(STATES.index(after[kid]) >= STATES.index(state) for kid, state in before.items())
        check_trust(life, after)
        before = after
    await pool.close()


async def codes_of(act: Awaitable[None]) -> set[str]:
    """Why it was refused, if it was."""
    try:
        await act
    except InvalidInput as refused:
        return {problem.code for problem in refused.problems}
    return set()


def check_trust(life: Life, states: dict[bytes, KeyState]) -> None:
    """One key at most signs, and it is active; a stolen one is never trusted as if nothing had happened."""
    signing = life.catalogue.snapshot.signing_key(life.keys[0].agency_code, life.clock())
    active = [kid for kid, state in states.items() if state is KeyState.ACTIVE]
    assert ([] if signing is None else [signing]) == active
    for kid, state in states.items():
        if state is KeyState.COMPROMISED:
            key = life.catalogue.snapshot.trust.keys[kid]
            saved = key.honest_digest is not None
            assert key.state is (KeyState.COMPROMISED if saved else KeyState.RETIRED)
            assert saved == (key.honest_digest in life.catalogue.snapshot.trust.honest_sets)


@pytest.fixture(scope="module")
def lives(server: EmbeddedPostgres) -> Iterator[str]:
    """An empty city for all of them: each has an agency of its own."""
    name = f"test_{uuid4().hex}"
    yield asyncio.run(copy_database(server, DATABASE, name)).app_dsn
    asyncio.run(drop_database(server, name))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACTS, min_size=3, max_size=9))
def test_states_only_move_on(lives: str, acts: list[Act]) -> None:
    asyncio.run(live(lives, acts))
