"""What a person reads for each verdict: the colour, the status word, why, and what to do. Vietnamese first.

Every outcome has its words; a reason that says more than its outcome has an explanation of its own. Pure data: the API
hands these texts on unchanged, and no page makes up its own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Literal

import msgspec

from khoso.formats.verdict import Outcome
from khoso.text import Words
from khoso.verification import reason_texts

Colour = Literal["green", "amber", "red", "grey"]
"""green: may be used now · amber: genuine, but check once more on line · red: may not be used · grey: nobody knows"""


class Wording(msgspec.Struct, frozen=True):
    """The words for one verdict."""

    colour: Colour
    title: Words
    """The status word, readable at a glance."""
    explanation: Words
    """What was and was not established."""
    guidance: Words
    """What to do now."""


@cache
def words(outcome: Outcome, reason: str) -> Wording:
    """The words for an outcome and its reason; where the reason has none of its own, those of the outcome."""
    general = _OUTCOMES[outcome]
    return Wording(
        general.colour,
        _find(reason_texts.TITLES, reason) or general.title,
        _find(reason_texts.EXPLANATIONS, reason) or general.explanation,
        _find(reason_texts.GUIDANCE, reason) or general.guidance,
    )


def _find(texts: Mapping[str, tuple[str, str]], reason: str) -> Words | None:
    """By the reason, or by its first word: `claim` speaks for every `claim_…`."""
    text = texts.get(reason) or texts.get(reason.partition("_")[0])
    return None if text is None else Words(*text)


_COMPARE = Words(
    "So sánh nội dung in to bên dưới với thực tế. Khác nhau thì không chấp nhận, dù mã đúng.",
    "Compare the large text below with what you see. If they differ, do not accept it, even though the code is good.",
)
_TREAT_AS_FORGED = Words(
    "Không chấp nhận. Xử lý như giấy có dấu hiệu giả mạo và báo cơ quan có tên trên giấy để đối chiếu.",
    "Do not accept it. Treat it as suspected forgery and ask the agency named on the paper to compare.",
)
_SCAN_AGAIN = Words(
    "Lau sạch mã, giữ máy thẳng và quét lại. Vẫn không được thì gõ mã tra cứu in dưới mã QR.",
    "Wipe the code, hold the phone straight and scan again. If it fails, type the look-up code printed under the QR.",
)
_TRY_AGAIN = Words(
    "Chưa kết luận thật hay giả. Thử lại sau ít phút; cần ngay thì hỏi trực tiếp cơ quan cấp.",
    "Do not conclude that it is genuine or forged. Try again in a few minutes; if urgent, ask the issuing agency.",
)
_NOT_USABLE = Words(
    "Không dùng được giấy này lúc này. Xem thời gian hiệu lực bên dưới.",
    "This paper cannot be used now. See its period of validity below.",
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
