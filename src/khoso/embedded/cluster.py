"""The data directory: made whole or not at all, and freed of what a killed PostgreSQL left in it."""

import shutil
from pathlib import Path

from khoso.embedded.account import Account
from khoso.embedded.errors import EmbeddedBaseInUse, EmbeddedBaseUnusable, PostgresVersionMismatch
from khoso.embedded.passfile import sync_directory, write_passfile

SUPERUSER = "postgres"


def create_cluster(data: Path, passfile: Path, bindir: Path, version: int, account: Account, lock: int) -> None:
    """Make the data directory with a superuser whose password is kept in `passfile`.

    Killed at any moment, it leaves no `data`, and the next call starts afresh: initdb holds `lock` while it runs.
    Raises PostgresStartFailed.
    """
    work = data.with_name(data.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    password = work / "password"
    password.touch(mode=0o600)
    password.write_text(write_passfile(passfile, SUPERUSER))
    account.take(password)
    account.take(work)
    account.run(
        *(bindir / "initdb", "--pgdata", work / "data", "--username", SUPERUSER, "--pwfile", password),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", *_locale_options(version)),
        keep_open=(lock,),
    )
    (work / "data").rename(data)
    sync_directory(data.parent)
    shutil.rmtree(work)


def _locale_options(version: int) -> tuple[str, ...]:
    """The same order of texts on every machine: by code point."""
    if version >= 17:
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    return ("--locale=C.UTF-8",)


def check_cluster(data: Path, passfile: Path, version: int) -> None:
    """Raises PostgresVersionMismatch, or EmbeddedBaseUnusable when something that belongs together is missing."""
    for part in (data / "PG_VERSION", passfile):
        if not part.is_file():
            raise EmbeddedBaseUnusable(f"{part} is missing")
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(version):
        raise PostgresVersionMismatch(
            f"{data} belongs to PostgreSQL {found}, the programs are version {version}: "
            "use those of the former, or dump there and restore into a new directory"
        )


def remove_stale_pid_file(data: Path) -> None:
    """Drop the pid file of a killed PostgreSQL: its number may be another process's by now, which blocks the start.

    To be called under the lock every PostgreSQL of ours holds. Raises EmbeddedBaseInUse for one started by hand.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = pid_file.read_text().partition("\n")[0].strip()
    try:
        started_by_hand = Path("/proc", pid, "cwd").readlink() == data
    except OSError:
        # No such process, or not ours. Should it be one all the same (there is no /proc on macOS), PostgreSQL itself
        # refuses to attach to shared memory that is in use.
        started_by_hand = False
    if started_by_hand:
        raise EmbeddedBaseInUse(f"{data} is in use by PostgreSQL process {pid}, which was not started by this program")
    pid_file.unlink()
