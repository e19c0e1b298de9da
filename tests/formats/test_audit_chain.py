"""The audit's arithmetic: known hashes, nothing ambiguous, and a checkpoint that only its key can make."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from khoso.formats import audit_chain, cose
from khoso.formats.audit_chain import GENESIS, Checkpoint, Head, link
from khoso.formats.malformed import Malformed

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key()
CHECKPOINT = Checkpoint(3, 1_795_420_800_000_000, (Head(0, 2, b"\x01" * 32), Head(1, 0, GENESIS)))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def test_the_worked_example_of_the_documentation() -> None:
    at = audit_chain.microseconds(datetime(2026, 11, 23, 8, 0, 0, 250, UTC))
    assert at == 1_795_420_800_000_250
    first = link(GENESIS, 0, 1, at, "officer-7", "issue", "H17.05.12-261123-000123-KQ1")
    assert first.hex() == "c5d0d3894c489381f866ba63ab9e3a231fb75991d1fc142cc27039ea6f0422df"
    second = link(first, 0, 2, at, "cán bộ 7", "revoke", "H17.05.12-261123-000123-KQ1")
    assert second.hex() == "4209f8fd440391990b48b54a8e51278c123f23bb8a70125ba09fa4a387cc3304"


def test_a_row_is_hashed_as_it_is_described() -> None:
    row = "00000003 0000000000000002 ffffffffffffffff 00000001 00000002 00000000 61 c3a9"
    assert link(b"\x07" * 32, 3, 2, -1, "a", "é", "") == hashlib.sha256(b"\x07" * 32 + bytes.fromhex(row)).digest()


@given(st.lists(st.tuples(texts, texts, texts), min_size=2, max_size=2, unique=True))
def test_two_different_rows_have_different_hashes(rows: list[tuple[str, str, str]]) -> None:
    one, other = rows
    assert link(GENESIS, 0, 1, 0, *one) != link(GENESIS, 0, 1, 0, *other)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_counted_exactly(at: datetime) -> None:
    assert audit_chain.instant(audit_chain.microseconds(at)) == at


def test_a_checkpoint_is_read_as_it_was_signed() -> None:
    text = audit_chain.sign_checkpoint(CHECKPOINT, KEY)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert audit_chain.read_checkpoint(text, [other, PUBLIC]) == CHECKPOINT
    with pytest.raises(Malformed, match="checkpoint_signature"):
        audit_chain.read_checkpoint(text, [other])


def test_no_changed_checkpoint_is_accepted() -> None:
    text = audit_chain.sign_checkpoint(CHECKPOINT, KEY)
    alphabet = "Aa0_-."
    for position in range(len(text)):
        for character in alphabet.replace(text[position], ""):
            changed = text[:position] + character + text[position + 1 :]
            try:
                assert audit_chain.read_checkpoint(changed, [PUBLIC]) == CHECKPOINT
                assert position == len(text) - 1, "base64 leaves four bits of the last character unused"
            except Malformed:
                pass


@pytest.mark.parametrize("text", ["", "khoso-audit-1", "khoso-audit-1..", "khoso-audit-2.oA.", "\n"])
def test_what_does_not_look_like_a_checkpoint_is_none(text: str) -> None:
    with pytest.raises(Malformed, match="checkpoint_form"):
        audit_chain.read_checkpoint(text, [PUBLIC])
    assert list(audit_chain.find_checkpoints(text)) == []


def test_nothing_else_that_the_key_signed_is_a_checkpoint() -> None:
    """A signature over the same content without the words in front of it, as other formats sign."""
    payload = audit_chain.sign_checkpoint(CHECKPOINT, KEY).split(".")[1]
    content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    for signed in (content, payload.encode(), cose.to_be_signed(cose.key_id(PUBLIC), content), b"." + payload.encode()):
        signature = base64.urlsafe_b64encode(cose.sign(KEY, signed)).rstrip(b"=").decode()
        with pytest.raises(Malformed, match="checkpoint_signature"):
            audit_chain.read_checkpoint(f"khoso-audit-1.{payload}.{signature}", [PUBLIC])


def test_checkpoints_are_found_in_any_text() -> None:
    one = audit_chain.sign_checkpoint(CHECKPOINT, KEY)
    other = audit_chain.sign_checkpoint(CHECKPOINT._replace(number=4), KEY)
    line = f'{{"event": "audit checkpoint", "checkpoint": "{one}"}} khoso-audit-1.x {other}\n'
    assert list(audit_chain.find_checkpoints(line)) == [one, other]
    assert list(audit_chain.find_checkpoints(one + "A")) == [], "cut out of something longer"
