"""A result between its numbers and its record: what is to be signed of it, and what it is once it was."""

import secrets
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from khoso.formats import claims as claims_format
from khoso.formats import cose, lookup
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import Status
from khoso.issuance.model import Credential, Prepared

_CHARACTERS = (lookup.ALPHABET * 8).encode()
"""A character for each byte; each of the 32 is equally likely, for 32 divides 256."""


class Unsigned(NamedTuple):
    """A numbered result, to be signed."""

    prepared: Prepared
    vault_id: UUID
    credential_id: UUID
    result_code: str
    ref: StatusRef
    payload: bytes
    to_be_signed: bytes


def make_unsigned(
    prepared: Prepared, vault_id: UUID, credential_id: UUID, result_code: str, ref: StatusRef
) -> Unsigned:
    """The result with its numbers in place."""
    payload = claims_format.encode(prepared.claims._replace(result_code=result_code, status=ref))
    to_be_signed = cose.to_be_signed(prepared.kid, payload)
    return Unsigned(prepared, vault_id, credential_id, result_code, ref, payload, to_be_signed)


def statement_of(prepared: Prepared) -> bytes:
    """What the code will say, but for what issuing itself adds: result code, status reference, times."""
    claims = prepared.claims._replace(
        result_code="", status=StatusRef(0, 0), issued_at=0, valid_from=None, expires_at=None
    )
    return claims_format.encode(claims)


def make_credential(unsigned: Unsigned, signature: bytes, lookup_secret: str) -> Credential:
    """What is recorded of the signed result."""
    prepared, claims = unsigned.prepared, unsigned.prepared.claims
    issued_at = _instant(claims.issued_at)
    return Credential(
        vault_id=unsigned.vault_id,
        credential_id=unsigned.credential_id,
        result_code=unsigned.result_code,
        type_code=claims.type_code,
        type_version=claims.type_version,
        agency_code=prepared.agency_code,
        dossier_code=prepared.dossier_code,
        legal_basis=prepared.legal_basis,
        decision_number=prepared.decision_number,
        holder_name=prepared.holder_name,
        fields=prepared.fields,
        issued_at=issued_at,
        valid_from=issued_at if claims.valid_from is None else _instant(claims.valid_from),
        expires_at=None if claims.expires_at is None else _instant(claims.expires_at),
        evidence_level=claims.evidence_level,
        list_id=unsigned.ref.list_id,
        status_index=unsigned.ref.status_index,
        signed=cose.assemble(prepared.kid, unsigned.payload, signature),
        lookup_secret=lookup_secret,
        search_text=prepared.search_text,
        status=Status.VALID,
        status_since=issued_at,
    )


def draw_secrets(count: int) -> list[str]:
    """So many secrets of look-up codes, of one reading of the system's randomness (`draw_ids` says why)."""
    drawn = secrets.token_bytes(lookup.SECRET_LENGTH * count).translate(_CHARACTERS).decode()
    return [drawn[start : start + lookup.SECRET_LENGTH] for start in range(0, len(drawn), lookup.SECRET_LENGTH)]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
