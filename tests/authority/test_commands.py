"""Administration from the command line."""

import re
from dataclasses import replace

import msgspec

from command_line import Ended, Khoso
from grounds import ORIGIN, Database
from khoso.catalogue import danang
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


def test_a_type_that_protects_less_wants_a_decision(khoso: Khoso, config: Config) -> None:
    permit = next(one for one in danang.load().types if one.code == "KQ.H17.000001")

    def publish(version: int, *options: str, four_eyes: bool) -> Ended:
        definition = msgspec.json.encode(replace(permit, version=version, four_eyes=four_eyes)).decode()
        return khoso("catalogue", "publish", "-", "--actor", "chief", *options, config=config, stdin=definition)

    assert "KQ.H17.000001 v2: đã công bố | published" in publish(2, four_eyes=True).out
    refused = publish(3, four_eyes=False)
    assert (refused.status, "--decision-number" in refused.err) == (1, True)
    assert publish(3, "--decision-number", " ", four_eyes=False).status == 1
    assert publish(3, "--decision-number", "12/QĐ-UBND", four_eyes=False).status == 0
    told = khoso("audit", "list", "--act", "publish_type", "--actor", "chief", "--json", config=config).answer
    assert [row["subject"] for row in told] == ["KQ.H17.000001 v3 12/QĐ-UBND", "KQ.H17.000001 v2"]
    assert publish(4, four_eyes=False).status == 0, "as the one before it"


def test_a_city_without_a_catalogue_has_nobody_to_administer(khoso: Khoso, config: Config, database: Database) -> None:
    empty = Config(database_url=database.app_dsn, public_url=ORIGIN, keys_dir=config.keys_dir, data_dir=config.data_dir)
    refused = khoso("admin", "invite", config=empty)
    assert (refused.status, "load the catalogue" in refused.err) == (1, True)
