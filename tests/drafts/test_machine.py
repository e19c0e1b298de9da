"""Drafts, revisions, approvals, delegations and time in any order, by several people on two workers at once.

`make soak` runs ten thousand such sequences.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from desk import AGENCY
from drafts.conftest import ask_for_two
from grounds import Clock, copied_city
from invariants import check_everything
from khoso.caller import Caller
from khoso.config import Config
from khoso.drafts.hashing import read_request
from khoso.drafts.model import DelegationRequest, Draft, Outcome, Seen
from khoso.embedded import EmbeddedPostgres
from khoso.errors import DraftEnded, DraftNeeded, KhosoError, NotAsExpected, NotFound, NotPermitted, SecondPersonNeeded
from khoso.issuance.model import IssueRequest
from khoso.wiring import Services, open_services
from samples import house_permit

Answer = TypeVar("Answer")

SEQUENCES = int(os.environ.get("SEQUENCES", "25"))

MAX_VERSIONS = 50
"""Of the result type, in all sequences together: each makes the catalogue larger."""

PEOPLE = ("an", "binh", "chi", "dung")
APPROVERS = frozenset({"binh", "chi"})
"""Who may approve by a right of his own; `an` and `dung` may issue, and approve what is delegated to them."""


@dataclass
class Expected:
    """A draft as the model knows it."""

    draft: Draft
    author: str
    hashes: list[bytes]
    lapses_at: Any
    state: str = "awaiting_approval"
    approver: str | None = None


@dataclass
class Lent:
    """A delegation as the model knows it."""

    delegation_id: UUID
    delegator: str
    delegate: str
    until: Any
    ended: bool = False


class City:
    """One real database, two workers on it, and a clock."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = Clock()
        self.serial = 0
        self.sequence = 0
        self.versions = 0
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.first: Services = self.run(self._enter())
        self.second: Services = self.run(self._enter())
        self.owner: asyncpg.Connection[asyncpg.Record] = self.run(asyncpg.connect(config.database_owner_url))
        self.republish()

    async def _enter(self) -> Services:
        return await self._open.enter_async_context(open_services(self.config, self.clock, verifying=False))

    def run(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(what)

    def republish(self) -> None:
        """The next version of the type, known to both workers."""
        self.versions += 1
        self.run(ask_for_two(self.first))
        self.run(self.second.catalogue.refresh())

    def renew(self) -> None:
        """The trust list, as the worker does every day: an old one authorises nobody."""
        self.run(self.first.catalogue.renew_trust())
        for worker in (self.first, self.second):
            self.run(worker.catalogue.refresh())

    def close(self) -> None:
        self.run(self.owner.close())
        self.run(self._open.aclose())
        self.run(check_everything(self.config.database_owner_url))
        self._runner.close()

    def request(self) -> IssueRequest:
        self.serial += 1
        return msgspec.convert(house_permit(self.serial), IssueRequest)

    async def appoint(self, subject: str) -> None:
        await self.owner.execute(
            """
            INSERT INTO assignment (assignment_id, subject, role, agency_code, valid_from, granted_by, granted_at)
            VALUES ($1, $2, 'approver', $3, $4, 'city', $4)
            """,
            uuid4(),
            subject,
            AGENCY,
            self.clock(),
        )

    async def dismiss(self, subject: str) -> None:
        await self.owner.execute(
            "UPDATE assignment SET ended_at = $2, ended_by = 'city' WHERE subject = $1 AND ended_at IS NULL",
            subject,
            self.clock(),
        )


@dataclass
class People:
    """Those of one sequence: what was lent to them in another does not count."""

    number: int
    appointed: set[str] = field(default_factory=lambda: set(APPROVERS))

    def caller(self, name: str) -> Caller:
        scope = "credentials:approve" if name in APPROVERS else "credentials:issue"
        return Caller(subject=f"{name}-{self.number}", scopes=frozenset({scope}), agency_code=AGENCY)

    def name(self, subject: str) -> str:
        return subject.rpartition("-")[0]


class DraftsMachine(RuleBasedStateMachine):
    city: City
    drafts: Bundle[UUID] = Bundle("drafts")
    lent: Bundle[Lent] = Bundle("lent")

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[UUID, Expected] = {}
        self.delegations: list[Lent] = []
        self.city.sequence += 1
        self.people = People(self.city.sequence)

    @initialize()
    def appoint_some(self) -> None:
        for name in sorted(APPROVERS):
            self.city.run(self.city.appoint(self.people.caller(name).subject))

    @rule(target=drafts, author=st.sampled_from(PEOPLE))
    def file(self, author: str) -> UUID:
        self._tick()
        filing = self.city.first.drafts.file(self.city.request(), AGENCY, self._subject(author), f"k{self.city.serial}")
        draft = self.city.run(filing)
        self.expected[draft.draft_id] = Expected(draft, author, [draft.draft_hash], draft.lapses_at)
        return draft.draft_id

    @rule(draft_id=drafts, same=st.booleans())
    def revise(self, draft_id: UUID, same: bool) -> None:
        self._tick()
        expected = self.expected[draft_id]
        request = read_request(expected.draft) if same else self.city.request()
        revising = self.city.second.drafts.revise(draft_id, request, AGENCY, self._subject(expected.author))
        if expected.state != "awaiting_approval":
            with pytest.raises(DraftEnded):
                self.city.run(revising)
            return
        revised = self.city.run(revising)
        unchanged = same and revised.type_version == expected.draft.type_version
        assert (revised.draft_hash == expected.draft.draft_hash) == unchanged
        expected.draft, expected.lapses_at = revised, revised.lapses_at
        expected.hashes.append(revised.draft_hash)

    @rule(draft_id=drafts, approver=st.sampled_from(PEOPLE), stale=st.booleans())
    def approve(self, draft_id: UUID, approver: str, stale: bool) -> None:
        self._tick()
        expected = self.expected[draft_id]
        seen = Seen(draft_id, expected.hashes[0] if stale else expected.hashes[-1])
        refusal = self._refusal(seen, approver)
        approving = self.city.first.drafts.approve(seen, self.people.caller(approver))
        if refusal is not None:
            with pytest.raises(refusal):
                self.city.run(approving)
            return
        self._issued(self.city.run(approving), approver)

    @rule(some=st.lists(drafts, min_size=1, max_size=6, unique=True), approver=st.sampled_from(PEOPLE))
    def approve_some(self, some: list[UUID], approver: str) -> None:
        self._tick()
        seen = [Seen(draft_id, self.expected[draft_id].hashes[-1]) for draft_id in some]
        refusals = [self._refusal(one, approver) for one in seen]
        outcomes = self.city.run(self.city.second.drafts.approve_all(seen, self.people.caller(approver)))
        assert [type(one.error) if one.error else None for one in outcomes] == refusals
        self._take_over(outcomes, approver)

    @rule(draft_id=drafts, others=st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=4))
    def everybody_at_once(self, draft_id: UUID, others: list[str]) -> None:
        """Approvals on both workers while the author revises and withdraws: what the rows say then is what counts."""
        self._tick()
        expected = self.expected[draft_id]
        seen, author = Seen(draft_id, expected.hashes[-1]), self._subject(expected.author)
        workers = (self.city.first.drafts, self.city.second.drafts)
        acts: list[Coroutine[Any, Any, Any]] = [
            workers[place % 2].approve(seen, self.people.caller(name)) for place, name in enumerate(others)
        ]
        acts.append(workers[0].revise(draft_id, self.city.request(), AGENCY, author))
        acts.append(workers[1].withdraw(draft_id, AGENCY, author))
        answers = self.city.run(self._gather(acts))
        assert all(isinstance(answer, Draft | KhosoError) for answer in answers), answers
        self._look(expected)

    @rule(draft_id=drafts)
    def withdraw(self, draft_id: UUID) -> None:
        expected = self.expected[draft_id]
        withdrawing = self.city.first.drafts.withdraw(draft_id, AGENCY, self._subject(expected.author))
        if expected.state in ("awaiting_approval", "withdrawn"):
            expected.state = self.city.run(withdrawing).state
            assert expected.state == "withdrawn"
        else:
            with pytest.raises(DraftEnded):
                self.city.run(withdrawing)

    @rule(draft_id=drafts, approver=st.sampled_from(sorted(APPROVERS)))
    def reject(self, draft_id: UUID, approver: str) -> None:
        expected = self.expected[draft_id]
        rejecting = self.city.second.drafts.reject(
            Seen(draft_id, expected.hashes[-1]), "sai", self.people.caller(approver)
        )
        if expected.author == approver:
            with pytest.raises(SecondPersonNeeded):
                self.city.run(rejecting)
        elif expected.state == "awaiting_approval":
            expected.state = self.city.run(rejecting).state
            assert expected.state == "rejected"
        else:
            [answer] = self.city.run(self._gather([rejecting]))
            assert isinstance(answer, DraftEnded) or expected.state == "rejected"

    @rule(
        target=lent,
        delegator=st.sampled_from(sorted(APPROVERS)),
        delegate=st.sampled_from(PEOPLE),
        days=st.integers(1, 9),
    )
    def delegate(self, delegator: str, delegate: str, days: int) -> Lent:
        self._tick()
        until = self.city.clock() + timedelta(days=days)
        other = delegate if delegate != delegator else "dung"
        asked = DelegationRequest(delegate=self._subject(other), valid_until=until)
        delegating = self.city.first.delegations.delegate(asked, self.people.caller(delegator))
        if delegator not in self.people.appointed:
            with pytest.raises(NotPermitted):
                self.city.run(delegating)
            return Lent(uuid4(), delegator, other, until, ended=True)
        made = Lent(self.city.run(delegating).delegation_id, delegator, other, until)
        self.delegations.append(made)
        return made

    @rule(one=lent)
    def take_back(self, one: Lent) -> None:
        if one in self.delegations:
            self.city.run(self.city.second.delegations.end(one.delegation_id, self.people.caller(one.delegator)))
        one.ended = True

    @rule(name=st.sampled_from(sorted(APPROVERS)))
    def dismiss_or_appoint(self, name: str) -> None:
        """The roles that lend rights; his own token stays good."""
        self._tick()
        act = self.city.dismiss if name in self.people.appointed else self.city.appoint
        self.city.run(act(self._subject(name)))
        self.people.appointed ^= {name}

    @rule(days=st.integers(1, 12))
    def time_passes(self, days: int) -> None:
        self.city.clock.forward(timedelta(days=days))
        self.city.renew()
        self.city.run(self._gather([self.city.first.drafts.lapse(), self.city.second.drafts.lapse()]))
        for one in self.expected.values():
            if one.state == "awaiting_approval" and one.lapses_at <= self.city.clock():
                one.state = "lapsed"

    @rule()
    def the_type_changes(self) -> None:
        if self.city.versions < MAX_VERSIONS:
            self.city.republish()

    @rule(author=st.sampled_from(PEOPLE))
    def issue_alone(self, author: str) -> None:
        with pytest.raises(DraftNeeded):
            self.city.run(self.city.first.issuer.issue(self.city.request(), AGENCY, self._subject(author), "alone"))

    def teardown(self) -> None:
        for expected in self.expected.values():
            state, approver = expected.state, expected.approver
            self._look(expected)
            assert (expected.state, expected.approver) == (state, approver), expected

    def _subject(self, name: str) -> str:
        return self.people.caller(name).subject

    def _tick(self) -> None:
        self.city.clock.forward(timedelta(seconds=1))

    async def _gather(self, acts: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        return await asyncio.gather(*acts, return_exceptions=True)

    def _may(self, expected: Expected, approver: str) -> bool:
        return approver in APPROVERS or any(
            one.delegate == approver
            and one.delegator != expected.author
            and one.delegator in self.people.appointed
            and not one.ended
            and one.until > self.city.clock()
            for one in self.delegations
        )

    def _refusal(self, seen: Seen, approver: str) -> type[KhosoError] | None:
        expected = self.expected[seen.draft_id]
        if not self._may(expected, approver):
            return NotFound
        if expected.author == approver:
            return SecondPersonNeeded
        if seen.draft_hash != expected.draft.draft_hash:
            return NotAsExpected
        if expected.state == "issued" and expected.approver == approver:
            return None
        if expected.state != "awaiting_approval":
            return DraftEnded
        newest = self.city.first.catalogue.recorded.latest[expected.draft.type_code].version
        return None if newest == expected.draft.type_version else NotAsExpected

    def _issued(self, draft: Draft, approver: str) -> None:
        expected = self.expected[draft.draft_id]
        assert (draft.state, draft.approver) == ("issued", self._subject(approver))
        assert draft.on_behalf_of is None or approver not in APPROVERS
        expected.state, expected.approver = "issued", approver

    def _take_over(self, outcomes: Sequence[Outcome], approver: str) -> None:
        for outcome in outcomes:
            if outcome.draft is not None:
                self._issued(outcome.draft, approver)

    def _look(self, expected: Expected) -> None:
        """What the rows say of a draft."""
        draft = self.city.run(self.city.first.draft_book.get_draft(expected.draft.draft_id, self.people.caller("binh")))
        expected.draft, expected.state, expected.lapses_at = draft, draft.state, draft.lapses_at
        expected.approver = None if draft.approver is None else self.people.name(draft.approver)
        expected.hashes.append(draft.draft_hash)


@pytest.fixture
def own_city(server: EmbeddedPostgres, city_template: str, key_dir: Path) -> Iterator[City]:
    with copied_city(server, city_template, key_dir, "test_drafts_machine") as config:
        city = City(config)
        try:
            yield city
        finally:
            city.close()


def test_whatever_people_do_in_whatever_order(own_city: City) -> None:
    machine = type("Machine", (DraftsMachine,), {"city": own_city})
    bounds = settings(
        max_examples=SEQUENCES,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(machine, settings=bounds)
