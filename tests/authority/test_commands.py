"""Administration from the command line."""

import re

from command_line import Khoso
from conftest import ORIGIN, Database
from khoso.config import Config

PERSON = "person:6f1f0c6e-3b0a-4a52-9d8b-0d7f3c1f9a11"


def test_assignments(khoso: Khoso, config: Config) -> None:
    roles = khoso("assignments", "roles", config=config)
    assert "officer: Cán bộ cấp kết quả | Issuing officer" in roles.out
    assert len(khoso("assignments", "roles", "--json", config=config).answer) == 7
    who = ("--subject", PERSON, "--role", "officer", "--agency", "H17.05.12")
    more = ("--actor", "chief", "--type", "KQ.H17.000001", "--until", "2099-01-01")
    made = khoso("assignments", "grant", *who, *more, "--json", config=config).answer
    assert (made["granted_by"], made["valid_until"]) == ("chief", "2099-01-01T00:00:00Z")
    again = khoso("assignments", "grant", *who, *more, config=config)
    assert (again.status, "đã" in again.err or "already" in again.err) == (1, True)
    listed = khoso("assignments", "list", "--agency", "H17.05.12", config=config)
    assert f"{PERSON}: officer, H17.05.12 KQ.H17.000001" in listed.out
    ended = khoso("assignments", "end", made["assignment_id"], "--actor", "chief", config=config)
    assert "ended" in ended.out
    assert khoso("assignments", "list", "--json", config=config).answer == []
    assert len(khoso("assignments", "list", "--past", "--json", config=config).answer) == 1


def test_the_first_administrator(khoso: Khoso, config: Config) -> None:
    invited = khoso("admin", "invite", config=config)
    assert re.search(r'"secret": "[\w-]{43}"', invited.out)
    appointed = khoso("admin", "invite", "--subject", PERSON, config=config)
    assert PERSON in appointed.out
    assert khoso("admin", "invite", config=config).status == 1


def test_agencies(khoso: Khoso, config: Config) -> None:
    named = ("--name-vi", "UBND phường Bình Thuận", "--name-en", "Binh Thuan", "--level", "ward", "--parent", "H17")
    added = khoso("agencies", "add", "H17.05.14", *named, "--from", "2026-01-01", "--actor", "chief", config=config)
    assert "in the trust list" in added.out
    bad = khoso("agencies", "change", "H17.05.14", "--level", "planet", "--actor", "chief", config=config)
    assert bad.status == 1
    khoso("agencies", "change", "H17.05.14", "--until", "2026-06-01", "--actor", "chief", config=config)
    khoso("agencies", "succeed", "H17.05.14", "H17.05.12", "--since", "2026-06-01", "--actor", "chief", config=config)
    listed = khoso("agencies", "list", config=config)
    assert re.search(r"^- H17\.05\.14 +UBND phường Bình Thuận \| Binh Thuan$", listed.out, re.MULTILINE)
    below = khoso("agencies", "list", "--below", "H17.05.12", "--json", config=config).answer
    assert {one["agency_code"] for one in below} >= {"H17.05.12", "H17.05.14"}


def test_a_city_without_a_catalogue_has_nobody_to_administer(khoso: Khoso, config: Config, database: Database) -> None:
    empty = Config(database_url=database.app_dsn, public_url=ORIGIN, keys_dir=config.keys_dir, data_dir=config.data_dir)
    refused = khoso("admin", "invite", config=empty)
    assert (refused.status, "load the catalogue" in refused.err) == (1, True)
