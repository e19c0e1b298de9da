"""After a restore to an earlier moment: what the published lists know and the record has lost.

What was withdrawn is withdrawn again, by orders of their own. Every list whose indexes may be on somebody's paper
already is closed, and published anew above all that was published. What was issued in the lost time is gone: those
papers read "not issued" until they are issued again.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds
from khoso.db import Connection
from khoso.errors import InputProblem, InvalidInput
from khoso.formats.status_list import Status
from khoso.formats.status_token import StatusToken
from khoso.offline import utc
from khoso.orders.model import Act, Decision, Place
from khoso.publishing import recovery_store, store
from khoso.publishing.checking import count_issued
from khoso.publishing.model import Difference, Gap, Refused
from khoso.publishing.watch import name_list
from khoso.wiring import Services

REASON = "recovered"
"""The reason code of what is withdrawn again."""

_ACTS: Mapping[tuple[int, int], Act] = {
    (Status.VALID, Status.INVALID): "revoke",
    (Status.VALID, Status.SUSPENDED): "suspend",
    (Status.VALID, Status.SUPERSEDED): "suspend",
    (Status.SUSPENDED, Status.INVALID): "revoke",
}
"""By what is recorded and what was published. Which result took the place of a superseded one no list tells: it is
suspended until somebody says so again. Whatever the record has withdrawn stays withdrawn."""


class LostList(msgspec.Struct, frozen=True, kw_only=True):
    """A status list of which the record is older than what was published."""

    list_id: int
    recorded_version: int | None
    published_version: int
    published_at: datetime
    lost_papers: int
    """Published as issued, and recorded nowhere any more."""
    differences: list[Difference]


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that published lists know and the record does not."""

    documents: list[Gap]
    """The trust list and the type list, if their rows are older."""
    lists: list[LostList]

    @property
    def withdrawn(self) -> list[Difference]:
        """What has to be withdrawn again."""
        return [one for lost in self.lists for one in lost.differences if (one.recorded, one.published) in _ACTS]

    @property
    def restored(self) -> list[Difference]:
        """What was restored, or withdrawn otherwise, in the lost time, and stays as it is recorded."""
        return [one for lost in self.lists for one in lost.differences if (one.recorded, one.published) not in _ACTS]


async def find_loss(services: Services) -> Loss:
    """Compare the record with the published lists that this process began with.

    Raises InvalidInput if it began without, and Unavailable.
    """
    published = services.published
    if not published.opened:
        message = (
            "không có gói danh sách đáng tin trong KHOSO_DATA_DIR/lists: chạy ở nơi `khoso serve` chạy, hoặc tải về đó"
            " | no bundle to believe in KHOSO_DATA_DIR/lists: run this where `khoso serve` runs, or fetch one there"
        )
        raise InvalidInput(InputProblem("lists", "absent", message))
    await published.refresh()
    tokens, gaps = published.lists.status_tokens, published.watch.gaps
    behind = [token for _, token in sorted(tokens.items()) if published.watch.find_newer(token.list_id) is not None]
    async with db.transaction(services.pool, Bounds(duty="recover")) as conn:
        recorded = (await store.get_record_heads(conn)).statuses
        lists = [await _compare(conn, token, recorded.get(token.list_id)) for token in behind]
    of_lists = {name_list(token.list_id) for token in behind}
    return Loss(documents=[gap for subject, gap in gaps.items() if subject not in of_lists], lists=lists)


async def _compare(conn: Connection, token: StatusToken, recorded_version: int | None) -> LostList:
    statuses = token.statuses
    packed = bytes(statuses.data)
    known = await recovery_store.count_known(conn, token.list_id, packed)
    return LostList(
        list_id=token.list_id,
        recorded_version=recorded_version,
        published_version=token.version,
        published_at=utc(token.issued_at),
        lost_papers=count_issued(statuses) - known,
        differences=await recovery_store.list_differences(conn, token.list_id, packed),
    )


async def recover(services: Services, loss: Loss, actor: str, now: datetime) -> list[int]:
    """Bring the record beyond what was published; answers the lists closed. The same again closes what opened since.

    First the catalogue, then in one transaction the withdrawals, the lists and what is published of them. Raises
    InvalidInput where this machine cannot publish, StatusChangeRefused if something was changed meanwhile.
    """
    lists = services.published.lists
    if loss.documents:
        await services.custody.recover(lists.types.values(), lists.types_version, actor)
    try:
        async with db.transaction(services.pool, Bounds(duty="recover")) as conn:
            await store.wait_for_turn(conn)
            await _withdraw_again(conn, services, loss, actor)
            closed = await _close(conn, loss, now)
            for lost in loss.lists:
                await services.publisher.publish_anew(conn, lost.list_id)
            entries = [auditing.Entry(actor, "close_list", f"status list {list_id}") for list_id in closed]
            await auditing.append(conn, entries, now)
    except Refused as refused:
        message = (
            "không thể công bố danh sách từ máy này: xem docs/publishing.md"
            " | the lists cannot be published from this machine: see docs/publishing.md"
        )
        raise InvalidInput(InputProblem("lists", refused.reason, message)) from None
    await services.published.refresh()
    return closed


async def _withdraw_again(conn: Connection, services: Services, loss: Loss, actor: str) -> None:
    """An order for each agency and act; its decision names the published list from which it is known."""
    lost_acts: defaultdict[tuple[str, Act, str], list[Place]] = defaultdict(list)
    for lost in loss.lists:
        number = f"status list {lost.list_id}, version {lost.published_version}"
        for one in lost.differences:
            act = _ACTS.get((one.recorded, one.published))
            if act is not None:
                place = Place(one.result_code, one.vault_id, one.credential_id, one.type_code)
                lost_acts[one.agency_code, act, number].append(place)
    for (agency_code, act, number), places in sorted(lost_acts.items()):
        decision = Decision(act=act, reason_code=REASON, decision_number=number)
        await services.orders.recover(conn, decision, agency_code, places, actor)


async def _close(conn: Connection, loss: Loss, now: datetime) -> list[int]:
    """Also the open lists of which nothing seems lost: what was handed out last was perhaps never published."""
    behind: Sequence[int] = [lost.list_id for lost in loss.lists]
    above = [lost.published_version for lost in loss.lists]
    await recovery_store.close_lists(conn, behind, above, [secrets.token_bytes(32) for _ in behind], now)
    return sorted({*behind, *await recovery_store.close_open_lists(conn, now)})
