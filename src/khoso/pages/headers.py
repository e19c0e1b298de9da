"""What every answer tells the browser not to do."""

from litestar.types import Message, Scope

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_RAW = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


async def security_headers(message: Message, scope: Scope) -> None:
    """A `before_send` hook of the application: no answer leaves without them, an error as little as a page."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *_RAW]
