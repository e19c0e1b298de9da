"""Access tokens made and read: what they allow comes back as it went in."""

from datetime import timedelta
from pathlib import Path

from grounds import ORIGIN, Clock
from khoso.caller import Caller
from khoso.identity.tokens import TokenReader, make_token
from khoso.signing.files import KeyFiles


def test_a_scope_can_be_limited_to_result_types(key_dir: Path, clock: Clock) -> None:
    key = KeyFiles(key_dir).token_key()
    caller = Caller(
        subject="officer-7",
        scopes=frozenset({"credentials:issue", "credentials:read"}),
        types={"credentials:issue": frozenset({"KQ.H17.000003", "KQ.H17.000006"})},
        agency_code="H17.11",
    )

    text = make_token(key, ORIGIN, caller, clock(), timedelta(minutes=10))
    read = TokenReader(key.public_key(), ORIGIN).read(text).caller_at(clock())

    assert read == caller
