"""What a verifier has downloaded: signed by whom it must be, never older than before, and read by others too."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cbor2
import jwt
import pytest
from pycose.headers import KID, Algorithm
from pycose.keys.curves import P256
from pycose.keys.ec2 import EC2Key
from pycose.messages.sign1message import Sign1Message

from golden import city, documents, vectors
from golden.city import NOW, ORIGIN
from golden.documents import PUBLISHER, ROOT, TOKEN
from khoso.formats import bundle, status_token, trust_list
from khoso.formats.bundle import Bundle
from khoso.formats.claims import StatusRef
from khoso.formats.documents import keys_by_kid, seal
from khoso.formats.lists import Lists
from khoso.formats.malformed import Malformed
from khoso.formats.status_list import Status
from khoso.formats.verdict import OFFLINE, Outcome, StatusAnswer, verify

WHOLE = Bundle(documents.GOOD_TRUST.data, documents.GOOD_TYPES.data, (documents.GOOD_STATUS.data,), (city.HONEST_SET,))


@pytest.fixture
def lists() -> Lists:
    return Lists(ORIGIN, keys_by_kid(ROOT.public))


def outcome(lists: Lists, code: str, now: int = NOW) -> tuple[str, str]:
    verdict = verify(code, ORIGIN, lists.trust, lists.types, lists, now, OFFLINE)
    return verdict.outcome.value, verdict.reason


def test_without_any_lists_nothing_is_told(lists: Lists) -> None:
    assert outcome(lists, city.paper()) == ("cannot_tell", "trust_list_expired")


def test_the_whole_bundle_judges_a_paper(lists: Lists) -> None:
    lists.take(bundle.decode(bundle.encode(WHOLE)))
    assert outcome(lists, city.paper()) == ("in_force", "all_checks_passed")
    assert outcome(lists, city.paper(city.ROBBED)) == ("in_force", "all_checks_passed")
    assert outcome(lists, city.paper(city.ROBBED, f1="43C-999.99")) == ("not_genuine", "key_compromised")
    assert outcome(lists, city.paper(city.COMPROMISED)) == ("cannot_tell", "honest_set_missing")
    assert lists.status_tokens == {city.LIST: TOKEN}


def test_lists_grow_old(lists: Lists) -> None:
    lists.take(WHOLE)
    signed = TOKEN.issued_at
    assert outcome(lists, city.paper(), signed + 14_400)[0] == Outcome.IN_FORCE
    assert outcome(lists, city.paper(), signed + 14_401)[0] == Outcome.IN_FORCE_OFFLINE
    assert outcome(lists, city.paper(), signed + 86_400)[0] == Outcome.IN_FORCE_OFFLINE
    assert outcome(lists, city.paper(), signed + 86_401)[0] == Outcome.CANNOT_TELL
    lists.take_status(documents.status(replace(TOKEN, version=42, expires_at=NOW + 60)).data)
    assert outcome(lists, city.paper(), NOW + 60) == ("cannot_tell", "status_list_expired")


def test_honest_sets_are_kept_when_a_newer_trust_list_comes(lists: Lists) -> None:
    lists.take(WHOLE)
    lists.take_trust(documents.trust(replace(documents.TRUST, version=8)).data)
    assert outcome(lists, city.paper(city.ROBBED))[0] == Outcome.IN_FORCE


def test_a_status_is_found_with_its_times(lists: Lists) -> None:
    lists.take(WHOLE)
    suspended = StatusAnswer(Status.SUSPENDED, TOKEN.issued_at, TOKEN.expires_at)
    assert lists.find_status(StatusRef(city.LIST, city.SUSPENDED)) == suspended
    assert lists.find_status(StatusRef(city.LIST, 64)) is None
    assert lists.find_status(StatusRef(city.OTHER_LIST, 5)) is None


def turned(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    return dict(reversed(list(mapping.items())))


def test_a_trust_list_is_the_same_in_whatever_order_it_was_put_together() -> None:
    trust = documents.TRUST
    other = replace(
        trust,
        keys=turned(trust.keys),
        agencies=turned(trust.agencies),
        publishers=turned(trust.publishers),
    )
    assert trust_list.encode(other, ORIGIN) == trust_list.encode(trust, ORIGIN)
    assert trust_list.decode(trust_list.encode(trust, ORIGIN), ORIGIN) == trust


def test_a_document_is_what_its_maker_seals() -> None:
    payload = trust_list.encode(documents.TRUST, ORIGIN)
    assert seal(trust_list.PROFILE, ROOT.kid, payload, ROOT.sign) == documents.GOOD_TRUST.data


def test_large_documents_have_a_longer_head() -> None:
    large = replace(TOKEN, compressed=bytes(1 << 17))
    signed = documents.status(large).data
    assert status_token.PROFILE.parse(signed).unverified_payload == status_token.encode(large)
    with pytest.raises(ValueError, match="at most"):
        documents.status(replace(TOKEN, compressed=bytes(1 << 24)))


@pytest.mark.parametrize(
    "raw",
    [
        7,
        {},
        {1: b"", 2: b"", 3: []},
        {1: b"", 2: b"", 3: [], 4: [], 5: []},
        {1: b"", 2: "", 3: [], 4: []},
        {1: b"", 2: b"", 3: {}, 4: []},
        {1: b"", 2: b"", 3: [1], 4: []},
        {1: b"", 2: b"", 3: [], 4: [[]]},
    ],
)
def test_other_bundles_are_malformed(raw: object) -> None:
    with pytest.raises(Malformed) as refused:
        bundle.decode(cbor2.dumps(raw))
    assert refused.value.reason == "bundle"


def test_another_implementation_reads_the_status_list_as_cwt() -> None:
    """pycose 1.1 does not know how cbor2 6 reads tagged lists, so the tag is taken off by hand."""
    message = Sign1Message.from_cose_obj(cbor2.loads(documents.GOOD_STATUS.data[1:]), allow_unknown_attributes=True)
    numbers = PUBLISHER.public.public_numbers()
    message.key = EC2Key(crv=P256, x=numbers.x.to_bytes(32), y=numbers.y.to_bytes(32))
    assert message.verify_signature()
    assert message.phdr[KID] == PUBLISHER.kid
    assert message.phdr[Algorithm].fullname == "ES256"
    assert message.phdr[16] == "application/statuslist+cwt"
    claims = cbor2.loads(message.payload or b"")
    assert claims[2] == f"{ORIGIN}/lists/status/{city.LIST}"
    assert (claims[4], claims[6], claims[65534]) == (TOKEN.expires_at, TOKEN.issued_at, 300)
    assert claims[65533] == {
        "bits": 2,
        "lst": TOKEN.compressed,
        "aggregation_uri": f"{ORIGIN}/lists/status",
    }


def test_another_implementation_reads_the_status_list_as_jwt() -> None:
    text = status_token.to_jwt(TOKEN, PUBLISHER.kid, PUBLISHER.sign)
    options = {"verify_exp": False, "verify_iat": False}
    told = jwt.decode_complete(text, PUBLISHER.public, algorithms=["ES256"], options=options)  # type: ignore[arg-type]
    assert told["header"] == {"alg": "ES256", "kid": PUBLISHER.kid.hex(), "typ": "statuslist+jwt"}
    claims = told["payload"]
    assert claims.pop("status_list") == {
        "bits": 2,
        "lst": city.b64(TOKEN.compressed),
        "aggregation_uri": f"{ORIGIN}/lists/status",
    }
    assert claims == {
        "sub": f"{ORIGIN}/lists/status/{city.LIST}",
        "iat": TOKEN.issued_at,
        "exp": TOKEN.expires_at,
        "ttl": 300,
        "version": 41,
    }
    assert json.loads(urlsafe_b64decode(text.split(".")[1] + "=="))["version"] == 41


@pytest.mark.parametrize("name", ["good-paper", "status-suspended", "key-unknown", "signature-changed-plate"])
def test_the_lists_judge_as_the_vectors_do(lists: Lists, name: str) -> None:
    lists.take(WHOLE)
    vector = vectors.read(name)
    assert outcome(lists, vector.code) == (vector.expected[0], vector.expected[2])
