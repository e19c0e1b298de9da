"""Every error a caller may act on. Nothing here knows about HTTP: `problems.py` gives each a status.

The class docstring is the sentence the caller reads, Vietnamese first. The arguments go to logs and to the
`detail` of the answer, so they never carry a secret or a citizen's data.
"""

import msgspec


class InputProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong with one field of the input.

    `field` is the path a form would show ("fields.plate"), `code` is stable, `message` says what to do: Vietnamese, a
    bar with a space on either side, English; the first such bar separates them.
    """

    field: str
    code: str
    message: str


UNKNOWN_TYPE = InputProblem(
    "type_code",
    "unknown_type",
    "không có loại kết quả mang mã này: kiểm tra lại mã | no result type has this code",
)


def unknown_agency(field: str) -> InputProblem:
    """A field names an agency that is not there."""
    return InputProblem(field, "unknown", "không có cơ quan mang mã này: kiểm tra lại mã | no such agency")


class KhosoError(Exception):
    """Yêu cầu không thực hiện được. | The request could not be carried out."""

    problems: tuple[InputProblem, ...] = ()
    """What is wrong with which field, of an error that tells."""
    retry_after: int | None = None
    """Seconds after which it is worth trying again, of an error that knows."""


class _Explained(KhosoError):
    def __init__(self, *problems: InputProblem) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))
        self.problems = problems


class InvalidInput(_Explained):
    """Dữ liệu gửi lên chưa đúng; xem chi tiết từng mục. | The input is not acceptable; see each item."""


class NotAuthenticated(KhosoError):
    """Cần mã truy cập hợp lệ. | A valid access token is required."""


class NotPermitted(KhosoError):
    """Mã truy cập không có quyền làm việc này. | The access token does not allow this."""


class CrossSiteRequest(KhosoError):
    """Yêu cầu đến từ một trang khác. | The request comes from another site."""


class LoginRefused(KhosoError):
    """Đăng nhập không thành công; hãy bắt đầu lại. | The login did not succeed; please begin again."""


class StepUpRequired(KhosoError):
    """Cần xác nhận lại bằng khoá truy cập (passkey). | A fresh confirmation by passkey is required."""


class OAuthRefused(KhosoError):
    """Yêu cầu cấp mã truy cập bị từ chối. | The request for a token was refused.

    `code` is that of RFC 6749, 5.2, or of the standard that adds one; `reason` is for whoever writes the app,
    and English, for the standard allows no letters beyond ASCII there.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class NotFound(KhosoError):
    """Không tìm thấy, hoặc không thuộc quyền xem của bạn. | Not found, or not yours to see."""


class NotAuthorisedToIssue(KhosoError):
    """Cơ quan này không được cấp loại kết quả này. | This agency may not issue this result type."""


class NoSigningKey(KhosoError):
    """Cơ quan hiện không có khoá ký dùng được; hãy thử lại sau. | The agency has no good signing key now; try later."""

    retry_after = 60


class DraftNeeded(KhosoError):
    """Loại kết quả này cần hai người: hãy lập dự thảo. | This result type takes two persons: file a draft."""


class DraftEnded(KhosoError):
    """Dự thảo này không còn chờ duyệt. | The draft no longer waits for an approval."""


class IssuingHeld(KhosoError):
    """Cấp nhanh bất thường: tạm dừng, chờ người khác mở. | Held for an unusual rate: another person must release it."""


class HoldReleased(KhosoError):
    """Việc tạm dừng này đã được mở lại. | This hold was released already."""


class IdempotencyKeyReused(KhosoError):
    """Idempotency-Key này đã dùng cho một yêu cầu khác. | This Idempotency-Key was used for another request."""


class StatusChangeRefused(_Explained):
    """Trạng thái hiện tại không cho phép thay đổi này. | The present status does not allow this change."""


class NotAsExpected(_Explained):
    """Thực tế khác với điều đã xem; hãy xem lại. | Reality differs from what was seen; look again."""


class OrderEnded(KhosoError):
    """Quyết định này không còn chờ để duyệt hay huỷ. | The order no longer waits to be approved or cancelled."""


class ImportEnded(KhosoError):
    """Việc nhập tệp đã kết thúc, không huỷ được nữa. | The import has ended and can be cancelled no more."""


class SecondPersonNeeded(KhosoError):
    """Người lập không được tự duyệt; cần người thứ hai. | Nobody approves his own order: a second person is needed."""


class LastAdministrator(KhosoError):
    """Phải còn ít nhất một người quản trị hệ thống. | There must remain a platform administrator."""


class InvitationRefused(KhosoError):
    """Lời mời không còn dùng được. | The invitation is not good, or is so no more."""


class BodyTooLarge(KhosoError):
    """Nội dung gửi lên quá lớn. | The request body is too large."""


class TooManyAttempts(KhosoError):
    """Nhập sai quá nhiều lần; hãy thử lại sau. | Too many wrong attempts; try again later."""


class QuotaUsedUp(KhosoError):
    """Đã dùng hết hạn mức của giờ này. | The quota of this hour is used up."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Unavailable(KhosoError):
    """Hệ thống tạm thời không phục vụ được; hãy thử lại. | Temporarily unavailable; please try again."""


class RecordBehind(_Explained):
    """Cơ sở dữ liệu cũ hơn danh sách đã công bố. | The database is older than what is published."""


class AuditNotSound(KhosoError):
    """Nhật ký kiểm toán không còn nguyên vẹn. | The audit is not what was written."""


class ConfigurationError(KhosoError):
    """Cấu hình chưa đúng. | The configuration is not acceptable."""


class KeyStoreError(KhosoError):
    """Không đọc được khoá ký. | A signing key could not be read."""


class CodeTooLong(KhosoError):
    """Nội dung quá dài so với mã QR lớn nhất. | The content is too long for the largest QR code."""


def sentence(kind: type[KhosoError]) -> str:
    """What people are told of an error: Vietnamese, a bar, English."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def code_of(kind: type[KhosoError]) -> str:
    """What programs are told of it, which is stable: `not_found`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")
