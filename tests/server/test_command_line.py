"""Every command of `khoso`: what it prints, how it ends, and that an error says what to do."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import typer

from bilingual import is_bilingual
from command_line import Khoso
from demo.launching import clean, free_port
from desk import AGENCY
from grounds import Database
from khoso.__main__ import app
from khoso.config import Config
from khoso.formats import lookup
from khoso.identity.tokens import TokenReader
from khoso.signing.files import KeyFiles
from khoso.times import VIETNAM
from samples import house_permit
from servers import WallClock

ISSUE = ("issue", "-", "--agency", AGENCY, "--actor", "clerk", "--idempotency-key")
STATUS = ("--agency", AGENCY, "--actor", "clerk", "--reason", "R1", "--decision", "1/QĐ")


@pytest.fixture
def config(config: Config) -> Config:
    """Its root is one of development."""
    demo: Config = msgspec.structs.replace(config, demo=True)
    return demo


def commands() -> Iterator[tuple[str, ...]]:
    yield from commands_of(app)


def commands_of(one: typer.Typer, *path: str) -> Iterator[tuple[str, ...]]:
    for command in one.registered_commands:
        assert command.callback is not None
        yield (*path, command.name or command.callback.__name__.replace("_", "-"))
    for group in one.registered_groups:
        assert group.name is not None
        assert group.typer_instance is not None
        yield from commands_of(group.typer_instance, *path, group.name)


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_explains_itself(khoso: Khoso, command: tuple[str, ...]) -> None:
    ended = khoso(*command, "--help")
    assert ended.status == 0
    assert f"Usage: khoso {' '.join(command)}" in ended.out


def test_the_installed_command_starts() -> None:
    command = Path(sys.executable).with_name("khoso")
    ended = subprocess.run([command], env=clean(os.environ), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2, "no command was given"
    assert "load-danang" not in ended.stdout
    assert "catalogue" in ended.stdout


def test_issue_and_verify(khoso: Khoso, config: Config) -> None:
    issued = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit()))
    assert issued.status == 0
    again = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit()))
    assert again.answer == issued.answer
    for asked in (issued.answer["code"], issued.answer["lookup_code"]):
        told = khoso("verify", asked, "--json", config=config)
        assert (told.status, told.answer["outcome"]) == (0, "in_force")
    shown = khoso("verify", "-", config=config, stdin=issued.answer["code"])
    assert shown.status == 0
    for text in ("K48/12 Nguyễn Thị Minh Khai", "Parcel / map sheet", "H17.05.12-261120-000001-KQ1", "UBND"):
        assert text in shown.out
    result_code, _ = lookup.parse(issued.answer["lookup_code"])
    unknown = khoso("verify", lookup.compose(result_code, "00000"), config=config)
    assert unknown.status == 3


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's clock is nineteen hours behind Vietnam's."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT+12")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_west")
def test_verify_tells_days_of_vietnam_and_the_reason(khoso: Khoso, config: Config) -> None:
    issued = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).answer
    status = ("status", "revoke", issued["result_code"], "--agency", AGENCY, "--actor", "clerk")
    assert khoso(*status, "--reason", "false_documents", "--decision", "12/QĐ", config=config).status == 0
    today = datetime.now(VIETNAM).date()
    shown = khoso("verify", issued["lookup_code"], config=config)
    assert shown.status == 3
    assert "Hồ sơ xin cấp có giấy tờ giả" in shown.out
    days = {f"{day:%d/%m/%Y}" for day in (today, today + timedelta(days=1))}  # midnight may pass meanwhile
    assert any(f"12/QĐ, {day}" in shown.out for day in days)


@pytest.mark.usefixtures("far_west")
def test_commands_tell_times_of_vietnam(khoso: Khoso, config: Config) -> None:
    who = ("--subject", f"person:{UUID(int=7)}", "--role", "officer", "--agency", AGENCY, "--actor", "chief")
    until = (datetime.now(UTC) + timedelta(days=9)).date()
    granted = khoso("assignments", "grant", *who, "--until", f"{until}T20:30:00", config=config)  # which is UTC
    assert f"until 03:30 {until + timedelta(days=1):%d/%m/%Y} +07" in granted.out
    issued = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).answer
    effective = ("--effective", f"{until}T20:30:00Z")
    order = khoso("status", "revoke", issued["result_code"], *effective, *STATUS, config=config)
    assert f"from 03:30 {until + timedelta(days=1):%d/%m/%Y} +07" in order.out
    shown = khoso("keys", "trust", "show", config=config)
    ends = datetime.fromisoformat(khoso("keys", "trust", "show", "--json", config=config).answer["expires_at"])
    assert f"{ends.astimezone(VIETNAM):%H:%M %d/%m/%Y} +07" in shown.out


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_there_is_not(khoso: Khoso, config: Config, port: str) -> None:
    ended = khoso("serve", "--port", port, config=config)
    assert (ended.status, "65535" in ended.err, "Traceback" in ended.err) == (1, True, False)


def test_verify_without_agreement_is_neither_yes_nor_no(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    code = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).answer["code"]
    elsewhere = msgspec.structs.replace(config, public_url="https://kho.example.vn")
    assert khoso("verify", code, config=elsewhere).status == 3
    mistyped = khoso("verify", "H17.05.12-261120-000001-KQ1 000000", config=config)
    assert mistyped.status == 3


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("{", "file"),
        (json.dumps(house_permit(fields={})), "fields.address"),
        (json.dumps(house_permit(type_code="KQ.H17.999999")), "type_code"),
        (json.dumps(house_permit(holder={"kind": "robot"})), "holder.kind"),
    ],
)
def test_issue_says_what_is_wrong(khoso: Khoso, config: Config, request_text: str, said: str) -> None:
    ended = khoso(*ISSUE, "one", config=config, stdin=request_text)
    assert ended.status == 1
    assert said in ended.err


WRONG_COMMANDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a field": (("keys", "make", "H99"), 1, "invalid_input"),
    "a file": (("import", "absent.csv", "--type", "KQ.H17.000001", *ISSUE[2:6]), 1, "invalid_input"),
    "a lists' directory": (("verify", "x", "--lists", "absent", "--roots", "absent"), 1, "invalid_input"),
    "one option of two": (("verify", "x", "--lists", "absent"), 2, "usage"),
    "an unknown option": (("status", "orders", "--agency", AGENCY, "--colour", "red"), 2, "usage"),
    "a missing option": (("status", "orders"), 2, "usage"),
    "a number": (("assignments", "list", "--limit", "0"), 2, "usage"),
    "an unknown command": (("status", "undo"), 2, "usage"),
}


@pytest.mark.parametrize("fault", WRONG_COMMANDS)
def test_an_error_is_json_where_json_is_asked_for(khoso: Khoso, config: Config, fault: str) -> None:
    command, status, code = WRONG_COMMANDS[fault]
    plain, ended = khoso(*command, config=config), khoso(*command, "--json", config=config)
    assert (plain.status, ended.status, ended.out) == (status, status, "")
    told = json.loads(ended.err)
    assert told["code"] == code
    assert is_bilingual(told["title"])
    said = [told["detail"]] if code == "usage" else [one["message"] for one in told["problems"]]
    unwrapped = "".join(plain.err.replace("│", "").split())
    assert said != []
    assert all("".join(text.split()) in unwrapped for text in said), "the same as without"


def test_other_errors_and_ends_where_json_is_asked_for(khoso: Khoso, config: Config) -> None:
    away = khoso("keys", "list", "--json", config=config, KHOSO_DATABASE_URL="")
    told = json.loads(away.err)
    assert (away.status, told["code"], told["detail"][:18]) == (1, "configuration_error", "KHOSO_DATABASE_URL")
    assert khoso("keys", "list", "--json", "--help", config=config).status == 0
    issued = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).answer
    suspended = khoso("status", "suspend", issued["result_code"], *STATUS, "--json", config=config)
    assert (suspended.status, suspended.err) == (0, "")
    assert khoso("verify", issued["lookup_code"], "--json", config=config).status == 3, "an answer, and no error"


@pytest.mark.parametrize(
    "command",
    [
        ("status", "approve", str(UUID(int=1)), *ISSUE[2:6]),
        ("status", "revoke", "--issued-by", "clerk", *STATUS),
        ("status", "recover", "--actor", "clerk"),
        ("drafts", "approve", str(UUID(int=1)), *ISSUE[2:6]),
        ("keys", "compromise", "00" * 8),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_nothing_is_asked_where_json_is_wanted(khoso: Khoso, config: Config, command: tuple[str, ...]) -> None:
    ended = khoso(*command, "--json", config=config, stdin="y\n")
    assert (ended.status, ended.out, json.loads(ended.err)["code"]) == (2, "", "usage")


def test_a_file_that_is_not_there(khoso: Khoso, config: Config) -> None:
    ended = khoso("issue", "absent.json", *ISSUE[2:], "one", config=config)
    assert ended.status != 0
    assert "absent.json" in ended.err


def test_keys(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    fresh = msgspec.structs.replace(config, keys_dir=tmp_path / "keys")
    assert khoso("keys", "prepare", "--development", config=fresh).status == 0
    kept = (fresh.keys_dir / "token.pem").read_bytes()
    assert khoso("keys", "prepare", config=fresh).out.strip() == str(fresh.keys_dir)
    assert (fresh.keys_dir / "token.pem").read_bytes() == kept
    made = khoso("keys", "make", AGENCY, "--json", config=fresh)
    assert made.answer["agency_code"] == AGENCY
    listed = {key["kid"]: key for key in khoso("keys", "list", "--json", config=fresh).answer}
    assert listed[made.answer["kid"]] == {**made.answer, "trusted_as": "active"}
    states = [key["state"] for key in listed.values() if key["agency_code"] == AGENCY]
    assert sorted(states) == ["active", "retired"]
    assert made.answer["kid"] in khoso("keys", "list", config=fresh).out
    assert AGENCY in khoso("keys", "make", AGENCY, config=fresh).out
    unknown = khoso("keys", "make", "H99", config=fresh)
    assert (unknown.status, "no such agency" in unknown.err) == (1, True)


def test_token_make(khoso: Khoso, config: Config) -> None:
    command = ("token", "make", "--subject", "clerk", "--scope", "inspect", "--scope", "vault:read")
    made = khoso(*command, "--agency", AGENCY, "--vault", str(UUID(int=5)), config=config)
    key = KeyFiles(config.keys_dir).token_key().public_key()
    caller = TokenReader(key, config.public_url).read(made.out.strip()).caller_at(WallClock()())
    assert (caller.subject, caller.agency_code, caller.vault_id) == ("clerk", AGENCY, UUID(int=5))
    assert caller.scopes == {"inspect", "vault:read"}
    for wrong in (("--scope", "everything"), ("--vault", "mine"), ("--hours", "9999")):
        refused = khoso(*command, *wrong, config=config)
        assert refused.status == 2, wrong
        assert not refused.out


def test_an_empty_database_step_by_step(khoso: Khoso, database: Database, key_dir: Path, server: Any) -> None:
    """What an operator does on the first day, in the order in which he is told to."""
    config = Config(database_url=database.app_dsn, database_owner_url=database.owner_dsn, keys_dir=key_dir)
    assert khoso("keys", "publisher", config=config).status == 0
    assert khoso("migrate", config=config).status == 0
    assert khoso("check-config", config=config).status == 0
    for _ in range(2):
        assert khoso("catalogue", "load-danang", config=config).status == 0
    assert khoso("keys", "make", AGENCY, config=config).status == 0
    assert khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit())).status == 0


WRONG_SETTINGS: dict[str, tuple[dict[str, str], str]] = {
    "no database": ({"KHOSO_DATABASE_URL": ""}, "KHOSO_DATABASE_URL"),
    "unknown setting": ({"KHOSO_WORKER": "3"}, "KHOSO_WORKER`"),
    "number": ({"KHOSO_PORT": "http"}, "KHOSO_PORT"),
    "port": ({"KHOSO_PORT": "0"}, "KHOSO_PORT"),
    "password in the address": ({"KHOSO_DATABASE_URL": f"postgresql://khoso_app:{'secret'}@db/khoso"}, "passfile"),
    "password behind the address": ({"KHOSO_DATABASE_URL": "postgresql://db/khoso?password=secret"}, "passfile"),
    "origin with a path": ({"KHOSO_PUBLIC_URL": "https://kho.example.vn/app"}, "KHOSO_PUBLIC_URL"),
    "origin in capitals": ({"KHOSO_PUBLIC_URL": "https://Kho.example.vn"}, "KHOSO_PUBLIC_URL"),
    "device without its token": ({"KHOSO_PKCS11_MODULE": "/usr/lib/libpkcs11.so"}, "KHOSO_PKCS11_TOKEN"),
    "device found by chance": (
        {"KHOSO_PKCS11_MODULE": "libpkcs11.so", "KHOSO_PKCS11_TOKEN": "khoso"},
        "KHOSO_PKCS11_MODULE",
    ),
    "device without sessions": ({"KHOSO_PKCS11_SESSIONS": "0"}, "KHOSO_PKCS11_SESSIONS"),
    "origin without TLS": ({"KHOSO_PUBLIC_URL": "http://kho.example.vn", "KHOSO_DEMO": "false"}, "KHOSO_PUBLIC_URL"),
}


@pytest.mark.parametrize("fault", WRONG_SETTINGS)
@pytest.mark.parametrize("command", ["check-config", "serve"])
def test_a_wrong_setting_stops_the_start_and_is_named(khoso: Khoso, config: Config, fault: str, command: str) -> None:
    settings, said = WRONG_SETTINGS[fault]
    ended = khoso(command, config=config, **settings)
    assert ended.status == 1
    assert said.lower() in ended.err.lower()
    assert "secret" not in ended.err


def test_a_database_that_cannot_be_used_is_told(khoso: Khoso, config: Config, server: Any, tmp_path: Path) -> None:
    wrong_password = tmp_path / "pgpass"
    wrong_password.write_text("*:*:*:khoso_app:wrong\n")
    wrong_password.chmod(0o600)
    app_passfile = str(server.passfile("khoso_app"))
    faults = {
        "nobody listens": (f"postgresql://khoso_app@127.0.0.1:{free_port()}/khoso", "ConnectionRefusedError"),
        "no such database": (server.dsn("absent", "khoso_app"), "absent"),
        "wrong password": (config.database_url.replace(app_passfile, str(wrong_password)), "password"),
        "the owner's role": (config.database_owner_url, "khoso_app"),
        "a superuser": (server.dsn(), "khoso_app"),
        "no schema": (server.dsn("postgres", "khoso_app"), "khoso"),
    }
    for fault, (url, said) in faults.items():
        ended = khoso("check-config", config=config, KHOSO_DATABASE_URL=url)
        assert ended.status == 1, fault
        assert said in ended.err, fault
        assert "database URL" in ended.err or "khoso" in ended.err, fault


def test_migrating_needs_the_owner(khoso: Khoso, config: Config) -> None:
    ended = khoso("migrate", config=config, KHOSO_DATABASE_OWNER_URL="")
    assert (ended.status, "KHOSO_DATABASE_OWNER_URL" in ended.err) == (1, True)


def test_missing_keys_are_told(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    for command in (("check-config",), ("serve",), ("token", "make", "--subject", "a", "--scope", "inspect")):
        ended = khoso(*command, config=msgspec.structs.replace(config, keys_dir=tmp_path / "none"))
        assert ended.status == 1, command
        assert "khoso keys prepare" in ended.err


def test_status_orders(khoso: Khoso, config: Config, tmp_path: Path) -> None:
    codes = []
    for serial in range(1, 5):
        issued = khoso(*ISSUE, f"{serial}", config=config, stdin=json.dumps(house_permit(serial)))
        codes.append(lookup.parse(issued.answer["lookup_code"])[0])
    file = tmp_path / "codes.txt"
    file.write_text("\n".join(codes[1:3]))
    assert khoso("status", "suspend", codes[0], *STATUS, config=config).status == 0
    assert khoso("status", "restore", codes[0], *STATUS, "--json", config=config).answer["state"] == "carried_out"
    assert khoso("status", "supersede", f"{codes[0]}={codes[3]}", *STATUS, config=config).status == 0
    by_file = khoso("status", "suspend", "--file", str(file), *STATUS, "--json", config=config)
    assert (by_file.answer["state"], by_file.answer["results"]) == ("carried_out", 2)
    query = ("--issued-by", "clerk", "--status", "suspended")
    shown = khoso("status", "revoke", *query, "--preview", *STATUS, config=config)
    assert (shown.status, codes[1] in shown.out) == (0, True)
    assert khoso("status", "revoke", *query, "--preview", "--json", *STATUS, config=config).answer["count"] == 2
    assert khoso("status", "revoke", *query, "--json", *STATUS, config=config).status == 2
    refused = khoso("status", "revoke", *query, "--expect", "3", *STATUS, config=config)
    assert (refused.status, "expected_count" in refused.err) == (1, True)
    assert khoso("status", "revoke", *query, *STATUS, config=config, stdin="n\n").status == 1
    assert khoso("status", "revoke", *query, *STATUS, config=config, stdin="y\n").status == 0
    for wrong in (("A", "--file", str(file)), (), ("A", "--effective", "soon")):
        assert khoso("status", "revoke", *wrong, *STATUS, config=config).status != 0


def test_status_orders_are_approved_and_cancelled(khoso: Khoso, config: Config) -> None:
    issued = khoso(*ISSUE, "one", config=config, stdin=json.dumps(house_permit()))
    code, _ = lookup.parse(issued.answer["lookup_code"])
    assert khoso("status", "revoke", code, *STATUS, config=config).status == 0
    orders = [khoso("status", "restore", code, *STATUS, "--json", config=config).answer for _ in range(3)]
    waiting = khoso("status", "orders", "--agency", AGENCY, "--state", "awaiting_approval", "--json", config=config)
    assert {one["order_id"] for one in waiting.answer} == {one["order_id"] for one in orders}
    assert "carried_out" in khoso("status", "orders", "--agency", AGENCY, config=config).out
    who = ("--agency", AGENCY, "--actor", "chief")
    own = khoso("status", "approve", orders[0]["order_id"], *STATUS[:4], "--hash", "00" * 32, config=config)
    assert own.status == 1
    assert khoso("status", "approve", orders[0]["order_id"], *who, "--hash", "x", config=config).status == 2
    assert khoso("status", "approve", orders[0]["order_id"], *who, config=config, stdin="y\n").status == 0
    failed = khoso("status", "approve", orders[1]["order_id"], *who, "--hash", orders[1]["order_hash"], config=config)
    assert (failed.status, "failed" in failed.out) == (1, True)
    cancelled = khoso("status", "cancel", orders[2]["order_id"], *who, "--reason", "nhầm", "--json", config=config)
    assert cancelled.answer["state"] == "cancelled"


def test_drafts_and_holds(khoso: Khoso, config: Config) -> None:
    """The type need not ask for two persons to be drafted."""
    author, approver = ("--agency", AGENCY, "--actor", "an"), ("--agency", AGENCY, "--actor", "binh")
    file = ("drafts", "file", "-", *author, "--idempotency-key")
    one, two = (khoso(*file, f"{n}", config=config, stdin=json.dumps(house_permit(n))).answer for n in (1, 2))
    waiting = ("drafts", "list", "--agency", AGENCY, "--state", "awaiting_approval")
    assert len(khoso(*waiting, "--json", config=config).answer) == 2
    assert one["draft_hash"] in khoso(*waiting, config=config).out
    assert khoso(*waiting[:-1], "x", config=config).status == 1
    assert khoso("drafts", "approve", one["draft_id"], *approver, config=config, stdin="n\n").status == 1
    assert "-KQ1" in khoso("drafts", "approve", one["draft_id"], *approver, config=config, stdin="y\n").out
    own = khoso("drafts", "approve", two["draft_id"], *author, "--yes", "--json", config=config)
    assert (own.status, own.answer["items"][0]["problem"]["code"]) == (1, "second_person_needed")
    rule = ("issuing", "rule", "--per-hour", "1", "--times-usual", "1", "--actor", "chief", "--agency", AGENCY)
    assert khoso(*rule, config=config).status == 0
    assert len(khoso("issuing", "rules", "--json", config=config).answer) == 2
    assert f"{AGENCY}: 1 / h" in khoso("issuing", "rules", config=config).out
    assert khoso("drafts", "approve", two["draft_id"], *approver, "--yes", config=config).status == 0
    [hold] = khoso("issuing", "holds", "--agency", AGENCY, "--json", config=config).answer
    assert "held" in khoso("issuing", "holds", "--agency", AGENCY, config=config).out
    release = ("issuing", "release", hold["hold_id"], "--agency", AGENCY, "--reason", "đã xem", "--actor")
    assert khoso(*release, "binh", config=config).status == 1
    assert khoso(*release, "chief", config=config).status == 0
