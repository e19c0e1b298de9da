"""`docs/credential.md` says what the code does: its example runs, and its tables and dumps are compared."""

import contextlib
import hashlib
import io
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from golden import city, documents, vectors
from khoso.formats import bundle, cose, link, lookup
from khoso.formats.bundle import Bundle
from khoso.formats.verdict import OFFLINE, ONLINE, Outcome
from khoso.rendering.qr import qr_modules, qr_version
from khoso.verification.wording import words
from unit.test_reference_permits import ORIGIN, PERMITS, signed_permit

TEXT = (Path(__file__).parents[2] / "docs" / "credential.md").read_text("utf-8")
GOOD = vectors.read("good-paper")
SIGNED = link.parse(GOOD.code, GOOD.origin)


ONE_BUNDLE_IS_ENOUGH = (
    *("good-paper", "good-expires-soon", "time-expired", "stale-more-than-a-day"),
    *("status-suspended", "status-list-unknown", "status-index-outside"),
    *("origin-port", "key-unknown", "signature-changed-plate", "cbor-float"),
)


@pytest.mark.parametrize("name", ONE_BUNDLE_IS_ENOUGH)
def test_the_example_gives_the_verdict(name: str) -> None:
    example = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(example) == 1
    assert len(example[0].replace("\n\n", "\n").splitlines()) <= 15
    vector = vectors.read(name)
    _, as_of, _ = vector.statuses.lists[city.LIST]
    status = documents.status(replace(documents.TOKEN, issued_at=as_of))
    given = {
        "text": vector.code,
        "root_pem": documents.ROOT.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "downloaded": bundle.encode(
            Bundle(documents.GOOD_TRUST.data, documents.GOOD_TYPES.data, (status.data,), (city.HONEST_SET,))
        ),
        "now": vector.now,
    }
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(example[0], "docs/credential.md", "exec"), given)
    assert tuple(printed.getvalue().split()) == tuple(map(str, vector.expected))


def test_the_worked_example_is_the_golden_vector() -> None:
    assert f"    {GOOD.code}\n" in TEXT
    dump = "\n".join(f"{at:04x}  {SIGNED[at : at + 16].hex(' ')}" for at in range(0, len(SIGNED), 16))
    assert textwrap.indent(dump, "    ") in TEXT
    parts = cose.parse(SIGNED)
    signed_bytes = cose.to_be_signed(parts.unverified_kid, parts.unverified_payload)
    assert f"SHA-256 of the {len(signed_bytes)} signed bytes" in TEXT
    assert parts.signed_hash == hashlib.sha256(signed_bytes).digest()
    assert parts.signed_hash.hex() in TEXT
    assert f"are {len(GOOD.code) - len(link.prefix(GOOD.origin)) - 1} digits: {len(SIGNED)} bytes" in TEXT


def test_the_bytes_of_the_worked_example_are_where_it_says() -> None:
    rows = re.findall(r"^\| ([0-9a-f]{2}) \| `([0-9a-f ]+)(?:…([0-9a-f ]*))?`", TEXT, re.MULTILINE)
    places = [int(at, 16) for at, _, _ in rows]
    assert len(rows) >= 20
    for (at, start, end), following in zip(rows, [*places[1:], len(SIGNED)], strict=True):
        piece = SIGNED[int(at, 16) : following]
        assert piece.startswith(bytes.fromhex(start)), at
        assert piece.endswith(bytes.fromhex(end)), at
        assert end or "…" in TEXT[TEXT.index(f"| {at} | `{start}") :][:60] or len(piece) == len(bytes.fromhex(start)), (
            at
        )


def outcome_rows() -> dict[str, tuple[str, str]]:
    """Outcome to colour and the cell of its reasons."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (green|amber|red|grey) \| .* \| (.*) \|$", TEXT, re.MULTILINE)
    return {outcome: (colour, reasons) for outcome, colour, reasons in rows}


def test_every_outcome_has_its_colour() -> None:
    rows = outcome_rows()
    assert rows.keys() == set(Outcome)
    assert {outcome: colour for outcome, (colour, _) in rows.items()} == {
        each: words(each, "").colour for each in Outcome
    }


def test_every_reason_stands_at_its_outcome_and_step() -> None:
    told: set[tuple[str, int, str]] = set()
    for outcome, (_, cell) in outcome_rows().items():
        for part in cell.split(" · "):
            step = re.match(r"[0-9]+", part)
            told |= {(outcome, int(step[0]), reason) for reason in re.findall(r"`([a-z_]+)`(?!¹)", part) if step}
    assert told == {vectors.read(name).expected for name in vectors.names()}


def test_the_sizes() -> None:
    for version, modules, size in re.findall(r"^\| ([0-9]+) \| ([0-9]+) \| ([0-9]+) \|$", TEXT, re.MULTILINE):
        at_most, above = (qr_version(link.compose(ORIGIN, bytes(n))) for n in (int(size), int(size) + 1))
        assert (at_most, qr_modules(at_most)) == (int(version), int(modules))
        assert above == at_most + 1
    sizes = re.findall(r"^\| `(KQ\.H17\.[0-9]+)` \| .* \| ([0-9]+) \| ([0-9]+) \|$", TEXT, re.MULTILINE)
    signed = {type_code: signed_permit(type_code) for type_code in PERMITS}
    measured = [(code, str(len(each)), str(qr_version(link.compose(ORIGIN, each)))) for code, each in signed.items()]
    assert sizes == measured


def test_the_look_up_code_and_the_freshness() -> None:
    assert lookup.compose("H17.05.12-261123-000123-KQ1", "7K3M9") in TEXT
    assert lookup.ALPHABET in TEXT
    assert f"on line: {ONLINE.green} seconds for green, a day for amber" in TEXT
    assert "a phone off line: 4 hours for green" in TEXT.replace("\n", " ")
    assert (ONLINE.amber, OFFLINE.amber, OFFLINE.green) == (city.DAY, city.DAY, 4 * 3600)
