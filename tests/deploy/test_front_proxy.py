"""deploy/haproxy/haproxy.cfg as it stands, run by a real HAProxy in front of a small server that counts."""

import asyncio
import os
import re
import shutil
import ssl
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from demo.launching import free_port
from khoso.imports.model import MAX_FILE_BYTES

CONFIG = Path(__file__).parents[2] / "deploy/haproxy/haproxy.cfg"
HAPROXY = shutil.which("haproxy", path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]))
HEAD_SECONDS = 5
BODY_SECONDS = 10
HANDSHAKE_SECONDS = 10
GRACE_SECONDS = 3
UPLOADS = 16
ELSEWHERE_BYTES = 25 * 1024 * 1024

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed (apt-get install haproxy)")


@dataclass
class Application:
    """What reaches the server behind the proxy."""

    port: int = 0
    touched: int = 0
    """Connections on which a byte came; the proxy's health checks send none."""
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            self.touched += 1
            head = first + await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_content_length(head))
            self.requests.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a health check, or a client that was cut
        finally:
            writer.close()


@dataclass(frozen=True)
class Proxy:
    http: int
    https: int
    trust: ssl.SSLContext


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    application = Application()
    server = await asyncio.start_server(application.serve, "127.0.0.1", 0)
    application.port = server.sockets[0].getsockname()[1]
    yield application
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def running_proxy(application_port: int, directory: Path) -> AsyncIterator[Proxy]:
    certificate = _write_certificate(directory / "tls.pem")
    http, https, inner = free_port(), free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        str(HAPROXY),
        *("-db", "-f", str(CONFIG)),
        env={
            "KHOSO_PROXY_HTTP": f"127.0.0.1:{http}",
            "KHOSO_PROXY_HTTPS": f"127.0.0.1:{https}",
            "KHOSO_PROXY_INNER": f"127.0.0.1:{inner}",
            "KHOSO_PROXY_CERT": str(certificate),
            "KHOSO_PROXY_TO": f"127.0.0.1:{application_port}",
        },
    )
    try:
        await _until_listening(inner)
        yield Proxy(http, https, ssl.create_default_context(cafile=str(certificate)))
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def proxy(application: Application, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with running_proxy(application.port, tmp_path) as proxy:
        yield proxy


async def test_honest_request_reaches_the_application_with_only_the_proxys_word_on_the_client(
    proxy: Proxy, application: Application
) -> None:
    forged = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\nForwarded: for=203.0.113.9\r\n"
    answer = await _exchange(proxy, f"GET / HTTP/1.1\r\nHost: localhost\r\n{forged}Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"strict-transport-security: max-age=31536000" in answer.lower()
    head = application.requests[0].lower()
    assert b"x-forwarded-for: 127.0.0.1\r\n" in head
    assert b"x-forwarded-proto: https\r\n" in head
    assert b"203.0.113.9" not in head
    assert b"evil.example" not in head


@pytest.mark.parametrize("path", ["/lists/bundle", "/lists/status/0", "/lists/honest/" + "0" * 64])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_published_lists_pass_with_all_by_which_caches_ask(
    proxy: Proxy, application: Application, method: str, path: str
) -> None:
    asked = 'If-None-Match: "abc"\r\nAccept: application/statuslist+jwt\r\nOrigin: https://elsewhere.example\r\n'
    answer = await _exchange(proxy, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{asked}Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    head = application.requests[0]
    assert head.startswith(f"{method} {path} ".encode())
    for line in asked.lower().encode().splitlines():
        assert line in head.lower()


async def test_slow_clients_are_cut_and_the_application_never_sees_them(proxy: Proxy, application: Application) -> None:
    head_in_drops = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 60
    post_head = "POST /api/v1/verify HTTP/1.1\r\nHost: localhost\r\n"
    smallest = f"{post_head}Content-Length: 4000\r\n\r\n".encode()
    largest = f"{post_head}X: {'x' * 8000}\r\nContent-Length: 65536\r\n\r\n".encode() + b"a" * 65_000
    head, body, large_body, silent, handshake, control = await asyncio.gather(
        _drip(proxy.https, b"", head_in_drops, proxy.trust),
        _drip(proxy.https, smallest, b"a" * 60, proxy.trust),
        _drip(proxy.https, largest, b"a" * 60, proxy.trust),
        _drip(proxy.https, b"", b"", proxy.trust),
        _drip(proxy.https, b"", b"\x16\x03\x01\x02\x00" + b"\x01" * 60, None),
        _drip(application.port, b"", head_in_drops, None),
    )
    assert max(head.seconds, silent.seconds) < HEAD_SECONDS + GRACE_SECONDS
    assert max(body.seconds, large_body.seconds) < BODY_SECONDS + GRACE_SECONDS
    assert head.answer.startswith(b"HTTP/1.1 408 ")
    assert body.answer.startswith(b"HTTP/1.1 408 ")
    assert large_body.answer.startswith(b"HTTP/1.1 408 ")
    assert handshake.seconds < HANDSHAKE_SECONDS + GRACE_SECONDS
    assert control.answer == b"", "without the proxy, the same drops keep a connection of the application"
    assert control.seconds >= HANDSHAKE_SECONDS + GRACE_SECONDS
    assert application.touched == 1, "only the control came through"


async def test_slow_uploads_leave_the_application_to_others(proxy: Proxy, application: Application) -> None:
    beginning = b"POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 100_000
    uploads = [asyncio.create_task(_drip(proxy.https, beginning, b"a" * 60, proxy.trust)) for _ in range(3 * UPLOADS)]
    await asyncio.sleep(GRACE_SECONDS)
    assert application.touched == UPLOADS
    answer = await _exchange(proxy, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    for upload in uploads:
        upload.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"POST /api/v1/imports HTTP/1.1\r\nContent-Length: {MAX_FILE_BYTES + 1}\r\n", 413),
        (f"POST /api/v1/imports/template HTTP/1.1\r\nContent-Length: {ELSEWHERE_BYTES + 1}\r\n", 413),
        ("POST /api/v1/imports HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 411),
        (f"GET / HTTP/1.1\r\nX: {'x' * 8192}\r\n", 431),
        ("GET /metrics HTTP/1.1\r\n", 404),
        ("GET /%6detrics HTTP/1.1\r\n", 404),
        ("GET //metrics HTTP/1.1\r\n", 404),
    ],
)
async def test_refused_at_the_door(proxy: Proxy, application: Application, head: str, status: int) -> None:
    answer = await _exchange(proxy, f"{head}Host: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert application.requests == []


async def test_the_largest_import_is_let_through(proxy: Proxy, application: Application) -> None:
    head = f"POST /api/v1/imports HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_FILE_BYTES}\r\n\r\n"
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.https, ssl=proxy.trust, server_hostname="localhost"
    )
    writer.write(head.encode() + b"a" * 100_000)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), GRACE_SECONDS)
    writer.transport.abort()
    assert application.touched == 1


async def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.http)
    writer.write(b"GET /v HTTP/1.1\r\nHost: kho.example.vn\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 308 ")
    assert b"location: https://kho.example.vn/v\r\n" in head.lower()


async def test_old_tls_is_refused(proxy: Proxy) -> None:
    asked = ("-connect", f"127.0.0.1:{proxy.https}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    client = await asyncio.create_subprocess_exec(
        "openssl", "s_client", *asked, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    _, said = await client.communicate()
    assert b"protocol version" in said


async def test_absent_application_is_a_503_that_says_when_to_come_back(tmp_path: Path) -> None:
    async with running_proxy(free_port(), tmp_path) as lonely:
        answer = await _exchange(lonely, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"content-type: application/problem+json\r\n" in answer.lower()
    assert b"retry-after: 5\r\n" in answer.lower()


@dataclass(frozen=True)
class Cut:
    seconds: float
    answer: bytes


async def _drip(port: int, at_once: bytes, drops: bytes, trust: ssl.SSLContext | None) -> Cut:
    """Send a byte a second until the other side closes, or longer than any promise lasts."""
    name = "localhost" if trust else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
    started = time.monotonic()
    ending = asyncio.create_task(reader.read())
    try:
        writer.write(at_once)
        for drop in drops[: HANDSHAKE_SECONDS + GRACE_SECONDS]:
            writer.write(bytes([drop]))
            if (await asyncio.wait({ending}, timeout=1))[0]:
                break
        await asyncio.wait({ending}, timeout=0 if drops else HANDSHAKE_SECONDS + GRACE_SECONDS)
        seconds = time.monotonic() - started
    finally:
        writer.transport.abort()
    try:
        return Cut(seconds, await ending)
    except ConnectionError:
        return Cut(seconds, b"")


async def _exchange(proxy: Proxy, request: str) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.https, ssl=proxy.trust, server_hostname="localhost"
    )
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return int(found[1]) if found else 0


def _write_certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path
