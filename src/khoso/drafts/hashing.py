"""What an approval names: everything that will be signed and recorded, in 32 bytes (docs/issuing.md)."""

import hashlib
from uuid import UUID

import msgspec

from khoso.drafts.model import Draft, Paper
from khoso.errors import DraftEnded
from khoso.issue_request import IssueRequest


def write_request(request: IssueRequest) -> str:
    """The request as it is kept and hashed: JSON with the names in order."""
    return msgspec.json.encode(request, order="sorted").decode()


def read_request(draft: Draft) -> IssueRequest:
    """What a draft asks for. Raises DraftEnded for one of which that is forgotten."""
    if draft.request is None:
        raise DraftEnded(draft.draft_id)
    return msgspec.json.decode(draft.request, type=IssueRequest)


def hash_draft(draft_id: UUID, revision: int, agency_code: str, author: str, paper: Paper, request: str) -> bytes:
    """SHA-256 over who drafted what, under which version of the type, and what the code will say of it."""
    head = (draft_id, revision, agency_code, author, paper.type_version, paper.statement.hex())
    return hashlib.sha256(msgspec.json.encode(head) + b"\n" + request.encode()).digest()


def is_of(draft: Draft, paper: Paper) -> bool:
    """Whether the paper is exactly what the hash is of, of a draft of which nothing is forgotten."""
    assert draft.request is not None
    said = hash_draft(draft.draft_id, draft.revision, draft.agency_code, draft.author, paper, draft.request)
    return said == draft.draft_hash
