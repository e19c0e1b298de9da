"""Every paper of the demonstration as a scanner meets it: the picture on disk, decoded, judged by the server."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from PIL import Image

from demo.launching import Demo
from khoso.demo import papers
from khoso.demo.papers import Paper
from khoso.rendering.qr import qr_version
from rendering.decoders import DECODERS
from rendering.degrade import PHOTOS

PAPERS = papers.load()
OFFICIAL_ORIGIN = "https://kho.danang.gov.vn"
MAX_VERSION = 12
GLANCE = 4
"""Fields that an inspector sees before he scrolls."""

RECORDED = [slug for slug, paper in PAPERS.items() if paper.fault in (None, "altered_paper")]


@pytest.fixture(scope="module")
def pictures(demo: Demo) -> Mapping[str, Image.Image]:
    """The codes as they lie on disk."""
    return {path.stem: Image.open(path).copy() for path in demo.places.codes.iterdir()}


@pytest.fixture(scope="module")
def printed(demo: Demo) -> Mapping[str, Any]:
    """What the demonstration has recorded of its papers."""
    return {paper["slug"]: paper for paper in json.loads(demo.places.papers.read_bytes())["papers"]}


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.origin) as client:
        yield client


def verify(client: httpx.Client, **asked: str) -> dict[str, Any]:
    answer = client.post("/api/v1/verify", json=asked)
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


def test_there_is_a_picture_of_every_paper(pictures: Mapping[str, Image.Image]) -> None:
    assert pictures.keys() == PAPERS.keys()


@pytest.mark.parametrize("photo", PHOTOS)
def test_every_decoder_reads_every_paper_in_every_photo(
    photo: str, pictures: Mapping[str, Image.Image], printed: Mapping[str, Any]
) -> None:
    unread = []
    for slug, picture in pictures.items():
        taken = PHOTOS[photo](picture)  # longer than to read it
        unread += [(slug, name) for name, decode in DECODERS.items() if decode(taken) != printed[slug]["code"]]
    assert unread == []


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_a_scan_gets_the_answer_that_the_story_wants(
    paper: Paper, client: httpx.Client, pictures: Mapping[str, Image.Image], printed: Mapping[str, Any]
) -> None:
    code = DECODERS["zxing"](pictures[paper.slug])
    assert code is not None
    verdict = verify(client, code=code)
    assert (verdict["outcome"], verdict["reason"]) == (paper.expect, printed[paper.slug]["expect_reason"])
    if paper.act is None:
        assert verdict["withdrawal"] is None
    else:
        assert verdict["withdrawal"]["act"] == paper.act.act
        assert verdict["withdrawal"]["decision_number"] == paper.act.decision_number
        assert (verdict["withdrawal"]["superseded_by"] is None) == (paper.act.superseded_by is None)


@pytest.mark.parametrize("slug", RECORDED)
def test_typing_the_look_up_code_gets_the_answer_of_the_scan(
    slug: str, client: httpx.Client, printed: Mapping[str, Any]
) -> None:
    scanned = verify(client, code=printed[slug]["code"])
    typed = verify(client, lookup_code=printed[slug]["lookup_code"])
    same = ("outcome", "colour", "reason", "withdrawal", "paper")
    assert {name: typed[name] for name in same} == {name: scanned[name] for name in same}


def test_what_was_never_recorded_has_no_look_up_code(printed: Mapping[str, Any]) -> None:
    assert [slug for slug, paper in printed.items() if paper["lookup_code"] is None] == [
        slug for slug in PAPERS if slug not in RECORDED
    ]


@pytest.mark.parametrize("paper", [paper for paper in PAPERS.values() if paper.altered], ids=lambda paper: paper.slug)
def test_an_altered_print_is_found_by_comparing_it_with_the_code(
    paper: Paper, client: httpx.Client, printed: Mapping[str, Any]
) -> None:
    verdict = verify(client, code=printed[paper.slug]["code"])
    assert verdict["colour"] == "green"
    by_name = {field["name"]: field for field in verdict["paper"]["fields"]}
    prints = {field["label"]["vi"]: field for field in printed[paper.slug]["fields"]}
    assert {label for label, field in prints.items() if field["altered"]} == {
        by_name[name]["label"]["vi"] for name in paper.altered
    }
    for name in paper.altered:
        assert prints[by_name[name]["label"]["vi"]]["shown"]["vi"] != by_name[name]["shown"]["vi"]
    at_first_glance = list(by_name)[:GLANCE]
    assert set(paper.altered) <= set(at_first_glance)


@pytest.mark.parametrize("slug", PAPERS)
def test_the_code_stays_small_with_the_official_origin(slug: str, demo: Demo, printed: Mapping[str, Any]) -> None:
    code = printed[slug]["code"]
    assert code.startswith(f"{demo.origin}/v#")
    assert qr_version(OFFICIAL_ORIGIN + code.removeprefix(demo.origin)) <= MAX_VERSION
