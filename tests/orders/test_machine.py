"""Orders, approvals, cancellations and the passing of time in any order, against a model that fits on a page."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from desk import AGENCY
from grounds import Clock, copied_city
from invariants import check_everything
from khoso import db
from khoso.bounds import Bounds
from khoso.caller import Purview, everything_of
from khoso.config import Config
from khoso.embedded import EmbeddedPostgres
from khoso.errors import OrderEnded, SecondPersonNeeded, StatusChangeRefused
from khoso.issuance.model import IssueRequest
from khoso.orders.model import Act, Order, Orderer, OrderRequest, State
from khoso.wiring import Services, open_services
from samples import house_permit

Answer = TypeVar("Answer")

ACTS: tuple[Act, ...] = ("revoke", "suspend", "restore")
LEADS: dict[tuple[str, Act], str] = {
    ("valid", "revoke"): "revoked",
    ("valid", "suspend"): "suspended",
    ("suspended", "revoke"): "revoked",
    ("suspended", "restore"): "valid",
}
ANNULMENT: dict[tuple[str, Act], str] = {("revoked", "restore"): "valid"}
NAMES = ("valid", "revoked", "suspended", "superseded")


@dataclass
class Expected:
    """An order as the model knows it."""

    act: Act
    codes: list[str]
    due_at: datetime
    author: str
    needs_approval: bool
    state: State
    approved: bool = False


class City:
    """One real database, two workers on it, and a clock."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = Clock()
        self.serial = 0
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.first: Services = self.run(self._enter())
        self.second: Services = self.run(self._enter())

    async def _enter(self) -> Services:
        return await self._open.enter_async_context(open_services(self.config, self.clock, verifying=False))

    def run(self, what: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(what)

    def close(self) -> None:
        self.run(self._open.aclose())
        self.run(check_everything(self.config.database_owner_url))
        self._runner.close()

    async def issue(self) -> str:
        self.serial += 1
        request = msgspec.convert(house_permit(self.serial), IssueRequest)
        return (await self.first.issuer.issue(request, AGENCY, "clerk", f"{self.serial}")).result_code

    async def statuses(self) -> dict[str, str]:
        async with db.transaction(self.first.pool, Bounds(agencies=(AGENCY,))) as conn:
            rows = await conn.fetch("SELECT result_code, status FROM credential")
        return {row["result_code"]: NAMES[row["status"]] for row in rows}

    async def order(self, expected: Expected, later: bool) -> Order:
        self.serial += 1
        request = OrderRequest(
            act=expected.act,
            reason_code="R1",
            decision_number="1/QĐ",
            results=expected.codes,
            effective_at=expected.due_at if later else None,
        )
        return await self.first.orders.place(request, Orderer.of(AGENCY, expected.author), f"order-{self.serial}")

    async def at_once(self, *acts: Coroutine[Any, Any, Any]) -> list[Any]:
        return await asyncio.gather(*acts, return_exceptions=True)


class OrdersMachine(RuleBasedStateMachine):
    city: City
    results: Bundle[str] = Bundle("results")
    orders: Bundle[Order] = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.statuses: dict[str, str] = {}
        self.expected: dict[Any, Expected] = {}

    @initialize(target=results)
    def issue_some(self) -> Any:
        codes = [self.city.run(self.city.issue()) for _ in range(3)]
        self.statuses |= dict.fromkeys(codes, "valid")
        return multiple(*codes)

    @rule(
        target=orders,
        codes=st.lists(results, min_size=1, max_size=3, unique=True),
        act=st.sampled_from(ACTS),
        minutes=st.none() | st.integers(1, 30),
        author=st.sampled_from(["an", "bình"]),
    )
    def order(self, codes: list[str], act: Act, minutes: int | None, author: str) -> Any:
        self._tick()
        due_at = self.city.clock() + timedelta(minutes=minutes or 0)
        annuls = any((self.statuses[code], act) in ANNULMENT for code in codes)
        expected = Expected(act, codes, due_at, author, annuls, "awaiting_approval" if annuls else "scheduled")
        if minutes is None and not self._allows(expected, approved=True):
            with pytest.raises(StatusChangeRefused):
                self.city.run(self.city.order(expected, later=False))
            return multiple()
        order = self.city.run(self.city.order(expected, later=minutes is not None))
        self.expected[order.order_id] = expected
        if minutes is None and not annuls:
            self._do(expected)
        assert order.state == expected.state
        return order

    @rule(order=orders, approver=st.sampled_from(["an", "bình", "chi"]))
    def approve(self, order: Order, approver: str) -> None:
        self._tick()
        expected = self.expected[order.order_id]
        approving = self.city.second.orders.approve(order.order_id, order.order_hash, everything_of(AGENCY), approver)
        if approver == expected.author:
            with pytest.raises(SecondPersonNeeded):
                self.city.run(approving)
        elif expected.state == "awaiting_approval":
            expected.state, expected.approved = "scheduled", True
            if expected.due_at <= self.city.clock():
                self._do(expected)
            assert self.city.run(approving).state == expected.state
        else:
            [answer] = self.city.run(self.city.at_once(approving))
            assert isinstance(answer, OrderEnded) or answer.approver == approver

    @rule(order=orders)
    def cancel(self, order: Order) -> None:
        self._tick()
        expected = self.expected[order.order_id]
        own = everything_of(AGENCY)
        cancelling = self.city.first.orders.cancel(order.order_id, "nhầm", own, expected.author, Purview())
        if expected.state in ("carried_out", "failed"):
            with pytest.raises(OrderEnded):
                self.city.run(cancelling)
        else:
            expected.state = "cancelled"
            assert self.city.run(cancelling).state == "cancelled"

    @rule(minutes=st.integers(0, 40))
    def time_passes(self, minutes: int) -> None:
        self.city.clock.forward(timedelta(minutes=minutes))
        workers = (self.city.first.orders, self.city.second.orders, self.city.first.orders)
        assert self.city.run(self.city.at_once(*(worker.carry_out_due() for worker in workers))) == [None] * 3
        self.city.run(self.city.first.orders.carry_out_due())
        due = [one for one in self.expected.values() if one.state == "scheduled" and one.due_at <= self.city.clock()]
        for one in sorted(due, key=lambda one: one.due_at):
            self._do(one)
        self._compare()

    @rule(code=results)
    def two_officers_at_once(self, code: str) -> None:
        """One of them is first."""
        self._tick()
        acts = [Expected("suspend", [code], self.city.clock(), author, False, "scheduled") for author in ("an", "bình")]
        allowed = self._allows(acts[0], approved=False)
        answers = self.city.run(self.city.at_once(*(self.city.order(one, later=False) for one in acts)))
        done = [answer for answer in answers if isinstance(answer, Order)]
        assert len(done) == allowed
        assert all(isinstance(one, Order | StatusChangeRefused) for one in answers)
        if allowed:
            self.statuses[code] = "suspended"

    def teardown(self) -> None:
        self._compare()

    def _tick(self) -> None:
        """No two things are due at the same time."""
        self.city.clock.forward(timedelta(seconds=1))

    def _allows(self, expected: Expected, *, approved: bool) -> bool:
        leads = LEADS | ANNULMENT if approved else LEADS
        return all((self.statuses[code], expected.act) in leads for code in expected.codes)

    def _do(self, expected: Expected) -> None:
        if not self._allows(expected, approved=expected.approved):
            expected.state = "failed"
            return
        for code in expected.codes:
            self.statuses[code] = (LEADS | ANNULMENT)[self.statuses[code], expected.act]
        expected.state = "carried_out"

    def _compare(self) -> None:
        found = self.city.run(self.city.statuses())
        assert {code: found[code] for code in self.statuses} == self.statuses
        for order_id, expected in self.expected.items():
            order = self.city.run(self.city.first.order_book.get_order(order_id, everything_of(AGENCY)))
            assert (order.state, order.needs_approval) == (expected.state, expected.needs_approval)


@pytest.fixture
def own_city(server: EmbeddedPostgres, city_template: str, key_dir: Path) -> Iterator[City]:
    with copied_city(server, city_template, key_dir, "test_orders_machine") as config:
        city = City(config)
        try:
            yield city
        finally:
            city.close()


def test_whatever_officers_do_in_whatever_order(own_city: City) -> None:
    machine = type("Machine", (OrdersMachine,), {"city": own_city})
    bounds = settings(
        max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine, settings=bounds)
