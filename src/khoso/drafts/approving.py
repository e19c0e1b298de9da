"""The decision about an approval, in one place: whether this person may let exactly this paper be issued now."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from khoso.caller import Purview
from khoso.drafts.hashing import is_of, read_request
from khoso.drafts.model import Delegation, Draft, Outcome, Paper, Papers, Seen
from khoso.errors import (
    DraftEnded,
    InputProblem,
    InvalidInput,
    NoSigningKey,
    NotAsExpected,
    NotAuthorisedToIssue,
    NotFound,
    SecondPersonNeeded,
)

_REFUSALS = (
    NotFound,
    SecondPersonNeeded,
    NotAsExpected,
    DraftEnded,
    InvalidInput,
    NotAuthorisedToIssue,
    NoSigningKey,
)
"""Why one draft of many may not be issued, which keeps none of the others."""


class Approver(NamedTuple):
    """Who approves, and what he may approve by himself."""

    subject: str
    purview: Purview


class Rights(NamedTuple):
    """What an approver may approve: by his own right, and by those that were delegated to him."""

    approver: Approver
    delegated: Sequence[tuple[Delegation, Purview]]

    def find(self, draft: Draft) -> str | None:
        """Whose right he uses for this draft; None: his own. Raises NotFound if he has none, as for an absent draft.

        Nobody approves what he has drafted himself, and nobody approves it for him.
        """
        if self.approver.purview.has(draft.agency_code, draft.type_code):
            return None
        for delegation, purview in self.delegated:
            if (
                delegation.delegator != draft.author
                and (delegation.type_codes is None or draft.type_code in delegation.type_codes)
                and purview.has(draft.agency_code, draft.type_code)
            ):
                return delegation.delegator
        raise NotFound(draft.draft_id)


class Judged(NamedTuple):
    """A draft that may be issued."""

    seen: Seen
    draft: Draft
    paper: Paper
    on_behalf_of: str | None


def check_seen(seen: Seen, draft: Draft, rights: Rights) -> str | None:
    """Whose right somebody uses who approves or rejects what he has seen; None: his own.

    Raises NotFound, SecondPersonNeeded for the author, and NotAsExpected if the draft says something else.
    """
    on_behalf_of = rights.find(draft)
    if draft.author == rights.approver.subject:
        raise SecondPersonNeeded(draft.draft_id)
    if draft.draft_hash != seen.draft_hash:
        raise NotAsExpected(
            InputProblem("draft_hash", "differs", "dự thảo đã thay đổi: hãy xem lại | look at the draft again")
        )
    return on_behalf_of


def judge(seen: Seen, draft: Draft | None, rights: Rights, papers: Papers, now: datetime) -> Judged | Outcome:
    """Whether what was seen may be issued by this approval; the draft is locked.

    1. The draft is there, and within the approver's purview, by his own right or a delegated one.
    2. He is not its author.
    3. It says what he has seen.
    4. It waits, and has not lapsed; or he has approved it before, and is told the same again.
    5. It passes every check of issuance now, and what would be signed is what the hash is of.
    """
    try:
        if draft is None:
            raise NotFound(seen.draft_id)
        on_behalf_of = check_seen(seen, draft, rights)
        if draft.state == "issued" and draft.approver == rights.approver.subject:
            return Outcome(seen, draft)
        if draft.state != "awaiting_approval" or draft.lapses_at <= now:
            raise DraftEnded(draft.draft_id)
        return Judged(seen, draft, _look_again(draft, papers), on_behalf_of)
    except _REFUSALS as refusal:
        return Outcome(seen, error=refusal)


def _look_again(draft: Draft, papers: Papers) -> Paper:
    """The paper as it would be now. Raises NotAsExpected if that is not what was approved."""
    paper = papers.look(read_request(draft), draft.agency_code)
    if not is_of(draft, paper):
        message = (
            "loại kết quả đã thay đổi: người lập phải sửa lại dự thảo"
            " | the result type has changed since: its author has to revise the draft"
        )
        raise NotAsExpected(InputProblem("draft_hash", "type_changed", message))
    return paper
