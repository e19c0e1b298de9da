"""Why a demonstration does not run. All are for the person at the terminal, none reaches a web answer."""

from khoso.errors import KhosoError


class DemoRunning(KhosoError):
    """Bản trình diễn đang chạy ở thư mục này. | A demonstration is already running on this directory."""


class DemoUnusable(KhosoError):
    """Dữ liệu trình diễn không dùng được; thêm --fresh để làm lại. | Data unusable; add --fresh to start over."""


class ServerEnded(KhosoError):
    """Máy chủ web dừng ngoài ý muốn. | The web server ended by itself."""
