"""Every verdict that the code can give has its words, and the words are fit to be read in the street."""

import re
import unicodedata
from pathlib import Path

import pytest

from khoso import formats
from khoso.act_reasons import REASONS as ACT_REASONS
from khoso.act_reasons import in_words
from khoso.demo import papers
from khoso.formats.verdict import Outcome
from khoso.text import Words
from khoso.verification import reason_texts
from khoso.verification.wording import Wording, words

FORMATS = Path(formats.__file__).parent
OWN_WORDS_NOT_NEEDED = {
    # The outcome says it all: there is one reason for it, or the reasons differ only for an engineer.
    *("all_checks_passed", "status", "status_not_fresh", "valid_from", "expires_at", "revoke"),
    *("digits_length", "digits_character", "digits_overflow"),
}
OF_THE_SERVICE = {
    "revoke": Outcome.REVOKED,
    "never_recorded": Outcome.NOT_ISSUED,
    "content_differs_from_record": Outcome.NOT_ISSUED,
    "lookup_unknown": Outcome.NOT_ISSUED,
    "lookup_check": Outcome.MALFORMED,
    "lookup_form": Outcome.MALFORMED,
    "database_away": Outcome.IN_FORCE_OFFLINE,
}
OF_THE_PAGES = ("no_network", "service_away", "too_many_attempts", "no_lists", "clock_set_back")
CODE_MODULES = ("cbor", "claims", "cose", "digits", "link")
"""Where a scanned code can be found malformed; elsewhere documents and typed codes are."""


def verdict_reasons() -> set[tuple[Outcome, str]]:
    source = (FORMATS / "verdict.py").read_text("utf-8")
    given = re.findall(r'Outcome\.([A-Z_]+), (?:\d+, )?"([a-z_]+)"', source)
    refusals = re.findall(r'return "([a-z_]+)"', source)
    pairs = {(Outcome[name], reason) for name, reason in given}
    return pairs | {(Outcome.NOT_GENUINE, reason) for reason in refusals}


def malformed_reasons() -> set[str]:
    sources = [(FORMATS / f"{name}.py").read_text("utf-8") for name in CODE_MODULES]
    return {reason for source in sources for reason in re.findall(r'Malformed\(f?"([a-z_]+)', source)}


def has_own_words(outcome: Outcome, reason: str) -> bool:
    return words(outcome, reason) != words(outcome, "a reason nobody gives")


REASONS = sorted(
    verdict_reasons()
    | {(Outcome.MALFORMED, reason) for reason in malformed_reasons()}
    | {(outcome, reason) for reason, outcome in OF_THE_SERVICE.items()}
    | {(Outcome.CANNOT_TELL, reason) for reason in OF_THE_PAGES}
)


def test_the_reasons_are_found_in_the_sources() -> None:
    assert len(verdict_reasons()) >= 20
    assert {"digits_length", "cose_frame", "cbor_not_canonical", "claim_", "claim_result"} <= malformed_reasons()
    assert {outcome for outcome, _ in REASONS} == set(Outcome)


@pytest.mark.parametrize(("outcome", "reason"), REASONS)
def test_each_reason_has_its_own_words_unless_the_outcome_says_it_all(outcome: Outcome, reason: str) -> None:
    assert has_own_words(outcome, reason) != (reason in OWN_WORDS_NOT_NEEDED)


def test_no_words_are_kept_for_reasons_that_nobody_gives() -> None:
    given = {reason for _, reason in REASONS}
    known = given | {reason.partition("_")[0] for reason in given}
    tables = (reason_texts.TITLES, reason_texts.EXPLANATIONS, reason_texts.GUIDANCE)
    assert set().union(*tables) <= known


@pytest.mark.parametrize("outcome", Outcome)
def test_colours_are_those_of_the_specification(outcome: Outcome) -> None:
    colours = {
        Outcome.IN_FORCE: "green",
        Outcome.EXPIRES_SOON: "green",
        Outcome.IN_FORCE_OFFLINE: "amber",
        Outcome.CANNOT_TELL: "grey",
    }
    assert words(outcome, "").colour == colours.get(outcome, "red")


STATUS_WORDS = {
    Outcome.IN_FORCE: "Còn hiệu lực",
    Outcome.EXPIRES_SOON: "Sắp hết hạn",
    Outcome.EXPIRED: "Hết hạn",
    Outcome.SUSPENDED: "Tạm đình chỉ",
    Outcome.REVOKED: "Đã thu hồi",
    Outcome.SUPERSEDED: "Đã thay thế",
    Outcome.NOT_YET_IN_FORCE: "Chưa có hiệu lực",
    Outcome.IN_FORCE_OFFLINE: "Ngoại tuyến: chưa kiểm tra thu hồi",
}


@pytest.mark.parametrize("outcome", Outcome)
def test_titles_are_the_official_status_words(outcome: Outcome) -> None:
    title = words(outcome, "").title.vi
    if outcome in STATUS_WORDS:
        assert title == STATUS_WORDS[outcome]
    else:
        assert title.startswith("Không hợp lệ: ") or outcome is Outcome.CANNOT_TELL


def texts(wording: Wording) -> list[Words]:
    return [wording.title, wording.explanation, wording.guidance]


@pytest.mark.parametrize(("outcome", "reason"), REASONS)
def test_the_texts_can_be_read_in_the_street(outcome: Outcome, reason: str) -> None:
    given = words(outcome, reason)
    for text in texts(given):
        assert text.vi == unicodedata.normalize("NFC", text.vi) != text.en
    assert len(given.title.vi) <= 60
    assert all(len(part) <= 160 for text in texts(given) for part in (text.vi, text.en))


def test_cannot_tell_never_says_forged_and_never_says_in_force() -> None:
    for outcome, reason in REASONS:
        if outcome is Outcome.CANNOT_TELL:
            title = words(outcome, reason).title.vi
            assert "Không hợp lệ" not in title
            assert "hiệu lực" not in title


ACT_REASON_CODES = sorted(ACT_REASONS)


def test_every_withdrawal_of_the_demonstration_has_its_reason_in_words() -> None:
    given = {paper.act.reason_code for paper in papers.load().values() if paper.act is not None}
    assert len(given) > 5
    assert given <= set(ACT_REASON_CODES)


@pytest.mark.parametrize("reason_code", ACT_REASON_CODES)
def test_a_reason_in_words_is_short_and_no_code(reason_code: str) -> None:
    reason = in_words(reason_code)
    assert reason.vi == unicodedata.normalize("NFC", reason.vi) != reason.en
    for text in (reason.vi, reason.en):
        assert 0 < len(text) <= 60
        assert "_" not in text
        assert not text.endswith(".")


@pytest.mark.parametrize("own_code", ["R1", "Điều 5, khoản {2}"])
def test_an_agency_s_own_reason_code_is_shown_as_it_is(own_code: str) -> None:
    assert in_words(own_code) == Words(f"Mã lý do: {own_code}", f"Reason code: {own_code}")


def test_every_reason_of_an_act_stands_in_the_document() -> None:
    document = (Path(__file__).parents[2] / "docs" / "status-acts.md").read_text()
    for code, (vietnamese, english) in ACT_REASONS.items():
        assert f"| `{code}` | {vietnamese} | {english} |" in document
