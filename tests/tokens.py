"""Callers for the tests."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from grounds import ORIGIN
from khoso.caller import Caller
from khoso.identity.tokens import make_token
from khoso.signing.files import KeyFiles


def bearer(
    key_dir: Path,
    now: datetime,
    *scopes: str,
    agency: str | None = None,
    vault: UUID | None = None,
    subject: str = "tester",
    origin: str = ORIGIN,
) -> dict[str, str]:
    """The header of a caller with these scopes."""
    caller = Caller(subject=subject, scopes=frozenset(scopes), agency_code=agency, vault_id=vault)
    return bearer_of(key_dir, now, caller, origin)


def bearer_of(key_dir: Path, now: datetime, caller: Caller, origin: str = ORIGIN) -> dict[str, str]:
    """The header of that caller."""
    token = make_token(KeyFiles(key_dir).token_key(), origin, caller, now, timedelta(hours=1))
    return {"authorization": f"Bearer {token}"}
