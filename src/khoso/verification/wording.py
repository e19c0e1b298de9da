"""What a person reads for each verdict: the colour, the status word, why, and what to do. Vietnamese first.

Every outcome has its words; a reason that says more than its outcome has an explanation of its own. Pure data: the API
hands these texts on unchanged, and no page makes up its own.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from khoso.formats.verdict import Outcome

Colour = Literal["green", "amber", "red", "grey"]
"""green: may be used now · amber: genuine, but check once more on line · red: may not be used · grey: nobody knows"""


class Words(msgspec.Struct, frozen=True):
    """One text in both languages."""

    vi: str
    en: str


class Wording(msgspec.Struct, frozen=True):
    """The words for one verdict."""

    colour: Colour
    title: Words
    """The status word, readable at a glance."""
    explanation: Words
    """What was and was not established."""
    guidance: Words
    """What to do now."""


def words(outcome: Outcome, reason: str) -> Wording:
    """The words for an outcome and its reason; where the reason has none of its own, those of the outcome."""
    general = _OUTCOMES[outcome]
    return Wording(
        general.colour,
        _find(_TITLES, reason) or general.title,
        _find(_EXPLANATIONS, reason) or general.explanation,
        _find(_GUIDANCE, reason) or general.guidance,
    )


def _find(table: Mapping[str, Words], reason: str) -> Words | None:
    """By the reason, or by its first word: `claim` speaks for every `claim_…`."""
    return table.get(reason) or table.get(reason.partition("_")[0])


_COMPARE = Words(
    "So sánh nội dung in to bên dưới với thực tế. Khác nhau thì không chấp nhận, dù mã đúng.",
    "Compare the large text below with what you see. If they differ, do not accept it, even though the code is good.",
)
_TREAT_AS_FORGED = Words(
    "Không chấp nhận. Xử lý như giấy có dấu hiệu giả mạo và báo cơ quan có tên trên giấy để đối chiếu.",
    "Do not accept it. Treat it as suspected forgery and ask the agency named on the paper to compare.",
)
_ASK_THE_ISSUER = Words(
    "Không chấp nhận khi chưa có xác nhận. Liên hệ cơ quan có tên trên giấy để đối chiếu.",
    "Do not accept it without confirmation. Contact the agency named on the paper.",
)
_SCAN_AGAIN = Words(
    "Lau sạch mã, giữ máy thẳng và quét lại. Vẫn không được thì gõ mã tra cứu in dưới mã QR.",
    "Wipe the code, hold the phone straight and scan again. If it fails, type the look-up code printed under the QR.",
)
_TRY_AGAIN = Words(
    "Chưa kết luận thật hay giả. Thử lại sau ít phút; cần ngay thì hỏi trực tiếp cơ quan cấp.",
    "Do not conclude that it is genuine or forged. Try again in a few minutes; if urgent, ask the issuing agency.",
)
_TYPE_AGAIN = Words(
    "Gõ lại đúng như in dưới mã QR: mã kết quả, rồi 6 ký tự. Không phân biệt chữ hoa, chữ thường.",
    "Type it again as printed under the QR: the result code, then 6 characters. Capitals do not matter.",
)
_NOT_USABLE = Words(
    "Không dùng được giấy này lúc này. Xem thời gian hiệu lực bên dưới.",
    "This paper cannot be used now. See its period of validity below.",
)

_ODD_CONTENT = Words(
    "Chữ ký đúng nhưng nội dung không theo định dạng chính thức, nên không được tin.",
    "The signature is right, but the content is not in the official format and is not believed.",
)

_OUTCOMES: Mapping[Outcome, Wording] = {
    Outcome.IN_FORCE: Wording(
        "green",
        Words("Còn hiệu lực", "In force"),
        Words(
            "Giấy thật, do cơ quan có thẩm quyền cấp và đang có hiệu lực.",
            "Genuine, issued by an authorised agency, and in force now.",
        ),
        _COMPARE,
    ),
    Outcome.EXPIRES_SOON: Wording(
        "green",
        Words("Sắp hết hạn", "Expires soon"),
        Words(
            "Giấy thật, do cơ quan có thẩm quyền cấp, vẫn còn hiệu lực nhưng sắp hết hạn.",
            "Genuine, issued by an authorised agency, still in force but about to expire.",
        ),
        _COMPARE,
    ),
    Outcome.IN_FORCE_OFFLINE: Wording(
        "amber",
        Words("Ngoại tuyến: chưa kiểm tra thu hồi", "Offline: withdrawal not checked"),
        Words(
            "Giấy thật và còn thời hạn. Việc thu hồi chỉ được kiểm tra theo danh sách có ngày giờ nêu bên dưới.",
            "Genuine and within its term. Withdrawal was checked only against the list of the time given below.",
        ),
        Words(
            "So sánh nội dung in to bên dưới với thực tế, và kiểm tra lại khi có mạng.",
            "Compare the large text below with what you see, and check again when on line.",
        ),
    ),
    Outcome.NOT_YET_IN_FORCE: Wording(
        "red",
        Words("Chưa có hiệu lực", "Not yet in force"),
        Words("Giấy thật nhưng chưa đến ngày có hiệu lực.", "Genuine, but its validity has not begun."),
        _NOT_USABLE,
    ),
    Outcome.EXPIRED: Wording(
        "red",
        Words("Hết hạn", "Expired"),
        Words("Giấy thật nhưng đã hết hạn.", "Genuine, but its validity has ended."),
        _NOT_USABLE,
    ),
    Outcome.SUSPENDED: Wording(
        "red",
        Words("Tạm đình chỉ", "Suspended"),
        Words(
            "Giấy thật nhưng đang bị tạm đình chỉ theo quyết định của cơ quan cấp.",
            "Genuine, but suspended by a decision of the issuing agency.",
        ),
        Words(
            "Không chấp nhận trong thời gian tạm đình chỉ. Xem quyết định bên dưới.",
            "Do not accept it while it is suspended. See the decision below.",
        ),
    ),
    Outcome.REVOKED: Wording(
        "red",
        Words("Đã thu hồi", "Revoked"),
        Words(
            "Giấy từng được cấp nhưng đã bị thu hồi theo quyết định của cơ quan cấp.",
            "It was issued, but has been revoked by a decision of the issuing agency.",
        ),
        Words(
            "Không chấp nhận. Xem ngày và số quyết định thu hồi bên dưới.",
            "Do not accept it. See the date and number of the decision below.",
        ),
    ),
    Outcome.SUPERSEDED: Wording(
        "red",
        Words("Đã thay thế", "Superseded"),
        Words(
            "Giấy thật nhưng đã được thay bằng giấy mới; giấy này không còn hiệu lực.",
            "Genuine, but replaced by a newer paper; this one is no longer in force.",
        ),
        Words(
            "Yêu cầu xuất trình giấy mới và quét mã trên giấy đó.", "Ask for the newer paper and scan the code on it."
        ),
    ),
    Outcome.NOT_ISSUED: Wording(
        "red",
        Words("Không hợp lệ: chưa từng được cấp", "Not valid: never issued"),
        Words(
            "Có chữ ký nhưng hồ sơ của cơ quan cấp không ghi nhận giấy này.",
            "It carries a signature, but the issuing agency has no record of this paper.",
        ),
        _TREAT_AS_FORGED,
    ),
    Outcome.NOT_GENUINE: Wording(
        "red",
        Words("Không hợp lệ: không phải giấy thật", "Not valid: not genuine"),
        Words(
            "Mã không chứng minh được giấy này do cơ quan có thẩm quyền cấp.",
            "The code does not prove that an authorised agency issued this paper.",
        ),
        _TREAT_AS_FORGED,
    ),
    Outcome.MALFORMED: Wording(
        "red",
        Words("Không hợp lệ: mã hỏng hoặc sai", "Not valid: broken or wrong code"),
        Words(
            "Nội dung mã bị hỏng, bị thiếu hoặc đã bị sửa, nên không đọc được.",
            "What the code holds is damaged, incomplete or changed, so that it cannot be read.",
        ),
        _SCAN_AGAIN,
    ),
    Outcome.NOT_AN_OFFICIAL_CODE: Wording(
        "red",
        Words("Không hợp lệ: không phải mã chính thức", "Not valid: not an official code"),
        Words("Mã này không phải mã do thành phố phát hành.", "This code is not one of the city's."),
        Words(
            "Không mở đường dẫn trong mã. Tìm mã QR khác ở góc trên bên trái của giấy, hoặc gõ mã tra cứu.",
            "Do not open the link in it. Look for another QR at the top left of the paper, or type the look-up code.",
        ),
    ),
    Outcome.CANNOT_TELL: Wording(
        "grey",
        Words("Chưa kết luận được", "Cannot tell"),
        Words(
            "Chưa kiểm tra được giấy này. Điều đó không có nghĩa là giấy thật hay giả.",
            "This paper could not be checked. That says neither that it is genuine nor that it is forged.",
        ),
        _TRY_AGAIN,
    ),
}

_TITLES: Mapping[str, Words] = {
    "specimen": Words("Không hợp lệ: giấy mẫu", "Not valid: a specimen"),
    "revoked_or_never_issued": Words(
        "Không hợp lệ: đã thu hồi hoặc chưa từng được cấp", "Not valid: revoked or never issued"
    ),
    "content_differs_from_record": Words("Không hợp lệ: nội dung khác hồ sơ cấp", "Not valid: differs from the record"),
    "lookup_unknown": Words("Không hợp lệ: không có mã này", "Not valid: no such code"),
    "lookup_check": Words("Gõ chưa đúng mã tra cứu", "Look-up code mistyped"),
    "lookup_form": Words("Gõ chưa đúng mã tra cứu", "Look-up code mistyped"),
}

_EXPLANATIONS: Mapping[str, Words] = {
    # Steps 1 and 2: reading the code.
    "other_origin": Words(
        "Đường dẫn trong mã không phải trang chính thức của thành phố. Có thể là trang giả.",
        "The link in the code is not the city's official page. It may lead to a fake one.",
    ),
    "too_long": Words("Nội dung mã dài hơn mọi mã chính thức.", "The code holds more than any official code does."),
    "format_version": Words(
        "Mã không bắt đầu như mã chính thức, hoặc thuộc phiên bản mà hệ thống này chưa biết.",
        "The code does not begin as an official one, or is of a version that this system does not know.",
    ),
    "cose": Words(
        "Mã có địa chỉ đúng nhưng bên trong không phải giấy tờ do hệ thống này lập.",
        "The code has the right address, but what it holds was not made by this system.",
    ),
    # Steps 3 to 6: who made it, and whether he might.
    "trust_list_expired": Words(
        "Danh sách khoá ký tin cậy đã quá hạn nên chưa kiểm tra được chữ ký.",
        "The list of trusted keys is out of date, so that the signature could not be checked.",
    ),
    "unknown_key": Words(
        "Khoá đã ký giấy này không phải của cơ quan nào trong thành phố.",
        "The key that signed this paper belongs to no agency of the city.",
    ),
    "signature": Words(
        "Chữ ký không khớp nội dung: mã đã bị sửa, hoặc do người khác tạo ra.",
        "The signature does not fit the content: the code was changed, or made by somebody else.",
    ),
    "cbor": _ODD_CONTENT,
    "claim": _ODD_CONTENT,
    "key_of_another_agency": Words(
        "Khoá ký không phải của cơ quan được ghi là nơi cấp.",
        "The signing key is not that of the agency named as the issuer.",
    ),
    "type_not_authorised": Words(
        "Cơ quan ký không có thẩm quyền cấp loại giấy này.",
        "The signing agency is not authorised to issue this kind of paper.",
    ),
    "specimen": Words("Đây là giấy mẫu (SPECIMEN), không có giá trị pháp lý.", "A SPECIMEN, without legal value."),
    "issued_in_the_future": Words(
        "Ngày cấp ghi trong mã nằm ở tương lai.", "The date of issue in the code lies in the future."
    ),
    "key_not_yet_active": Words(
        "Khi giấy được ký, khoá ký chưa được phép sử dụng.",
        "The signing key was not yet allowed when the paper was signed.",
    ),
    "key_expired": Words(
        "Khi giấy được ký, khoá ký đã hết thời hạn sử dụng.",
        "The signing key was past its term when the paper was signed.",
    ),
    "key_compromised": Words(
        "Khoá ký đã bị lộ, và giấy này không nằm trong số giấy mà cơ quan xác nhận đã ký.",
        "The signing key was stolen, and this paper is not among those the agency confirms having signed.",
    ),
    # Steps 7 to 11: what is known of its state.
    "unknown_type": Words(
        "Chữ ký đúng, nhưng hệ thống này chưa có định nghĩa của loại giấy nên chưa đọc được các mục.",
        "The signature is right, but this system does not yet know this kind of paper and cannot read its fields.",
    ),
    "unknown_status_list": Words(
        "Chữ ký đúng, nhưng thiếu danh sách tình trạng nên chưa biết giấy có bị thu hồi hay không.",
        "The signature is right, but its status list is missing, so that a withdrawal would not be seen.",
    ),
    "status_too_old": Words(
        "Chữ ký đúng, nhưng thông tin tình trạng đã quá cũ nên chưa biết giấy có bị thu hồi hay không.",
        "The signature is right, but what is known of its status is too old to tell whether it was withdrawn.",
    ),
    "revoked_or_never_issued": Words(
        "Theo danh sách tình trạng, giấy này đã bị thu hồi hoặc chưa từng được cấp.",
        "By the status list, this paper was either revoked or never issued.",
    ),
    # What the city's own record adds.
    "never_recorded": Words(
        "Có chữ ký của cơ quan, nhưng hồ sơ cấp không ghi nhận giấy này. Khoá ký có thể đã bị dùng trái phép.",
        "It bears the agency's signature but was never recorded. The signing key may have been misused.",
    ),
    "content_differs_from_record": Words(
        "Số hiệu trùng với một giấy thật, nhưng nội dung trong mã khác nội dung đã ghi nhận khi cấp.",
        "Its number is that of a real paper, but the code says something else than was recorded at issue.",
    ),
    "database_away": Words(
        "Giấy thật và còn thời hạn, nhưng hồ sơ cấp tạm thời không truy cập được nên chưa đối chiếu được.",
        "Genuine and within its term, but the record cannot be reached at present and was not compared.",
    ),
    "lookup_unknown": Words(
        "Mã tra cứu đúng cách viết, nhưng không có giấy nào mang mã này.",
        "The look-up code is well formed, but no paper bears it.",
    ),
    "lookup_check": Words(
        "Ký tự kiểm tra không khớp: có thể gõ nhầm một ký tự. Đây không phải kết luận về giấy.",
        "The check character does not fit: probably one was mistyped. This says nothing about the paper.",
    ),
    "lookup_form": Words(
        "Mã vừa gõ không có dạng của mã tra cứu. Đây không phải kết luận về giấy.",
        "What was typed does not look like a look-up code. This says nothing about the paper.",
    ),
}

_GUIDANCE: Mapping[str, Words] = {
    "cose": _TREAT_AS_FORGED,
    "cbor": _ASK_THE_ISSUER,
    "claim": _ASK_THE_ISSUER,
    "specimen": Words("Không chấp nhận như giấy thật.", "Do not accept it as a real paper."),
    "revoked_or_never_issued": _ASK_THE_ISSUER,
    "lookup_unknown": Words(
        "So lại từng ký tự với bản in. Nếu đã đúng thì không chấp nhận và báo cơ quan có tên trên giấy.",
        "Compare every character with the print. If it is right, do not accept it and inform the agency named.",
    ),
    "lookup_check": _TYPE_AGAIN,
    "lookup_form": _TYPE_AGAIN,
}
