"""What the demonstration tells of a paper: what was done to it, and the reason that a scanner gives."""

from collections.abc import Mapping

from khoso.act_reasons import in_words
from khoso.demo.papers import DemoAct, Fault, Paper
from khoso.formats.verdict import Outcome
from khoso.text import Words

_FAULTS: Mapping[Fault, tuple[str, Words]] = {
    "stranger_key": (
        "unknown_key",
        Words(
            "Làm giả: ký bằng một khoá tự tạo, không phải khoá của cơ quan nào.",
            "Forged: signed with a key made for the purpose, which is no agency's.",
        ),
    ),
    "unauthorised_agency": (
        "type_not_authorised",
        Words(
            "Một cơ quan thật đã ký loại giấy mà mình không được cấp.",
            "A real agency signed a kind of paper that it may not issue.",
        ),
    ),
    "unrecorded": (
        "never_recorded",
        Words(
            "Dùng trộm khoá thật của cơ quan để ký; hồ sơ cấp không có giấy này.",
            "Signed with the agency's real key behind its back, and recorded nowhere.",
        ),
    ),
    "altered_paper": (
        "all_checks_passed",
        Words(
            "Mã còn nguyên, nhưng nội dung in cạnh mã đã bị sửa sau khi cấp.",
            "The code is untouched, but what is printed beside it was changed after issue.",
        ),
    ),
}
"""The reason of the verdict, and what somebody did."""

_UNTOUCHED: Mapping[Outcome, tuple[str, Words]] = {
    Outcome.IN_FORCE: (
        "all_checks_passed",
        Words("Không có gì: giấy thật, cấp đúng thẩm quyền.", "Nothing: genuine, and duly issued."),
    ),
    Outcome.EXPIRES_SOON: (
        "expires_at",
        Words("Không có gì: giấy thật, sắp hết thời hạn.", "Nothing: genuine, and near its end."),
    ),
    Outcome.EXPIRED: (
        "expires_at",
        Words("Không có gì: giấy thật, đã hết thời hạn.", "Nothing: genuine, and past its end."),
    ),
    Outcome.NOT_YET_IN_FORCE: (
        "valid_from",
        Words("Không có gì: giấy thật, chưa đến ngày có hiệu lực.", "Nothing: genuine, and its first day is to come."),
    ),
}

_ACTS: Mapping[str, tuple[str, Words]] = {
    "revoke": ("revoke", Words("Cơ quan cấp đã thu hồi", "Revoked by its agency")),
    "suspend": ("status", Words("Cơ quan cấp đã tạm đình chỉ", "Suspended by its agency")),
    "supersede": ("status", Words("Cơ quan cấp đã thay bằng giấy mới", "Superseded by its agency")),
}


def what_was_done(paper: Paper) -> Words:
    """Between its issue and today, by its agency or by somebody else."""
    return _act_words(paper.act) if paper.act else _told(paper)[1]


def reason_to_expect(paper: Paper) -> str:
    """The reason within the outcome that the paper expects, of a scanner with a network."""
    return _ACTS[paper.act.act][0] if paper.act else _told(paper)[0]


def _told(paper: Paper) -> tuple[str, Words]:
    return _FAULTS[paper.fault] if paper.fault else _UNTOUCHED[paper.expect]


def _act_words(act: DemoAct) -> Words:
    done, reason = _ACTS[act.act][1], in_words(act.reason_code)
    return Words(
        f"{done.vi}: {reason.vi}, quyết định {act.decision_number}.",
        f"{done.en}: {reason.en}, decision {act.decision_number}.",
    )
