"""The direction of imports: engine -> prewarm -> resolver, each entered by its door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "resolver": {"resolver"},
    "prewarm": {"prewarm", "resolver"},
    "engine": {"engine", "prewarm", "resolver"},
}
OURS = set(ALLOWED)
IO_MODULES = {"anyio", "asyncio", "asyncpg", "httpx", "os", "socket", "subprocess", "aiofiles"}


def _imports(package: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                yield path, node.module or ""


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_itself_and_those_below(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in _imports(package)
        if name.split(".")[0] in OURS - ALLOWED[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_another_package_is_entered_by_its_door(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in _imports(package)
        if name.split(".")[0] in OURS - {package} and "." in name
    ]
    assert wrong == []


def test_the_resolver_does_no_input_or_output() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in _imports("resolver")
        if name.split(".")[0] in IO_MODULES
    ]
    assert wrong == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in OURS
        for path in (ROOT / package).rglob("*.py")
        if any(word in path.read_text("utf-8") for word in ("os.environ", "getenv("))
    }
    assert readers == {"engine/settings.py"} | PASS_IT_ON


# A child process gets the environment from these, cleaned; no setting is read from it.
PASS_IT_ON = {
    "engine/index/embedded/spawn.py",
    "engine/sources/git.py",
    "engine/sources/git_environment.py",
}


@pytest.mark.parametrize("leaf", ["engine/cli", "engine/web"])
def test_nothing_imports_a_leaf(leaf: str) -> None:
    name = leaf.replace("/", ".")
    wrong = [
        str(path.relative_to(ROOT))
        for path, imported in _imports("engine")
        if imported.startswith(name) and leaf not in path.as_posix()
    ]
    # Two commands serve, over HTTP and to one agent: they know the door and no more.
    serving = {"engine/cli/serve.py", "engine/cli/mcp.py"} if leaf == "engine/web" else set()
    assert sorted(set(wrong) - serving) == []
