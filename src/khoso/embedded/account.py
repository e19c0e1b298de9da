"""Which operating-system account runs PostgreSQL. It refuses to run as root, so root hands it to another account."""

import os
import pwd
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from khoso.embedded.errors import EmbeddedBaseUnusable, PostgresStartFailed

ACCOUNT_NAME = "khoso-postgres"

# Nothing of the launcher's environment is handed on: it may hold secrets, and PG* variables change behaviour.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """The identity programs are run with; all None means the account of this process."""

    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] | None = None

    def take(self, path: Path) -> None:
        """Make `path` belong to this account."""
        os.chown(path, -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid)

    def spawn(
        self,
        *command: str | Path,
        output: int | IO[bytes],
        keep_open: Sequence[int] = (),
        before_exec: Callable[[], None] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `command` in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        return subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_ENVIRONMENT,
            user=self.uid,
            group=self.gid,
            extra_groups=self.groups,
            pass_fds=keep_open,
            start_new_session=True,
            preexec_fn=before_exec,
        )

    def run(self, *command: str | Path, keep_open: Sequence[int] = ()) -> str:
        """Run `command` to its end and return what it wrote.

        Raises PostgresStartFailed when it cannot be executed or reports failure.
        """
        try:
            with self.spawn(*command, output=subprocess.PIPE, keep_open=keep_open) as process:
                output = process.communicate()[0].decode(errors="replace")
        except OSError as error:
            raise PostgresStartFailed(f"{command[0]}: {error.strerror}") from error
        if process.returncode != 0:
            raise PostgresStartFailed(f"{command[0]} failed: {output.strip()}")
        return output

    def can_enter(self, directory: Path) -> bool:
        """Whether this account may pass through `directory` and everything above it."""
        try:
            self.run("/bin/sh", "-c", 'cd -- "$0"', directory)
        except PostgresStartFailed:
            return False
        return True


def choose_account(data: Path) -> Account:
    """The account that owns the data directory, or the one that will: this one, `khoso-postgres`, or `nobody`.

    Raises EmbeddedBaseUnusable when root finds no unprivileged account to hand over to.
    """
    if os.geteuid() != 0:
        return Account()
    if not data.exists():
        return _unprivileged_account()
    owner = data.stat()
    if owner.st_uid == 0:
        raise EmbeddedBaseUnusable(f"{data} belongs to root, as which PostgreSQL refuses to run")
    return Account(owner.st_uid, owner.st_gid, ())


def _unprivileged_account() -> Account:
    entry = _entry(ACCOUNT_NAME) or _create_entry() or _entry("nobody")
    if entry is None:
        raise EmbeddedBaseUnusable(f"root needs an account {ACCOUNT_NAME} or nobody to run PostgreSQL")
    return Account(entry.pw_uid, entry.pw_gid, ())


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create_entry() -> pwd.struct_passwd | None:
    """Small containers have no useradd, or a read-only account file: the caller then falls back."""
    options = ("--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
    try:
        subprocess.run(["useradd", *options, ACCOUNT_NAME], check=True, capture_output=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return _entry(ACCOUNT_NAME)
