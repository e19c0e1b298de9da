"""What the demonstration tells whoever started it: where to look, what to scan, and what to try."""

import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.text import Text

from khoso.caller import Caller
from khoso.config import Config, to_environment
from khoso.demo.people import PEOPLE
from khoso.demo.places import Places
from khoso.demo.provider import brings_provider
from khoso.demo.record import Demonstration
from khoso.demo.store import Place
from khoso.identity.tokens import make_token
from khoso.rendering.qr import qr_terminal
from khoso.signing.files import KeyFiles
from khoso.times import as_day

_TOKEN_LIFETIME = timedelta(days=1)
_OLD = timedelta(days=7)
_WHITE_ON_BLACK = "color(231) on color(16)"
"""Not the terminal's own colours: on a light one the code would be inverted, which most phones do not read."""


def announce(console: Console, config: Config, places: Places, demonstration: Demonstration, place: Place) -> None:
    """Say where to look, with what, and what to scan."""
    first = demonstration.papers[0]
    if console.is_terminal:
        console.print(Text(qr_terminal(first.code or ""), _WHITE_ON_BLACK), soft_wrap=True)
    for line in _lines(config, places, demonstration, place, datetime.now(UTC)):
        console.print(Text(line), soft_wrap=True)


def _lines(config: Config, places: Places, demonstration: Demonstration, place: Place, now: datetime) -> Iterator[str]:
    first = demonstration.papers[0]
    for label, where in {
        "Kho Số đang chạy | is running": config.public_url,
        "Kiểm tra giấy | verify a paper": f"{config.public_url}/v",
        "Giấy để quét thử | papers to scan": f"{config.public_url}/demo/papers",
        "Giải thích từng giấy | each explained": f"{config.public_url}/demo/papers/guide",
        **({"Đăng nhập | log in": f"{config.public_url}/account"} if config.oidc_issuer else {}),
        "Giao diện lập trình | API": f"{config.public_url}/docs/api",
        f"Bản in {len(demonstration.papers)} giấy | sheet to print": _near(places.sheet),
        "Ảnh từng mã | picture of each code": f"{_near(places.codes)}/",
        "Mã tra cứu mẫu | a look-up code": first.lookup_code,
    }.items():
        yield f"{label:36} {where}"
    yield ""
    if brings_provider(config):
        yield "Ai đăng nhập | who logs in:"
        for person in PEOPLE:
            yield f"  {person.login:24} {person.part.vi} | {person.part.en}"
        yield ""
    yield "Thử ở cửa sổ khác | try it in another window:"
    yield f"  . {shlex.quote(_near(places.env))}"
    for who, command in _commands(first.result_code, first.lookup_code or "", place):
        yield f"  # {who}"
        yield f"  {command}"
    if config.host in ("127.0.0.1", "localhost"):
        yield "Để điện thoại mở được | for phones nearby: --host <IP của máy này | my IP>"
    if now - demonstration.loading_began_at > _OLD:
        day = as_day(demonstration.loading_began_at)
        yield f"Giấy mẫu có từ {day}, làm lại | papers are of {day}, anew: --fresh"
    yield "Ctrl-C để dừng | to stop"


def _commands(result_code: str, lookup_code: str, place: Place) -> Iterator[tuple[str, str]]:
    body = f'--json \'{{"lookup_code": "{lookup_code}"}}\''
    yield "ai cũng kiểm tra được | anyone may verify", f"curl -s $KHOSO/api/v1/verify {body}"
    yield (
        f"cán bộ {place.agency_code} | its officer",
        f'curl -s $KHOSO/api/v1/credentials/{result_code} -H "$OFFICER"',
    )
    yield "người dân | the citizen", 'curl -s $KHOSO/api/v1/vault/results -H "$CITIZEN"'
    yield "thanh tra | an inspector", f'curl -s $KHOSO/api/v1/verify -H "$INSPECTOR" {body}'
    yield "vận hành | the operator", 'curl -s $KHOSO/metrics -H "$OPERATOR"'


def write_env(config: Config, places: Places, place: Place) -> None:
    """Addresses, access tokens of a day, and the `khoso` command on this demonstration, for a POSIX shell to read."""
    settings = to_environment(config)
    # Set for the command alone: a demonstration started in the same window would take them for its own.
    command = [*(f"{name}={value}" for name, value in settings.items()), sys.executable, "-m", "khoso"]
    text = "".join(
        [
            f"KHOSO={shlex.quote(config.public_url)}\n",
            *(f'{name}="Authorization: Bearer {token}"\n' for name, token in _tokens(config, place)),
            f'khoso() {{ env {shlex.join(command)} "$@"; }}\n',
        ]
    )
    places.env.unlink(missing_ok=True)
    places.env.touch(mode=0o600)
    places.env.write_text(text, "utf-8")


def _tokens(config: Config, place: Place) -> Iterator[tuple[str, str]]:
    callers = {
        "OFFICER": Caller(
            subject="demo-officer",
            scopes=frozenset({"credentials:issue", "credentials:read", "credentials:change-status"}),
            agency_code=place.agency_code,
        ),
        "CITIZEN": Caller(subject="demo-citizen", scopes=frozenset({"vault:read"}), vault_id=place.vault_id),
        "INSPECTOR": Caller(subject="demo-inspector", scopes=frozenset({"inspect"}), agency_code=place.agency_code),
        "OPERATOR": Caller(
            subject="demo-operator", scopes=frozenset({"catalogue:write", "metrics:read"}), agency_code="H17"
        ),
    }
    key = KeyFiles(config.keys_dir).token_key()
    for name, caller in callers.items():
        yield name, make_token(key, config.public_url, caller, datetime.now(UTC), _TOKEN_LIFETIME)


def _near(path: Path) -> str:
    """The path as seen from here, if that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)
