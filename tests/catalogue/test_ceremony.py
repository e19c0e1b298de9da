"""Drafts, what they would change, and what no list may lose by the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from catalogue.keys import make_root
from grounds import ORIGIN
from khoso.catalogue import ceremony, drafts
from khoso.catalogue.drafts import Draft
from khoso.catalogue.trusting import NOBODY, seal_list
from khoso.errors import InvalidInput
from khoso.formats import cose
from khoso.formats.documents import keys_by_kid
from khoso.formats.trust import KeyState, Publisher, Trust, TrustedAgency, TrustedKey

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
END = NOW + timedelta(days=90)
SECONDS = int(NOW.timestamp())


def new_public_key() -> ec.EllipticCurvePublicKey:
    return ec.generate_private_key(ec.SECP256R1()).public_key()


def trusted_key(state: KeyState, agency_code: str = "H17.1") -> TrustedKey:
    public = new_public_key()
    return TrustedKey(cose.key_id(public), public, agency_code, state, SECONDS - 1_000)


ACTIVE = trusted_key(KeyState.ACTIVE)
RETIRED = replace(trusted_key(KeyState.RETIRED), valid_until=SECONDS)
STOLEN = replace(trusted_key(KeyState.COMPROMISED), compromised_at=SECONDS, honest_digest=bytes(32))
PUBLISHER = Publisher(cose.key_id(key := new_public_key()), key, SECONDS, SECONDS + 9)
AGENCIES = {
    "H17.1": TrustedAgency("H17.1", "Sở", "Department", frozenset({"KQ.H17.000001", "KQ.H17.000002"})),
    "H17.0": TrustedAgency("H17.0", "Quận", "District", successors=("H17.1",)),
}
TRUST = Trust(
    SECONDS,
    int(END.timestamp()),
    {key.kid: key for key in (ACTIVE, RETIRED, STOLEN)},
    AGENCIES,
    {PUBLISHER.kid: PUBLISHER},
    version=7,
)


def with_key(key: TrustedKey) -> Trust:
    return replace(TRUST, keys={**TRUST.keys, key.kid: key})


def written(trust: Trust = TRUST, present: bytes = b"") -> Draft:
    """By way of its file."""
    draft = drafts.write_draft(trust, ORIGIN, trust.version, present)
    again: Draft = msgspec.json.decode(msgspec.json.encode(draft), type=Draft)
    return again


def problems_of(act: Callable[[], object]) -> set[str]:
    with pytest.raises(InvalidInput) as refused:
        act()
    return {problem.code for problem in refused.value.problems}


def test_a_draft_says_all_that_the_list_says() -> None:
    assert drafts.read_draft(written(), NOW, END) == TRUST
    assert "Sở" in msgspec.json.encode(written()).decode()


def test_a_key_is_the_one_it_is_called() -> None:
    draft = written()
    swapped = msgspec.structs.replace(draft.keys[0], kid=draft.keys[1].kid)
    assert problems_of(lambda: drafts.read_draft(msgspec.structs.replace(draft, keys=[swapped]), NOW, END)) == {"kid"}
    broken = msgspec.structs.replace(draft.keys[0], public_key=b"nonsense")
    assert problems_of(lambda: drafts.read_draft(msgspec.structs.replace(draft, keys=[broken]), NOW, END)) == {
        "public_key"
    }


def test_times_without_a_zone_are_refused() -> None:
    text = msgspec.json.encode(written()).replace(b"Z", b"")
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Draft)


def test_the_standing_list_counts_only_with_the_roots_signature() -> None:
    root = make_root()
    draft = written(present=seal_list(root, ORIGIN, TRUST))
    assert ceremony.find_present(draft, keys_by_kid(root.public_key)) == TRUST
    assert ceremony.find_present(draft, keys_by_kid(make_root().public_key)) == NOBODY
    assert ceremony.find_present(written(), keys_by_kid(root.public_key)) == NOBODY


def test_every_difference_is_told() -> None:
    renamed = replace(AGENCIES["H17.1"], name_vi="Sở mới", may_issue=frozenset({"KQ.H17.000001", "KQ.H17.000003"}))
    after = replace(TRUST, agencies={**AGENCIES, "H17.1": renamed}, keys={ACTIVE.kid: ACTIVE}, publishers={})
    changes = ceremony.list_changes(TRUST, after)
    assert {(one.kind, one.name, one.member) for one in changes if one.kind == "agency"} == {
        ("agency", "H17.1", "name"),
        ("agency", "H17.1", "may issue KQ.H17.000002"),
        ("agency", "H17.1", "may issue KQ.H17.000003"),
    }
    gone = {one.name for one in changes if one.after is None and one.kind != "agency"}
    assert gone == {RETIRED.kid.hex(), STOLEN.kid.hex(), PUBLISHER.kid.hex()}
    assert ceremony.list_changes(TRUST, replace(TRUST, version=9, issued_at=1, expires_at=2)) == []
    assert {one.before for one in ceremony.list_changes(NOBODY, TRUST)} == {None}


LOSSES = {
    "would be gone": replace(TRUST, keys={RETIRED.kid: RETIRED, STOLEN.kid: STOLEN}),
    "would be H17.0's": with_key(replace(ACTIVE, agency_code="H17.0")),
    "would go back from retired to active": with_key(replace(RETIRED, state=KeyState.ACTIVE)),
    "would have no honest set": with_key(replace(ACTIVE, state=KeyState.COMPROMISED)),
    "would have another honest set": with_key(replace(STOLEN, honest_digest=b"1" * 32)),
    "would begin later": with_key(replace(ACTIVE, valid_from=SECONDS)),
    "would end earlier": with_key(replace(RETIRED, valid_until=SECONDS - 1)),
    "could never have issued KQ.H17.000002": replace(
        TRUST, agencies={**AGENCIES, "H17.1": replace(AGENCIES["H17.1"], may_issue=frozenset({"KQ.H17.000001"}))}
    ),
}


@pytest.mark.parametrize("what", LOSSES)
def test_what_would_make_good_papers_forged_is_a_loss(what: str) -> None:
    assert [loss.what for loss in ceremony.find_losses(TRUST, LOSSES[what])] == [what]
    assert problems_of(lambda: ceremony.refuse_losses(ceremony.find_losses(TRUST, LOSSES[what]))) == {"loss"}


def test_whoever_vanishes_is_a_loss() -> None:
    assert {(loss.kind, loss.what) for loss in ceremony.find_losses(TRUST, NOBODY)} == {
        ("agency", "would be gone"),
        ("key", "would be gone"),
        ("publisher", "would be gone"),
    }


def test_what_happens_to_keys_and_agencies_every_day_is_none() -> None:
    grown = {**AGENCIES, "H17.2": TrustedAgency("H17.2", "Phòng", "Office")}
    for after in (
        TRUST,
        replace(TRUST, agencies=grown),
        with_key(trusted_key(KeyState.ACTIVE)),
        with_key(replace(ACTIVE, state=KeyState.RETIRED, valid_until=SECONDS)),
        with_key(replace(ACTIVE, state=KeyState.COMPROMISED, honest_digest=bytes(32))),
        with_key(replace(RETIRED, valid_until=None)),
    ):
        ceremony.refuse_losses(ceremony.find_losses(TRUST, after))


def test_a_list_follows_the_one_that_stands() -> None:
    following = replace(TRUST, version=8)
    ceremony.check_next(following, TRUST, NOW)
    for wrong, code in [
        (TRUST, "rolled_back"),
        (replace(following, expires_at=SECONDS), "expired"),
        (replace(following, issued_at=SECONDS + 301), "clock"),
        (replace(following, agencies={}), "unknown_agency"),
        (
            replace(following, agencies={**AGENCIES, "H1": TrustedAgency("H1", "", "", successors=("H2",))}),
            "unknown_successor",
        ),
        (
            replace(following, agencies={**AGENCIES, "H17.1": replace(AGENCIES["H17.1"], successors=("H17.0",))}),
            "circle",
        ),
    ]:
        assert problems_of(lambda wrong=wrong: ceremony.check_next(wrong, TRUST, NOW)) == {code}  # type: ignore[misc]
