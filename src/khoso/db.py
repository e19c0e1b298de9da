"""The one door to PostgreSQL: a pool, transactions held to their bounds, typed reads, violated constraints.

SQL itself stands in the stores, one function per query, literal, with the connection first: whoever calls them owns
the transaction, and states its bounds.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString, TypeAlias, TypeVar

import asyncpg
import msgspec

from khoso.bounds import DUTIES, NOTHING, Bounds
from khoso.errors import ConfigurationError, InputProblem, InvalidInput, NotPermitted, Unavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Row = TypeVar("Row", bound=msgspec.Struct)

_COMMAND_TIMEOUT_S = 35.0
"""More than the role's statement_timeout: the server is to end a statement first."""
_CONNECT_TIMEOUT_S = 5.0
_ACQUIRE_TIMEOUT_S = 10.0

_FORMS = {
    "vault": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "agencies": re.compile(r"[0-9A-Z.]{1,35}"),
    "duty": re.compile("|".join(DUTIES)),
}
"""What the values of bounds look like, each."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    OSError,
    TimeoutError,
)
"""How asyncpg says that the server is away, full, going or being restored: SQLSTATE classes 08, 28, 3D, 53, 57P and
25006, and its own."""


async def create_pool(url: str, size: int, *, connecting: bool = True, statements: int = 100) -> Pool:
    """A pool of at most `size` connections, each of which only the application role gets.

    Each keeps so many `statements` prepared. Raises Unavailable, or ConfigurationError as `connect` does or for another
    role; without `connecting` not before it is asked for a connection.
    """
    with translating_absence(), _naming_the_setting():
        return await asyncpg.create_pool(
            url,
            min_size=1 if connecting else 0,
            max_size=size,
            init=_prepare_connection,
            statement_cache_size=statements,
            command_timeout=_COMMAND_TIMEOUT_S,
            timeout=_CONNECT_TIMEOUT_S,
            connection_class=_PooledConnection,
        )


class _PooledConnection(asyncpg.Connection):
    """Nothing is ever set on a pooled session beyond its transaction, so handing it back costs no round trip."""

    def get_reset_query(self) -> str:
        return ""


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection outside any pool, for LISTEN and migrations.

    Raises Unavailable if the server cannot be reached, ConfigurationError if it does not know role or database.
    """
    with translating_absence(), _naming_the_setting():
        return await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S, command_timeout=_COMMAND_TIMEOUT_S)


@asynccontextmanager
async def transaction(pool: Pool, bounds: Bounds = NOTHING) -> AsyncIterator[Connection]:
    """A connection of the pool inside a transaction, all or nothing, to which no row outside the bounds exists.

    Whatever says that the server is away leaves as Unavailable; text with U+0000, which PostgreSQL does not hold, as
    InvalidInput. Raises NotPermitted for an agency that cannot be.
    """
    async with _transaction(pool, "BEGIN", bounds) as conn:
        yield conn


@asynccontextmanager
async def snapshot(pool: Pool, bounds: Bounds = NOTHING) -> AsyncIterator[Connection]:
    """The same for reading alone, everything as of one moment."""
    async with _transaction(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", bounds) as conn:
        yield conn


@asynccontextmanager
async def _transaction(pool: Pool, begin: str, bounds: Bounds) -> AsyncIterator[Connection]:
    """The only way to a pooled connection: behind a pooler, statements outside may get to different sessions.

    It is begun by hand, for the library's own takes a round trip more for the bounds; so savepoints are plain SQL too.
    """
    begin = "; ".join([begin, *_limits(bounds)])
    with translating_absence(), _refusing_nul():
        async with pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as conn:
            try:
                await conn.execute(begin)
                yield conn
            except BaseException:
                with suppress(*_AWAY):  # why it ended is what counts; the pool keeps no connection in a transaction
                    await conn.execute("ROLLBACK")
                raise
            if await conn.execute("COMMIT") != "COMMIT":
                raise RuntimeError("nothing was committed: somebody went on after an error in the transaction")


def _limits(bounds: Bounds) -> list[str]:
    """What tells the policies of row-level security what a transaction may touch, until its end."""
    if bounds == NOTHING:
        return []
    settings = {
        "vault": () if bounds.vault_id is None else (str(bounds.vault_id),),
        "agencies": bounds.agencies,
        "duty": () if bounds.duty is None else (bounds.duty,),
    }
    # The first one has a database that is spread over many machines tell them as well; any other passes over it.
    statements = ["SET LOCAL citus.propagate_set_commands = 'local'"]
    for name, values in settings.items():
        for value in values:  # SET takes no parameters: nothing but this gets into its text
            if _FORMS[name].fullmatch(value) is None:
                raise NotPermitted(f"{name}: {value!r}")
        if values:  # else it is as it is outside: empty
            statements.append(f"SET LOCAL khoso.{name} = '{' '.join(values)}'")
    return statements


async def fetch_one(conn: Connection, row_type: type[Row], sql: LiteralString, *args: object) -> Row | None:
    """The first row as a struct; None if there is none."""
    record = await conn.fetchrow(sql, *args)
    return None if record is None else msgspec.convert(record, row_type)


async def fetch_all(conn: Connection, row_type: type[Row], sql: LiteralString, *args: object) -> list[Row]:
    """All rows as structs."""
    return [msgspec.convert(record, row_type) for record in await conn.fetch(sql, *args)]


async def count_touched(conn: Connection, sql: LiteralString, *args: object) -> int:
    """Run an UPDATE or DELETE; answers how many rows it touched."""
    return int((await conn.execute(sql, *args)).rpartition(" ")[2])


async def insert_rows(conn: Connection, sql: LiteralString, rows: Iterable[Sequence[object]], *shared: object) -> None:
    """Run an INSERT … SELECT … FROM unnest($1, $2, …): each parameter a column of the rows, then what all rows share.

    COPY does not pass row-level security.
    """
    columns = list(zip(*rows, strict=True))
    if columns:
        await conn.execute(sql, *columns, *shared)


@contextmanager
def violating(constraint: str, error: type[Exception], *args: object) -> Iterator[None]:
    """Turn the violation of one named constraint into a domain error."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as violation:
        if violation.constraint_name == constraint:
            raise error(*args) from violation
        raise


@contextmanager
def translating_absence() -> Iterator[None]:
    """Turn every way in which the server can be away into Unavailable."""
    try:
        yield
    except _AWAY as error:
        if isinstance(error, ValueError):  # asyncpg.DataError, an InterfaceError too: our mistake, not an absence
            raise
        raise Unavailable(f"{type(error).__name__}: is PostgreSQL running where the database URL says?") from error


@contextmanager
def _refusing_nul() -> Iterator[None]:
    try:
        yield
    except asyncpg.CharacterNotInRepertoireError as error:
        problem = InputProblem("request", "hidden_character", "bỏ ký tự U+0000 | remove the character U+0000")
        raise InvalidInput(problem) from error


@contextmanager
def _naming_the_setting() -> Iterator[None]:
    """Say what to do about an address that can never work."""
    try:
        yield
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        message = f"{error}; check role, database and password file of the database URL (docs/operations.md)"
        raise ConfigurationError(message) from error


async def _prepare_connection(conn: Any) -> None:
    async with conn.transaction():
        await check_role(conn)
        await _use_msgspec_for_json(conn)


async def _use_msgspec_for_json(conn: Any) -> None:
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        # A text is JSON already: the job library hands over its own. Our values are never bare texts.
        encoder=lambda value: b"\x01" + (value.encode() if isinstance(value, str) else msgspec.json.encode(value)),
        decoder=lambda data: msgspec.json.decode(data[1:]),
        format="binary",
    )


async def check_role(conn: Connection) -> None:
    """Raise ConfigurationError unless the role can neither own nor bypass anything here, nor keep the server busy."""
    faults = await conn.fetchrow(
        """
        SELECT role.rolname, role.rolsuper, role.rolbypassrls,
               EXISTS (SELECT FROM pg_class WHERE relowner = role.oid) AS owns,
               (SELECT setting::integer FROM pg_settings WHERE name = 'statement_timeout') AS longest_ms
          FROM pg_roles AS role
         WHERE role.rolname = current_user
        """
    )
    if faults is None or faults["rolsuper"] or faults["rolbypassrls"] or faults["owns"]:
        raise ConfigurationError("KHOSO_DATABASE_URL must name the application role khoso_app, which owns nothing")
    if not 0 < faults["longest_ms"] < _COMMAND_TIMEOUT_S * 1000:
        raise ConfigurationError("statement_timeout of khoso_app is not 30s: run deploy/postgres/roles.sql again")


async def check_schema(conn: Connection) -> None:
    """Raise ConfigurationError unless the schema has been made, and holds everybody to his bounds."""
    closed = await conn.fetchval(
        """
        SELECT bool_and(relrowsecurity AND relforcerowsecurity)
          FROM pg_class
         WHERE oid IN (SELECT polrelid FROM pg_policy)
        """
    )
    if not closed:
        raise ConfigurationError("the database has no schema yet, or an old one: run `khoso migrate`")
