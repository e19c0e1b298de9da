"""Why an embedded PostgreSQL did not start. All are for the person at the terminal, none reaches a web answer."""

from khoso.errors import KhosoError


class PostgresNotFound(KhosoError):
    """Không tìm thấy chương trình PostgreSQL. | No PostgreSQL programs were found."""


class EmbeddedBaseInUse(KhosoError):
    """Thư mục dữ liệu đang được dùng bởi tiến trình khác. | Another process already uses this data directory."""


class EmbeddedBaseUnusable(KhosoError):
    """Thư mục dữ liệu không dùng được. | The data directory cannot be used."""


class PostgresVersionMismatch(KhosoError):
    """Dữ liệu thuộc phiên bản PostgreSQL khác. | The data belong to another major version of PostgreSQL."""


class PostgresStartFailed(KhosoError):
    """PostgreSQL không khởi động được. | PostgreSQL did not start."""
