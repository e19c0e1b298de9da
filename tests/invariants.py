"""What must be true of the whole database after anything that anybody did."""

import hashlib

import asyncpg
import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from khoso.formats import claims, cose, lookup, status_token
from khoso.formats.claims import StatusRef
from khoso.formats.status_list import SIZE
from khoso.issuance.indexes import index_at
from khoso.issuance.store import OPEN_LISTS


async def check_everything(owner_dsn: str) -> None:
    """Re-derive every promise from the rows. Raises AssertionError naming what is broken."""
    conn = await asyncpg.connect(owner_dsn)
    try:
        await _check_credentials(conn)
        await _check_indexes(conn)
        await _check_counts(conn)
        await _check_acts(conn)
        await _check_publications(conn)
    finally:
        await conn.close()


async def _check_credentials(conn: asyncpg.Connection) -> None:
    """Every stored credential says in its signed bytes what its row says, and its signature is its agency's."""
    keys = {
        row["kid"]: (row["agency_code"], load_der_public_key(row["public_key"]))
        for row in await conn.fetch("SELECT kid, agency_code, public_key FROM signing_key")
    }
    rows = await conn.fetch(
        """
        SELECT c.*, e.status AS entry_status, e.signed_hash, r.agency_code AS place_agency
          FROM credential c
          LEFT JOIN status_entry e USING (list_id, status_index)
          LEFT JOIN result_code r ON r.result_code = c.result_code
        """
    )
    for row in rows:
        parts = cose.parse(row["signed"])
        agency, key = keys[parts.unverified_kid]
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert agency == row["agency_code"] == row["place_agency"], row["result_code"]
        assert cose.is_signed_by(key, parts), row["result_code"]
        said = claims.decode(parts.unverified_payload)
        assert said.result_code == row["result_code"]
        assert said.status == StatusRef(row["list_id"], row["status_index"])
        assert said.issued_at == row["issued_at"].timestamp()
        assert (said.expires_at is None) == (row["expires_at"] is None)
        assert hashlib.sha256(parts.to_be_signed).digest() == row["signed_hash"], row["result_code"]
        assert row["status"] == row["entry_status"], row["result_code"]
        lookup.parse(lookup.compose(row["result_code"], row["lookup_secret"]))


async def _check_indexes(conn: asyncpg.Connection) -> None:
    """Every index used was handed out by its list, and no more lists are open than may be."""
    lists = await conn.fetch("SELECT list_id, seed, taken FROM status_list ORDER BY list_id")
    for row in lists:
        used = {
            r["status_index"]
            for r in await conn.fetch("SELECT status_index FROM status_entry WHERE list_id = $1", row["list_id"])
        }
        assert used == {index_at(row["seed"], position) for position in range(row["taken"])}, row["list_id"]
    assert sum(row["taken"] < SIZE for row in lists) <= OPEN_LISTS


async def _check_counts(conn: asyncpg.Connection) -> None:
    """One of each for every credential: result code, status entry, event, audit row; numbers without gaps."""
    issued = await conn.fetchval("SELECT count(*) FROM credential")
    for query in (
        "SELECT count(*) FROM result_code",
        "SELECT count(*) FROM status_entry",
        "SELECT count(*) FROM outbox WHERE kind = 'issue'",
        "SELECT count(*) FROM audit WHERE act = 'issue'",
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
