"""What a process of Kho Số is made of: every room built once, in order, and handed what it needs of the others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from khoso import db, jobs
from khoso.authority.invitations import Invitations
from khoso.authority.service import Authority
from khoso.bulk import BulkIssuing, right_of_upload
from khoso.catalogue.administration import Administration
from khoso.catalogue.custody import Custody
from khoso.catalogue.hierarchy import Hierarchy
from khoso.catalogue.model import Believed
from khoso.catalogue.service import Catalogue
from khoso.config import Config
from khoso.db import Pool
from khoso.drafting import PapersToDraft, purview_by_assignments
from khoso.drafts.book import DraftBook
from khoso.drafts.delegating import Delegations
from khoso.drafts.service import Drafts
from khoso.errors import ConfigurationError, Unavailable
from khoso.following import follow, in_background, listen
from khoso.identity.cutoffs import CHANNEL as CUTOFF_CHANNEL
from khoso.identity.cutoffs import Cutoffs
from khoso.identity_wiring import Identity, make_identity
from khoso.imports.service import Imports
from khoso.issuance.holds import Holds
from khoso.issuance.service import MAX_BATCH, Issuer
from khoso.observing import (
    LIST_AGE,
    RECORD_BEHIND,
    REQUEST_TIMES,
    SET_ASIDE,
    STATUS_AGE,
    TRUST_LEFT,
    tell_outage_scans,
    tell_refusal,
    tell_verdicts,
)
from khoso.orders.book import OrderBook
from khoso.orders.service import Orders
from khoso.publishing.bundle_file import BundleFile
from khoso.publishing.published import PublishedLists
from khoso.publishing.service import Publisher
from khoso.publishing.store import CHANNEL as PUBLICATION_CHANNEL
from khoso.reports.model import Paper
from khoso.reports.service import Reports
from khoso.signing.access import Access
from khoso.signing.device import Device
from khoso.signing.files import KeyFiles
from khoso.signing.signers import Signers
from khoso.vault.service import Vaults
from khoso.verification.counting import ScanCounts
from khoso.verification.keeping import ScanKeeper
from khoso.verification.receiving import ScanReceiver
from khoso.verification.service import Verifier
from khoso.verification.spool import Spool
from khoso.verification.statuses import StatusSnapshot

STATUSES, SPOOL, LISTS = "statuses", "spool", "lists"
"""Where below the data directory a verifying process keeps its files."""

Clock = Callable[[], datetime]

log = structlog.get_logger(__name__)

_AGE_SECONDS = 1.0
STEP_UP_SECONDS = 2.0
"""How soon every worker knows for what an agency asks a passkey."""


def utc_now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms of one process."""

    origin: str
    pool: Pool
    keys: KeyFiles
    signers: Signers
    catalogue: Catalogue
    authority: Authority
    invitations: Invitations
    administration: Administration
    custody: Custody
    statuses: StatusSnapshot
    spool: Spool
    scan_counts: ScanCounts
    keeper: ScanKeeper
    issuer: Issuer
    holds: Holds
    drafts: Drafts
    draft_book: DraftBook
    delegations: Delegations
    bulk: BulkIssuing
    imports: Imports
    orders: Orders
    order_book: OrderBook
    publisher: Publisher
    published: PublishedLists
    verifier: Verifier
    scan_receiver: ScanReceiver
    reports: Reports
    vaults: Vaults
    identity: Identity

    async def check_ready(self) -> None:
        """Raise Unavailable unless the database answers, and what is known here comes from it.

        Raises RecordBehind while it is older than what is published.
        """
        async with db.transaction(self.pool) as conn:
            await conn.fetchval("SELECT 1")
        _ = self.catalogue.recorded
        self.published.watch.require()
        if self.statuses.by_published_lists:
            raise Unavailable("the statuses have not been read from the database yet")


@asynccontextmanager
async def open_services(
    config: Config, now: Clock = utc_now, *, verifying: bool = True, serving: bool = False, working: bool = False
) -> AsyncIterator[Services]:
    """Build the rooms and keep their copies of the database fresh until the end.

    Every process begins with the published lists on disk, where there are some: nothing older is believed. One that
    serves or works keeps them there. One that serves begins with them even if the database is away, and waits for it.
    A process that verifies nothing need not remember any statuses. Raises ConfigurationError, KeyStoreError or
    Unavailable before anything is served.
    """
    keys = KeyFiles(config.keys_dir)
    signers = Signers(keys, _open_device(config))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(signers.close)
        if verifying:
            make_private(config.data_dir / STATUSES, config.data_dir / SPOOL)
        try:
            services = await _open_database(config, keys, signers, now, verifying, stack)
        except Unavailable as away:
            if not serving:
                raise
            services = await _open_published(config, keys, signers, now, stack, away)
        if verifying:
            stack.callback(services.spool.close)
            stack.callback(services.statuses.close)
        keeping = working or (serving and verifying)
        await stack.enter_async_context(_following(config, services, now, verifying, keeping=keeping))
        yield services


async def _open_database(
    config: Config, keys: KeyFiles, signers: Signers, now: Clock, verifying: bool, stack: AsyncExitStack
) -> Services:
    """The rooms as the database has everything."""
    pool = await stack.enter_async_context(open_pool(config, config.pool_size))
    services = _build(config, pool, keys, signers, now)
    with suppress(Unavailable):  # there is no bundle, or no good one: the database has everything
        _start_from_bundle(config, services)
    await services.catalogue.refresh()
    await services.catalogue.renew_trust()
    await services.identity.cutoffs.refresh()
    await services.identity.step_ups.refresh()
    if verifying:
        await services.statuses.refresh()
    await services.published.refresh()
    return services


async def _open_published(
    config: Config, keys: KeyFiles, signers: Signers, now: Clock, stack: AsyncExitStack, away: Unavailable
) -> Services:
    """The rooms without a database, as far as the bundle on disk goes. Raises Unavailable if that is not far."""
    statements = config.prepared_statements
    pool = await db.create_pool(config.database_url, config.pool_size, connecting=False, statements=statements)
    services = _build(config, await stack.enter_async_context(pool), keys, signers, now)
    try:
        _start_from_bundle(config, services)
    except Unavailable as nothing:
        raise Unavailable(f"{away}; {nothing}") from away
    services.statuses.start_from(services.published.lists, services.published.as_of or 0)
    log.warning("database away: verifying by the published lists", error=str(away))
    return services


def _start_from_bundle(config: Config, services: Services) -> None:
    """Believe nothing older than the bundle on disk. Raises Unavailable if there is none, or none to believe."""
    published = services.published
    published.open_bundle(_bundle_file(config))
    believed = Believed(published.lists.trust, published.get_trust().body, published.honest_sets)
    services.catalogue.start_from(believed, published.lists.types)


def _bundle_file(config: Config) -> BundleFile:
    return BundleFile(config.data_dir / LISTS)


@asynccontextmanager
async def open_pool(config: Config, size: int) -> AsyncIterator[Pool]:
    """Connections to the database, as the right role and to the right schema, or ConfigurationError or Unavailable."""
    if not config.database_url:
        raise ConfigurationError("KHOSO_DATABASE_URL is missing; `khoso demo` brings a database of its own")
    async with await db.create_pool(config.database_url, size, statements=config.prepared_statements) as pool:
        async with db.transaction(pool) as conn:
            await db.check_schema(conn)
        yield pool


def check_root(config: Config, services: Services) -> None:
    """Raise ConfigurationError unless the roots believed here may speak for this city."""
    pinned, at_hand = services.keys.roots(), services.keys.development_root()
    if not pinned:
        raise ConfigurationError(
            "no root is trusted: make one on a machine without network (`khoso keys root make`) and bring its public "
            "half (`khoso keys root trust`); to try things out, `khoso keys prepare --development`"
        )
    development = services.catalogue.snapshot.trust.development or (at_hand is not None and at_hand.kid in pinned)
    if development and not (config.demo or config.is_this_machine):
        raise ConfigurationError(
            f"the root is one of development, which proves nothing, and {config.public_url} is for everybody: remove "
            "root-development.pem and roots.pem from the keys directory and make a root (keys/README.md)"
        )


def _open_device(config: Config) -> Device | None:
    """The signing device, if there is to be one. Raises KeyStoreError where it could never be used."""
    if config.pkcs11_module is None:
        return None
    access = Access(config.pkcs11_module, config.pkcs11_token, config.keys_dir / "pkcs11-pin")
    return Device(access, config.pkcs11_sessions)


def _build(config: Config, pool: Pool, keys: KeyFiles, signers: Signers, now: Clock) -> Services:
    origin, roots, root = config.public_url, keys.roots(), keys.development_root()
    catalogue = Catalogue(pool, origin=origin, roots=roots, root=root, now=now)

    def hierarchy() -> Hierarchy:
        return catalogue.hierarchy

    cutoffs = Cutoffs(pool, now)
    authority = Authority(pool, hierarchy, lambda: catalogue.recorded.latest, cutoffs.end, now)
    custody = Custody(catalogue, pool, origin=origin, roots=roots, root_at_hand=root is not None, now=now)
    published = PublishedLists(pool, lambda: catalogue.snapshot, roots, origin=origin, now=now, refused=tell_refusal)
    watch = published.watch
    statuses = StatusSnapshot(pool, now, config.data_dir / STATUSES, watch.find_newer)
    spool = Spool(config.data_dir / SPOOL)
    scan_counts = ScanCounts(pool, spool, now, tell_verdicts)
    keeper = ScanKeeper(pool, spool, now, tell_outage_scans)
    issuer = make_issuer(config, pool, keys, signers, catalogue, now, watch.require)
    verifier = Verifier(
        pool,
        lambda: catalogue.snapshot,
        statuses,
        origin=config.public_url,
        now=now,
        counts=scan_counts,
        keep=keeper.keep,
        fields_shown_to=catalogue.fields_shown_to,
    )
    publisher = Publisher(
        pool,
        lambda: catalogue.snapshot,
        keys.publisher_signer,
        origin=origin,
        now=now,
        refused=tell_refusal,
        held=published.lists,
    )
    check_right = right_of_upload(authority, hierarchy, now)
    bulk = BulkIssuing(issuer, lambda: catalogue.recorded, now, watch.require, check_right)
    purview = purview_by_assignments(authority, hierarchy)
    return Services(
        origin=origin,
        pool=pool,
        keys=keys,
        signers=signers,
        catalogue=catalogue,
        authority=authority,
        invitations=Invitations(pool, now),
        administration=Administration(catalogue, now),
        custody=custody,
        statuses=statuses,
        spool=spool,
        scan_counts=scan_counts,
        keeper=keeper,
        issuer=issuer,
        holds=Holds(pool, hierarchy, now),
        drafts=make_drafts(pool, issuer, catalogue, authority, now),
        draft_book=DraftBook(pool, hierarchy),
        delegations=Delegations(pool, hierarchy, purview, now),
        bulk=bulk,
        imports=Imports(pool, bulk, jobs.enqueue, now),
        orders=make_orders(pool, catalogue, now, watch.require),
        order_book=OrderBook(pool),
        publisher=publisher,
        published=published,
        verifier=verifier,
        scan_receiver=ScanReceiver(pool, verifier.judge, now),
        reports=Reports(pool, lambda code: _proven(verifier, code), now),
        vaults=Vaults(pool, config.public_url),
        identity=make_identity(
            config,
            pool,
            keys,
            now,
            cutoffs,
            grants_of=authority.grants_of,
            hierarchy=hierarchy,
            name_of=catalogue.name_agency,
        ),
    )


def _proven(verifier: Verifier, code: str) -> Paper | None:
    """The paper that a code proves."""
    paper = verifier.judge(code).paper
    return None if paper is None else Paper(paper.claims.result_code, paper.claims.type_code, paper.claims.issuer)


def make_issuer(
    config: Config,
    pool: Pool,
    keys: KeyFiles,
    signers: Signers,
    catalogue: Catalogue,
    now: Clock,
    check_record: Callable[[Mapping[int, int]], None],
) -> Issuer:
    """An issuer by that clock."""
    return Issuer(
        pool,
        lambda: catalogue.recorded,
        signers.get,
        origin=config.public_url,
        pepper=keys.holder_pepper(),
        now=now,
        check_record=check_record,
        max_batch=MAX_BATCH if config.coalesce else 1,
    )


def make_drafts(pool: Pool, issuer: Issuer, catalogue: Catalogue, authority: Authority, now: Clock) -> Drafts:
    """Drafts by that clock, which is the issuer's too."""

    def hierarchy() -> Hierarchy:
        return catalogue.hierarchy

    papers = PapersToDraft(issuer, lambda: catalogue.recorded)
    return Drafts(pool, papers, hierarchy, purview_by_assignments(authority, hierarchy), now)


def make_private(*directories: Path) -> None:
    """Make directories that only this account can enter. Raises ConfigurationError."""
    for directory in directories:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        except OSError as error:
            message = f"{directory}: {error.strerror}; name a directory of this account in KHOSO_DATA_DIR"
            raise ConfigurationError(message) from None


def make_orders(pool: Pool, catalogue: Catalogue, now: Clock, check_record: Callable[[], None]) -> Orders:
    """Status orders by that clock."""

    def four_eyes(type_code: str) -> bool:
        """As the newest version of the type has it."""
        return catalogue.recorded.latest[type_code].four_eyes

    return Orders(pool, four_eyes, now, check_record)


@asynccontextmanager
async def _following(
    config: Config, services: Services, now: Clock, verifying: bool, *, keeping: bool
) -> AsyncIterator[None]:
    """Keep catalogue, statuses and published lists as the database has them."""
    channels = ("khoso_catalogue", "khoso_status", PUBLICATION_CHANNEL, CUTOFF_CHANNEL)
    wakes = {channel: asyncio.Event() for channel in channels}
    work = [
        follow("catalogue", services.catalogue.refresh, wakes["khoso_catalogue"]),
        follow("published lists", services.published.refresh, wakes[PUBLICATION_CHANNEL]),
        listen(config.database_direct_url or config.database_url, wakes),
    ]
    if verifying:
        work += [
            follow("statuses", services.statuses.refresh, wakes["khoso_status"]),
            follow("spool", services.keeper.deliver, asyncio.Event()),
            services.scan_counts.keep_flushing(),
            follow("step-up rules", services.identity.step_ups.refresh, asyncio.Event(), STEP_UP_SECONDS),
            follow("cut-offs", services.identity.cutoffs.refresh, wakes[CUTOFF_CHANNEL]),
            follow("ages", lambda: _tell_ages(services, now), asyncio.Event(), _AGE_SECONDS),
            REQUEST_TIMES.keep_telling(),
        ]
    if keeping:
        work.append(services.published.keep_in(_bundle_file(config)))
    async with in_background(*work):
        yield


async def _tell_ages(services: Services, now: Clock) -> None:
    """The metrics of what is remembered and served, which matter above all while something is wrong."""
    STATUS_AGE.set(now().timestamp() - services.statuses.as_of)
    LIST_AGE.set(services.published.tell_age())
    RECORD_BEHIND.set(len(services.published.watch.gaps))
    TRUST_LEFT.set(services.catalogue.snapshot.believed.trust.expires_at - now().timestamp())
    SET_ASIDE.set(services.spool.count_set_aside())  # last, for the disk may refuse it
