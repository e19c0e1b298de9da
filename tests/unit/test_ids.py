"""Identifiers and secrets that a batch draws at once."""

from uuid import RFC_4122

from khoso.formats import lookup
from khoso.ids import draw_ids
from khoso.issuance.unsigned import draw_secrets


def test_ids_are_random_uuids_and_no_two_are_equal() -> None:
    drawn = draw_ids(1_000)
    assert len(set(drawn)) == 1_000
    assert {(one.version, one.variant) for one in drawn} == {(4, RFC_4122)}
    assert draw_ids(0) == []


def test_secrets_of_lookup_codes_use_every_character() -> None:
    drawn = draw_secrets(1_000)
    assert len(drawn) == 1_000
    assert {len(one) for one in drawn} == {lookup.SECRET_LENGTH}
    assert set("".join(drawn)) == set(lookup.ALPHABET)
    assert len(set(drawn)) > 990, "32^5 are possible"
