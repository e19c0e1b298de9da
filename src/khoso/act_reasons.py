"""Why the status of a result was changed, in words, by the reason code that the agency gave."""

from collections.abc import Mapping

from khoso.text import Words

REASONS: Mapping[str, tuple[str, str]] = {
    # Revoked.
    "false_documents": ("Hồ sơ xin cấp có giấy tờ giả", "False documents in the application"),
    "issued_wrongly": ("Cấp không đúng quy định", "Issued against the rules"),
    "conditions_lost": ("Không còn đủ điều kiện", "Conditions no longer met"),
    "misuse": ("Cho người khác dùng hoặc dùng sai mục đích", "Lent to others or misused"),
    "closed": ("Đã chấm dứt hoạt động", "Activity has ended"),
    "holder_died": ("Người được cấp đã mất", "The holder has died"),
    # Suspended.
    "violation": ("Vi phạm quy định", "Breach of the rules"),
    "investigation": ("Đang được xác minh, điều tra", "Under investigation"),
    "tracking_off": ("Tắt thiết bị giám sát hành trình", "Tracking device switched off"),
    "holder_request": ("Theo đề nghị của người được cấp", "At the holder's request"),
    # Superseded.
    "adjusted": ("Đã điều chỉnh nội dung", "Content was adjusted"),
    "corrected": ("Đính chính sai sót", "A mistake was corrected"),
    "reissued": ("Đã cấp lại", "Issued anew"),
    "renewed": ("Đã gia hạn", "Renewed"),
    "moved": ("Đã chuyển địa điểm", "Moved to another place"),
    # Restored.
    "remedied": ("Đã khắc phục vi phạm", "The breach was remedied"),
    "cleared": ("Xác minh không có vi phạm", "Found to be in order"),
    "decision_annulled": ("Quyết định trước bị huỷ bỏ", "The earlier decision was annulled"),
}
"""Vietnamese, then English."""


def in_words(reason_code: str) -> Words:
    """The reason; the bare code where it is one of an agency's own."""
    text = REASONS.get(reason_code)
    return Words(f"Mã lý do: {reason_code}", f"Reason code: {reason_code}") if text is None else Words(*text)
