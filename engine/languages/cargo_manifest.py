"""What decides in a `Cargo.toml` on where the paths of Rust lead. Knows no files."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

_TABLES = ("dependencies", "dev-dependencies", "build-dependencies")


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another crate as this one calls it: its folder, or nothing when the workspace says it."""

    crate: str
    path: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The crate's name in code, its targets where they are not in the usual places, the others."""

    crate: str = ""
    library: str = "src/lib.rs"
    targets: tuple[str, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    workspace: tuple[Dependency, ...] = ()
    is_workspace: bool = False


@lru_cache(maxsize=256)
def parse_manifest(text: str) -> Manifest | None:
    """The manifest, or nothing when it is malformed."""
    try:
        written = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    package, library = _table(written, "package"), _table(written, "lib")
    workspace = written.get("workspace")
    name = _string(library, "name") or _string(package, "name")
    return Manifest(
        crate=_in_code(name),
        library=_string(library, "path") or "src/lib.rs",
        targets=tuple(_target_paths(written)),
        dependencies=tuple(_dependencies(written)),
        workspace=tuple(_listed(_table(_table(written, "workspace"), "dependencies"))),
        is_workspace=isinstance(workspace, dict),
    )


def _target_paths(written: Mapping[str, object]) -> Iterator[str]:
    for kind in ("bin", "test", "example", "bench"):
        listed = written.get(kind)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and (path := _string(each, "path")):
                yield path


def _dependencies(written: Mapping[str, object]) -> Iterator[Dependency]:
    for name in _TABLES:
        yield from _listed(_table(written, name))
    for target in _table(written, "target").values():
        if isinstance(target, dict):
            for name in _TABLES:
                yield from _listed(_table(target, name))


def _listed(table: Mapping[str, object]) -> Iterator[Dependency]:
    for name, each in table.items():
        if not isinstance(each, dict):
            continue
        if path := _string(each, "path"):
            yield Dependency(_in_code(name), path)
        elif each.get("workspace") is True:
            yield Dependency(_in_code(name), None)


def _table(around: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = around.get(name)
    return found if isinstance(found, dict) else {}


def _string(table: Mapping[str, object], name: str) -> str:
    found = table.get(name)
    return found if isinstance(found, str) else ""


def _in_code(name: str) -> str:
    return name.replace("-", "_")
