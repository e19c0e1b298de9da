"""What must be true of the whole database after anything that anybody did."""

import hashlib

import asyncpg
import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from khoso.drafts.hashing import is_of, read_request
from khoso.drafts.model import Draft, Paper
from khoso.formats import cbor, claims, cose, honest_set, lookup, status_token, trust_list
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import SIZE
from khoso.issuance.indexes import index_at
from khoso.issuance.store import OPEN_LISTS
from khoso.orders.model import Chosen, Order
from khoso.orders.rules import hash_order


async def check_everything(owner_dsn: str) -> None:
    """Re-derive every promise from the rows. Raises AssertionError naming what is broken."""
    conn = await asyncpg.connect(owner_dsn)
    try:
        await _check_credentials(conn)
        await _check_indexes(conn)
        await _check_counts(conn)
        await _check_acts(conn)
        await _check_scans(conn)
        await _check_orders(conn)
        await _check_drafts(conn)
        await _check_four_eyes(conn)
        await _check_holds(conn)
        await _check_audit(conn)
        await _check_trust(conn)
        await _check_publications(conn)
    finally:
        await conn.close()


async def _check_credentials(conn: asyncpg.Connection) -> None:
    """Every stored credential says in its signed bytes what its row says, and its signature is its agency's alone.

    Two signatures of a key that begin alike were made with one secret number, and tell the key (FIPS 186-5, 6.3).
    """
    keys = {
        row["kid"]: (row["agency_code"], load_der_public_key(row["public_key"]))
        for row in await conn.fetch("SELECT kid, agency_code, public_key FROM signing_key")
    }
    rows = await conn.fetch(
        """
        SELECT c.*, e.status AS entry_status, e.signed_hash, e.kid, r.agency_code AS place_agency,
               r.type_code AS place_type, r.issued_at AS place_issued_at, r.issued_by
          FROM credential c
          LEFT JOIN status_entry e USING (list_id, status_index)
          LEFT JOIN result_code r ON r.result_code = c.result_code
        """
    )
    beginnings = set()
    for row in rows:
        parts = cose.parse(row["signed"])
        agency, key = keys[parts.unverified_kid]
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert agency == row["agency_code"] == row["place_agency"], row["result_code"]
        assert (row["type_code"], row["issued_at"]) == (row["place_type"], row["place_issued_at"]), row["result_code"]
        assert cose.is_signed_by(key, parts.signed_hash, parts.signature), row["result_code"]
        beginnings.add((parts.unverified_kid, parts.signature[:32]))
        assert row["kid"] == parts.unverified_kid, row["result_code"]
        said = claims.decode(parts.unverified_payload)
        assert said.result_code == row["result_code"]
        assert said.status == StatusRef(row["list_id"], row["status_index"])
        assert said.issued_at == row["issued_at"].timestamp()
        assert (row["dossier_code"] is None) == (None not in (row["legal_basis"], row["decision_number"]))
        assert row["result_code"].startswith(f"{row['dossier_code'] or row['agency_code']}-"), row["result_code"]
        assert (said.expires_at is None) == (row["expires_at"] is None)
        assert parts.signed_hash == row["signed_hash"], row["result_code"]
        assert row["status"] == row["entry_status"], row["result_code"]
        lookup.parse(lookup.compose(row["result_code"], row["lookup_secret"]))
    assert len(beginnings) == len(rows)


async def _check_indexes(conn: asyncpg.Connection) -> None:
    """Every index used was handed out by its list, and no more lists are open than may be."""
    lists = await conn.fetch("SELECT list_id, seed, taken, closed_at FROM status_list ORDER BY list_id")
    for row in lists:
        used = {
            r["status_index"]
            for r in await conn.fetch("SELECT status_index FROM status_entry WHERE list_id = $1", row["list_id"])
        }
        assert used == {index_at(row["seed"], position) for position in range(row["taken"])}, row["list_id"]
    assert sum(row["taken"] < SIZE and row["closed_at"] is None for row in lists) <= OPEN_LISTS


async def _check_counts(conn: asyncpg.Connection) -> None:
    """One of each for every credential: result code, status entry, event, audit row; numbers without gaps."""
    issued = await conn.fetchval("SELECT count(*) FROM credential")
    for query in (
        "SELECT count(*) FROM result_code",
        "SELECT count(*) FROM status_entry",
        "SELECT count(*) FROM outbox WHERE kind = 'issue'",
        "SELECT count(*) FROM audit WHERE act = 'issue'",
        "SELECT count(*) FROM result_code JOIN audit ON act = 'issue' AND subject = result_code AND actor = issued_by",
        "SELECT coalesce(sum(results), 0) FROM dossier_result",
        "SELECT count(DISTINCT result_code) FROM credential",
        "SELECT count(DISTINCT (list_id, status_index)) FROM credential",
    ):
        assert await conn.fetchval(query) == issued, query
    assert not await conn.fetch("SELECT 1 FROM holder h LEFT JOIN vault v USING (vault_id) WHERE v.vault_id IS NULL")
    assert not await conn.fetch(
        """
        SELECT 1 FROM idempotency_key k LEFT JOIN credential c USING (vault_id, credential_id)
         WHERE c.credential_id IS NULL
        """
    )


async def _check_acts(conn: asyncpg.Connection) -> None:
    """A status other than valid has an act that made it so, and the last act agrees with it."""
    rows = await conn.fetch(
        """
        SELECT c.result_code, c.status, last.act
          FROM credential c
          LEFT JOIN LATERAL (SELECT act FROM status_act a
                              WHERE a.vault_id = c.vault_id AND a.credential_id = c.credential_id
                              ORDER BY acted_at DESC, act_id DESC LIMIT 1) last ON true
        """
    )
    becomes = {None: 0, "restore": 0, "revoke": 1, "suspend": 2, "supersede": 3}
    for row in rows:
        assert row["status"] == becomes[row["act"]], row["result_code"]


async def _check_scans(conn: asyncpg.Connection) -> None:
    """A check stands in the log of the holder whose paper was checked, and once."""
    strangers = await conn.fetch(
        """
        SELECT s.scan_id FROM scan s
          LEFT JOIN credential c ON c.vault_id = s.vault_id AND c.result_code = s.result_code
         WHERE c.credential_id IS NULL
        """
    )
    assert strangers == []
    assert await conn.fetchval("SELECT count(DISTINCT scan_id) = count(*) FROM scan")


async def _check_orders(conn: asyncpg.Connection) -> None:
    """An order was done to all its results or to none, as two persons or one had said; every step is in the audit."""
    for row in await conn.fetch("SELECT * FROM status_order"):
        chosen = [
            Chosen(*one)
            for one in await conn.fetch(
                """
                SELECT result_code, vault_id, credential_id, superseded_by, successor_id
                  FROM status_order_result WHERE order_id = $1 ORDER BY position
                """,
                row["order_id"],
            )
        ]
        acts = await conn.fetch("SELECT * FROM status_act WHERE order_id = $1", row["order_id"])
        order = Order(**row)
        assert order.results == len(chosen) == len({one.credential_id for one in chosen}) > 0, order
        assert [one.result_code for one in chosen] == sorted(one.result_code for one in chosen), order
        assert hash_order(order.order_id, order.agency_code, order.author, order, chosen) == order.order_hash, order
        assert order.approver != order.author, order
        assert (
            order.approver is not None or not order.needs_approval or order.state in ("awaiting_approval", "cancelled")
        )
        done = {(act["credential_id"], act["superseded_by"]) for act in acts}
        asked = {(one.credential_id, one.superseded_by) for one in chosen}
        assert done == (asked if order.state == "carried_out" else set()), order
        assert len(acts) == len(done), order
        for act in acts:
            assert (act["act"], act["actor"], act["approver"]) == (order.act, order.author, order.approver), order
            assert act["effective_at"] == (order.effective_at or act["acted_at"]) <= act["acted_at"], order
        await _check_steps(conn, order)
    assert not await conn.fetch("SELECT 1 FROM status_act WHERE order_id NOT IN (SELECT order_id FROM status_order)")
    counted = "SELECT count(*) FROM {} WHERE {} IN ('revoke', 'suspend', 'restore', 'supersede')"
    assert await conn.fetchval(counted.format("status_act", "act")) == await conn.fetchval(
        counted.format("outbox", "kind")
    )


async def _check_steps(conn: asyncpg.Connection, order: Order) -> None:
    steps = await conn.fetch(
        "SELECT actor, act FROM audit WHERE subject = $1", f"{order.order_id} {order.order_hash.hex()}"
    )
    expected = {("order", order.author)}
    if order.approver is not None:
        expected.add(("approve", order.approver))
    if order.cancelled_by is not None:
        expected.add(("cancel", order.cancelled_by))
    if order.state in ("carried_out", "failed"):
        expected.add(("carry_out" if order.state == "carried_out" else "fail", order.author))
    assert {(step["act"], step["actor"]) for step in steps} == expected, order
    assert len(steps) == len(expected), order


async def _check_drafts(conn: asyncpg.Connection) -> None:
    """An issued draft has its result, which says what another person approved by its hash; each step is audited."""
    for row in await conn.fetch("SELECT * FROM draft"):
        draft = Draft(**row)
        assert draft.author not in (draft.approver, draft.on_behalf_of), draft
        assert (draft.state == "issued") == (draft.approver is not None) == (draft.result_code is not None), draft
        if draft.request is not None:
            assert read_request(draft).type_code == draft.type_code, draft
        if draft.state == "issued":
            await _check_issued_draft(conn, draft)
        await _check_draft_steps(conn, draft)
    assert not await conn.fetch(
        "SELECT 1 FROM result_code LEFT JOIN draft USING (result_code) WHERE drafted_by IS DISTINCT FROM draft.author"
    )


async def _check_issued_draft(conn: asyncpg.Connection, draft: Draft) -> None:
    row = await conn.fetchrow(
        """
        SELECT c.*, r.issued_by, r.drafted_by, r.on_behalf_of
          FROM credential c JOIN result_code r USING (vault_id, credential_id) WHERE r.result_code = $1
        """,
        draft.result_code,
    )
    assert row is not None, draft
    hands = (row["issued_by"], row["drafted_by"], row["on_behalf_of"])
    assert hands == (draft.approver, draft.author, draft.on_behalf_of), draft
    assert (row["agency_code"], row["type_version"]) == (draft.agency_code, draft.type_version), draft
    assert row["issued_at"].timestamp() == int(draft.ended_at.timestamp() if draft.ended_at else 0), draft
    if draft.request is None:
        return
    said = claims.decode(cose.parse(row["signed"]).unverified_payload)
    statement = said._replace(result_code="", status=StatusRef(0, 0), issued_at=0, valid_from=None, expires_at=None)
    paper = Paper(said.type_code, said.type_version, claims.encode(statement), None)
    assert is_of(draft, paper), draft
    request, ground = read_request(draft), (row["dossier_code"], row["legal_basis"], row["decision_number"])
    assert ground == (request.dossier_code, request.legal_basis, request.decision_number), draft
    assert row["holder_name"] == request.holder.name, draft


async def _check_draft_steps(conn: asyncpg.Connection, draft: Draft) -> None:
    steps = await conn.fetch(
        "SELECT actor, act, subject FROM audit WHERE split_part(subject, ' ', 1) = $1", str(draft.draft_id)
    )
    acts = [step["act"] for step in steps]
    ends = {"issued": ["approve_draft"], "rejected": ["reject_draft"], "withdrawn": ["withdraw_draft"]}
    expected = ["draft", *["revise_draft"] * (draft.revision - 1)]
    expected += ends.get(draft.state, ["lapse_draft"] if draft.state == "lapsed" else [])
    assert sorted(acts) == sorted(expected), (draft, acts)
    for step in steps:
        if step["act"] in ("approve_draft", "reject_draft"):
            suffix = "" if draft.on_behalf_of is None else f" for {draft.on_behalf_of}"
            assert (step["actor"], step["subject"]) == (draft.ended_by, draft.subject + suffix), draft


async def _check_four_eyes(conn: asyncpg.Connection) -> None:
    """No result of a version that asks for two persons had one; no draft was issued twice."""
    alone = await conn.fetch(
        """
        SELECT c.result_code
          FROM credential c
          JOIN result_type_version v ON v.type_code = c.type_code AND v.version = c.type_version
          LEFT JOIN draft d ON d.result_code = c.result_code AND d.state = 'issued' AND d.approver <> d.author
         WHERE (v.definition ->> 'four_eyes')::boolean AND d.draft_id IS NULL
        """
    )
    assert alone == []


async def _check_holds(conn: asyncpg.Connection) -> None:
    """Who is held has one hold that stands; nobody released himself; each is told to two; all papers are counted."""
    held = {row["subject"] for row in await conn.fetch("SELECT subject FROM issuing_subject WHERE held")}
    holds = await conn.fetch("SELECT * FROM issuing_hold")
    assert sorted(held) == sorted(hold["subject"] for hold in holds if hold["released_at"] is None)
    assert all(hold["released_by"] != hold["subject"] for hold in holds)
    for hold in holds:
        told = await conn.fetch("SELECT recipient FROM outbox WHERE hold_id = $1", hold["hold_id"])
        assert sorted(one["recipient"] for one in told) == sorted([hold["subject"], hold["agency_code"]])
        assert hold["papers"] > hold["allowed"]
    counted = await conn.fetch("SELECT subject, sum(papers) AS papers FROM issuing_hour GROUP BY subject")
    issued = await conn.fetch("SELECT issued_by AS subject, count(*) AS papers FROM result_code GROUP BY issued_by")
    assert {row["subject"]: row["papers"] for row in counted} == {row["subject"]: row["papers"] for row in issued}


async def _check_audit(conn: asyncpg.Connection) -> None:
    """Every chain is whole, by PostgreSQL's own arithmetic (docs/audit.md)."""
    assert not await conn.fetch(CHAIN_BREAKS)
    assert not await conn.fetch(
        """
        SELECT * FROM audit_head FULL JOIN (SELECT DISTINCT ON (chain) chain, sequence, hash FROM audit
                                             ORDER BY chain, sequence DESC) AS last USING (chain)
         WHERE (length, audit_head.hash) IS DISTINCT FROM (coalesce(sequence, 0), coalesce(last.hash, $1))
        """,
        bytes(32),
    )


CHAIN_BREAKS = """
SELECT chain, sequence
  FROM (SELECT *, row_number() OVER one_chain AS number,
               lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER one_chain AS previous
          FROM audit
        WINDOW one_chain AS (PARTITION BY chain ORDER BY sequence)) AS row
 WHERE sequence <> number
    OR hash <> sha256(previous || int4send(chain) || int8send(sequence)
                      || int8send((extract(epoch FROM at) * 1000000)::bigint)
                      || int4send(octet_length(actor)) || int4send(octet_length(act)) || int4send(octet_length(subject))
                      || convert_to(actor || act || subject, 'UTF8'))
 ORDER BY chain, sequence
"""


async def _check_trust(conn: asyncpg.Connection) -> None:
    """Each list says the version under which it stands; a stolen key's honest set is all that it has recorded."""
    for row in await conn.fetch("SELECT version, signed FROM trust_list"):
        content = cbor.loads(trust_list.PROFILE.parse(row["signed"]).unverified_payload)[trust_list.CONTENT]
        assert content[trust_list.VERSION] == row["version"]
    for row in await conn.fetch("SELECT kid, digest, content, papers FROM honest_set"):
        assert hashlib.sha256(row["content"]).digest() == row["digest"]
        saved = honest_set.decode(row["content"])
        recorded = await conn.fetch(
            "SELECT list_id, status_index, signed_hash FROM status_entry WHERE kid = $1", row["kid"]
        )
        assert len(saved) == row["papers"] == len(recorded), row["kid"].hex()
        assert all(saved.holds(StatusRef(list_id, index), signed_hash) for list_id, index, signed_hash in recorded)


async def _check_publications(conn: asyncpg.Connection) -> None:
    """A published list says of every paper what the record said at its version, and is not ahead of the record."""
    rows = await conn.fetch(
        """
        SELECT published.*, listed.version AS newest, listed.taken
          FROM status_publication AS published
          LEFT JOIN status_list AS listed USING (list_id)
        """
    )
    for row in rows:
        payload = status_token.PROFILE.parse(row["cwt"]).unverified_payload
        origin = cbor2.loads(payload)[status_token.SUB].partition("/lists/")[0]
        token = status_token.decode(payload, origin)
        assert (token.list_id, token.version) == (row["list_id"], row["version"])
        assert (token.issued_at, token.expires_at) == (row["issued_at"].timestamp(), row["expires_at"].timestamp())
        assert row["version"] <= row["newest"], row["list_id"]
        assert row["recorded"] <= row["taken"], row["list_id"]
        await _check_published_statuses(conn, token)


async def _check_published_statuses(conn: asyncpg.Connection, token: status_token.StatusToken) -> None:
    entries = await conn.fetch(
        "SELECT status_index, status, list_version FROM status_entry WHERE list_id = $1", token.list_id
    )
    statuses = token.statuses
    for entry in entries:
        if entry["list_version"] <= token.version:
            assert statuses[entry["status_index"]] == entry["status"], entry["status_index"]
    recorded = {entry["status_index"] for entry in entries}
    assert all(index in recorded for index in range(len(statuses)) if statuses[index] == 0)
