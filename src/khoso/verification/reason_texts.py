"""The words that a reason adds to, or puts in the place of, those of its outcome: Vietnamese, then English."""

from collections.abc import Mapping

ViEn = tuple[str, str]

_ODD_CONTENT = (
    "Chữ ký đúng nhưng nội dung không theo định dạng chính thức, nên không được tin.",
    "The signature is right, but the content is not in the official format and is not believed.",
)
_ASK_THE_ISSUER = (
    "Không chấp nhận khi chưa có xác nhận. Liên hệ cơ quan có tên trên giấy để đối chiếu.",
    "Do not accept it without confirmation. Contact the agency named on the paper.",
)
_TYPE_AGAIN = (
    "Gõ lại đúng như in dưới mã QR: mã kết quả, rồi 6 ký tự. Không phân biệt chữ hoa, chữ thường.",
    "Type it again as printed under the QR: the result code, then 6 characters. Capitals do not matter.",
)

TITLES: Mapping[str, ViEn] = {
    "specimen": ("Không hợp lệ: giấy mẫu", "Not valid: a specimen"),
    "revoked_or_never_issued": (
        "Không hợp lệ: đã thu hồi hoặc chưa từng được cấp",
        "Not valid: revoked or never issued",
    ),
    "content_differs_from_record": ("Không hợp lệ: nội dung khác hồ sơ cấp", "Not valid: differs from the record"),
    "lookup_unknown": ("Không hợp lệ: không có mã này", "Not valid: no such code"),
    "lookup_check": ("Gõ chưa đúng mã tra cứu", "Look-up code mistyped"),
    "lookup_form": ("Gõ chưa đúng mã tra cứu", "Look-up code mistyped"),
}

EXPLANATIONS: Mapping[str, ViEn] = {
    # Steps 1 and 2: reading the code.
    "other_origin": (
        "Đường dẫn trong mã không phải trang chính thức của thành phố. Có thể là trang giả.",
        "The link in the code is not the city's official page. It may lead to a fake one.",
    ),
    "too_long": ("Nội dung mã dài hơn mọi mã chính thức.", "The code holds more than any official code does."),
    "format_version": (
        "Mã không bắt đầu như mã chính thức, hoặc thuộc phiên bản mà hệ thống này chưa biết.",
        "The code does not begin as an official one, or is of a version that this system does not know.",
    ),
    "cose": (
        "Mã có địa chỉ đúng nhưng bên trong không phải giấy tờ do hệ thống này lập.",
        "The code has the right address, but what it holds was not made by this system.",
    ),
    # Steps 3 to 6: who made it, and whether he might.
    "trust_list_expired": (
        "Danh sách khoá ký tin cậy đã quá hạn nên chưa kiểm tra được chữ ký.",
        "The list of trusted keys is out of date, so that the signature could not be checked.",
    ),
    "clock_behind": (
        "Đồng hồ của thiết bị kiểm tra chậm hơn danh sách đang dùng nên chưa xét được thời hạn.",
        "The clock of the checking device is behind the lists it uses, so that no date could be judged.",
    ),
    "no_lists": (
        "Máy này không có danh sách khoá ký nào: chưa tải về, hoặc bộ nhớ của trình duyệt đã bị xoá.",
        "This device has no list of keys: none was downloaded yet, or the browser's storage was cleared.",
    ),
    "clock_set_back": (
        "Đồng hồ của máy này đã bị lùi so với thời gian máy từng biết, nên không xét được thời hạn và tuổi danh sách.",
        "This device's clock was set back behind a time it has seen, so that neither dates nor ages can be judged.",
    ),
    "unknown_key": (
        "Khoá đã ký giấy này không phải của cơ quan nào trong thành phố.",
        "The key that signed this paper belongs to no agency of the city.",
    ),
    "signature": (
        "Chữ ký không khớp nội dung: mã đã bị sửa, hoặc do người khác tạo ra.",
        "The signature does not fit the content: the code was changed, or made by somebody else.",
    ),
    "cbor": _ODD_CONTENT,
    "claim": _ODD_CONTENT,
    "key_of_another_agency": (
        "Khoá ký không phải của cơ quan được ghi là nơi cấp.",
        "The signing key is not that of the agency named as the issuer.",
    ),
    "type_not_authorised": (
        "Cơ quan ký không có thẩm quyền cấp loại giấy này.",
        "The signing agency is not authorised to issue this kind of paper.",
    ),
    "specimen": ("Đây là giấy mẫu (SPECIMEN), không có giá trị pháp lý.", "A SPECIMEN, without legal value."),
    "issued_in_the_future": (
        "Ngày cấp ghi trong mã nằm ở tương lai.",
        "The date of issue in the code lies in the future.",
    ),
    "key_not_yet_active": (
        "Khi giấy được ký, khoá ký chưa được phép sử dụng.",
        "The signing key was not yet allowed when the paper was signed.",
    ),
    "key_expired": (
        "Khi giấy được ký, khoá ký đã hết thời hạn sử dụng.",
        "The signing key was past its term when the paper was signed.",
    ),
    "key_compromised": (
        "Khoá ký đã bị lộ, và giấy này không nằm trong số giấy mà cơ quan xác nhận đã ký.",
        "The signing key was stolen, and this paper is not among those the agency confirms having signed.",
    ),
    "honest_set_missing": (
        "Khoá ký đã bị lộ, và hệ thống này chưa có danh sách giấy mà khoá đã ký hợp lệ nên chưa kiểm tra được.",
        "The signing key was stolen, and the list of the papers it had honestly signed is not at hand to check by.",
    ),
    # Steps 7 to 11: what is known of its state.
    "unknown_type": (
        "Chữ ký đúng, nhưng hệ thống này chưa có định nghĩa của loại giấy nên chưa đọc được các mục.",
        "The signature is right, but this system does not yet know this kind of paper and cannot read its fields.",
    ),
    "unknown_status_list": (
        "Chữ ký đúng, nhưng thiếu danh sách tình trạng nên chưa biết giấy có bị thu hồi hay không.",
        "The signature is right, but its status list is missing, so that a withdrawal would not be seen.",
    ),
    "status_list_expired": (
        "Chữ ký đúng, nhưng danh sách tình trạng đã hết hạn nên chưa biết giấy có bị thu hồi hay không.",
        "The signature is right, but the status list has expired, so that a withdrawal would not be seen.",
    ),
    "status_too_old": (
        "Chữ ký đúng, nhưng thông tin tình trạng đã quá cũ nên chưa biết giấy có bị thu hồi hay không.",
        "The signature is right, but what is known of its status is too old to tell whether it was withdrawn.",
    ),
    "revoked_or_never_issued": (
        "Theo danh sách tình trạng, giấy này đã bị thu hồi hoặc chưa từng được cấp.",
        "By the status list, this paper was either revoked or never issued.",
    ),
    # What the city's own record adds.
    "never_recorded": (
        "Có chữ ký của cơ quan, nhưng hồ sơ cấp không ghi nhận giấy này. Khoá ký có thể đã bị dùng trái phép.",
        "It bears the agency's signature but was never recorded. The signing key may have been misused.",
    ),
    "content_differs_from_record": (
        "Số hiệu trùng với một giấy thật, nhưng nội dung trong mã khác nội dung đã ghi nhận khi cấp.",
        "Its number is that of a real paper, but the code says something else than was recorded at issue.",
    ),
    "database_away": (
        "Giấy thật và còn thời hạn, nhưng hồ sơ cấp tạm thời không truy cập được nên chưa đối chiếu được.",
        "Genuine and within its term, but the record cannot be reached at present and was not compared.",
    ),
    # What is not known about a paper at all, because nobody could be asked.
    "no_network": (
        "Không kết nối được tới máy chủ kiểm tra. Điều đó không có nghĩa là giấy thật hay giả.",
        "The checking server could not be reached. That says neither that the paper is genuine nor that it is forged.",
    ),
    "service_away": (
        "Máy chủ kiểm tra tạm thời không trả lời được. Điều đó không có nghĩa là giấy thật hay giả.",
        "The checking server cannot answer at present. That says neither that the paper is genuine nor forged.",
    ),
    "too_many_attempts": (
        "Có quá nhiều lượt kiểm tra trong thời gian ngắn nên lượt này chưa được trả lời.",
        "There were too many checks in a short time, so that this one was not answered.",
    ),
    # Typed codes.
    "lookup_unknown": (
        "Mã tra cứu đúng cách viết, nhưng không có giấy nào mang mã này.",
        "The look-up code is well formed, but no paper bears it.",
    ),
    "lookup_check": (
        "Ký tự kiểm tra không khớp: có thể gõ nhầm một ký tự. Đây không phải kết luận về giấy.",
        "The check character does not fit: probably one was mistyped. This says nothing about the paper.",
    ),
    "lookup_form": (
        "Mã vừa gõ không có dạng của mã tra cứu. Đây không phải kết luận về giấy.",
        "What was typed does not look like a look-up code. This says nothing about the paper.",
    ),
}

GUIDANCE: Mapping[str, ViEn] = {
    "cose": _ASK_THE_ISSUER,
    "cbor": _ASK_THE_ISSUER,
    "claim": _ASK_THE_ISSUER,
    "specimen": ("Không chấp nhận như giấy thật.", "Do not accept it as a real paper."),
    "revoked_or_never_issued": _ASK_THE_ISSUER,
    "lookup_unknown": (
        "So lại từng ký tự với bản in. Nếu đã đúng thì không chấp nhận và báo cơ quan có tên trên giấy.",
        "Compare every character with the print. If it is right, do not accept it and inform the agency named.",
    ),
    "no_lists": (
        "Kết nối mạng và mở lại trang này để tải danh sách, rồi quét lại. Chưa kết luận thật hay giả.",
        "Go on line and open this page again to fetch the lists, then scan again. Do not conclude anything yet.",
    ),
    "clock_set_back": (
        "Chỉnh lại ngày giờ của máy, hoặc nối mạng để biết giờ đúng, rồi quét lại. Chưa kết luận thật hay giả.",
        "Set this device's date and time right, or go on line to learn them, and scan again. Conclude nothing yet.",
    ),
    "clock_behind": (
        "Chỉnh lại ngày giờ của thiết bị rồi quét lại. Chưa kết luận thật hay giả.",
        "Set the date and time of the device right and scan again. Do not conclude anything yet.",
    ),
    "no_network": (
        "Kiểm tra kết nối mạng rồi thử lại. Trang này chưa kết luận gì về giấy.",
        "Check the connection and try again. Nothing has been concluded about the paper.",
    ),
    "lookup_check": _TYPE_AGAIN,
    "lookup_form": _TYPE_AGAIN,
}
