"""What every page tells the browser not to do."""

from collections.abc import Mapping

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
_SCANNER_POLICY = {
    **_POLICY,
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "trusted-types": "khoso-scanner",  # for the addresses of its two workers, which are scripts of this origin
}
_WORKER_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",  # WebAssembly of this origin; no text becomes a script
    "connect-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in policy.items())


CONTENT_SECURITY_POLICY = _written(_POLICY)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}

SCANNER_HEADERS = {
    **SECURITY_HEADERS,
    "content-security-policy": _written(_SCANNER_POLICY),
    "permissions-policy": SECURITY_HEADERS["permissions-policy"].replace("camera=()", "camera=(self)"),
}
"""Of the one page that uses the camera."""

ASSET_HEADERS = {"content-security-policy": _written(_WORKER_POLICY), "x-content-type-options": "nosniff"}
"""Of scripts, which are under a policy of their own when they run as workers, and of whatever they load."""
