"""What a stranger relies on before any code runs: locks, links, and nothing of our machines in the files."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# In pieces, so that this file does not name what it looks for.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(host))
        for host in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("docker", "io"),
            ("quay", "io"),
            ("ghcr", "io"),
        )
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt)/\w")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30}|\bxox[abp]-\w{10}|\bsk-\w{20}"
    r"|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\."
    r"|postgres(?:ql)?://[^\s/:@]+:[^\s/:@{]+@"
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: there is no list of the project's own files")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("unwanted", [REGISTRIES, MACHINE_PATHS, SECRETS], ids=["registry", "machine path", "secret"])
def test_no_tracked_file_names(tracked: list[Path], unwanted: re.Pattern[str]) -> None:
    assert [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in tracked
        if (found := unwanted.search(path.read_bytes().decode(errors="replace")))
    ] == []


def test_the_patterns_see_what_they_look_for() -> None:
    assert REGISTRIES.search("https://" + "pypi" + ".org/simple")
    assert MACHINE_PATHS.search('"/' + 'home/someone/x"')
    assert SECRETS.search("postgresql://khoso:" + "hunter2@db/khoso")


def test_only_the_ci_script_looks_outside_the_checkout(tracked: list[Path]) -> None:
    outside = "../" + "shared"
    assert [path.name for path in tracked if outside.encode() in path.read_bytes()] == ["run"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_every_package_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    entries = text.replace("\\\n", " ").splitlines()
    pinned = re.compile(r"[a-z0-9-]+==[^\s;]+( ; [^\\]+?)?\s+(--hash=sha256:[0-9a-f]{64}\s*)+")
    assert entries
    assert [entry for entry in entries if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("runtime.txt", ()), ("demo.txt", ("embedded", "demo")), ("dev.txt", ("embedded", "demo", "dev"))],
)
def test_the_locks_satisfy_pyproject(lock: str, extras: tuple[str, ...]) -> None:
    locked = _locked_versions(ROOT / "requirements" / lock)
    missing = [
        str(one)
        for one in _declared(extras)
        if one.name != "khoso" and not one.specifier.contains(locked.get(one.name, "0"))
    ]
    assert missing == [], "run `make lock`"


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("src", ("demo",)), ("tests", ("embedded", "demo", "dev")), ("bench", ("embedded", "demo", "dev"))],
)
def test_what_is_imported_is_declared(tracked: list[Path], folder: str, extras: tuple[str, ...]) -> None:
    known = {*sys.stdlib_module_names, "khoso", "bench", *(path.stem for path in (ROOT / "tests").iterdir())}
    declared = {canonicalize_name(one.name) for one in _declared(extras)}
    providers = packages_distributions()
    modules = {
        module.partition(".")[0]
        for path in tracked
        if path.suffix == ".py" and path.is_relative_to(ROOT / folder)
        for module in _imports(ast.parse(path.read_text()))
    }
    assert len(modules) > 5
    assert [
        module
        for module in sorted(modules - known)
        if declared.isdisjoint(map(canonicalize_name, providers.get(module, [])))
    ] == []


def test_the_locks_agree_with_each_other() -> None:
    everything = _locked_versions(ROOT / "requirements/dev.txt")
    for lock in LOCKS:
        assert _locked_versions(lock).items() <= everything.items(), lock.name


def test_npm_locks_name_no_address_and_check_every_package(tracked: list[Path]) -> None:
    for lock in (path for path in tracked if path.name == "package-lock.json"):
        settings = (lock.parent / ".npmrc").read_text().splitlines()
        assert "omit-lockfile-registry-resolved=true" in settings, lock
        packages = json.loads(lock.read_text())["packages"]
        others = {name: one for name, one in packages.items() if "node_modules/" in name and not one.get("link")}
        assert [name for name, one in others.items() if "resolved" in one or "integrity" not in one] == [], lock


def test_the_documents_are_there_and_their_links_lead_somewhere(tracked: list[Path]) -> None:
    pages = [path for path in tracked if path.suffix == ".md"]
    expected = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "keys/README.md", "docs/operations.md")
    assert {ROOT / name for name in expected} <= set(pages)
    assert [f"{page.relative_to(ROOT)}: {link}" for page in pages for link in _dead_links(page)] == []


def test_the_wire_formats_need_only_cbor2_and_cryptography() -> None:
    allowed = {*sys.stdlib_module_names, "cbor2", "cryptography"}
    for path in (ROOT / "src/khoso/formats").rglob("*.py"):
        for module in _imports(ast.parse(path.read_text())):
            assert module.partition(".")[0] in allowed or f"{module}.".startswith("khoso.formats."), path


def _declared(extras: tuple[str, ...]) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    return list(map(Requirement, project["dependencies"] + [line for extra in extras for line in optional[extra]]))


def _locked_versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


def _dead_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        target = link.partition("#")[0]
        if target and "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
            yield link


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level != 1:  # one dot stays in the package, which has no others
            assert node.level == 0
            yield node.module or ""
