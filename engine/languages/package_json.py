"""What a `package.json` says about where the modules of its package are."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.languages.jsonc import parse_object, strings
from engine.languages.star_patterns import Mapping, mapped

_MOST_TARGETS = 32
_MOST_WORKSPACES = 32

# Those of Node, TypeScript and the bundlers.
_USUAL = frozenset(
    (
        *("types", "import", "require", "default"),
        *("node", "node-addons", "module", "module-sync", "browser"),
    )
)


@dataclass(frozen=True, slots=True)
class Package:
    """A package; paths are relative to its folder, the best first.

    `types` and `entries` stand for the package itself, for readers with and without
    types. `exports` is nothing when every file of the package can be imported.
    """

    name: str
    types: tuple[str, ...]
    entries: tuple[str, ...]
    exports: Mapping | None
    imports: Mapping
    workspaces: tuple[str, ...]

    def main(self, *, typed: bool) -> tuple[str, ...]:
        return self.types + self.entries if typed else self.entries + self.types

    def module(self, subpath: str, *, typed: bool) -> tuple[str, ...]:
        """The paths that `./x`, or `.` for the package, may mean to a reader that names it."""
        if self.exports is not None:
            return mapped(subpath, self.exports) or ()
        return self.main(typed=typed) if subpath == "." else (subpath,)

    def imported(self, specifier: str) -> tuple[str, ...]:
        """The paths that `#x` may mean to the package's own files."""
        return mapped(specifier, self.imports) or ()

    def members(self, name: str) -> tuple[str, ...]:
        """The folders where workspaces keep a package of this name by custom.

        Without a listing a `packages/*` can't be walked, so `@a/b` is looked for in the
        folders `b`, `a-b` and `@a/b`, and in the workspaces that are written out.
        """
        scope, _, plain = name.removeprefix("@").rpartition("/")
        customs = (plain, f"{scope}-{plain}", name) if scope else (plain,)
        return tuple(dict.fromkeys(_places(self.workspaces, customs)))


@lru_cache(maxsize=256)
def parse_package(text: str) -> Package | None:
    """The package that `text` describes, or nothing when it is malformed."""
    manifest = parse_object(text)
    if manifest is None:
        return None
    name, workspaces = manifest.get("name"), manifest.get("workspaces")
    if isinstance(workspaces, dict):
        workspaces = workspaces.get("packages")
    return Package(
        name=name if isinstance(name, str) else "",
        types=_named(manifest, "types", "typings"),
        entries=_named(manifest, "module", "main", "source"),
        exports=_exports(manifest.get("exports")),
        imports=_mapping(manifest.get("imports"), "#"),
        workspaces=strings(workspaces)[:_MOST_WORKSPACES],
    )


def _named(manifest: dict[str, object], *names: str) -> tuple[str, ...]:
    return tuple(value for name in names for value in strings(manifest.get(name)) if value)


def _exports(value: object) -> Mapping | None:
    if value is None:
        return None
    if isinstance(value, dict) and any(key.startswith(".") for key in value):
        return _mapping(value, ".")
    return ((".", _targets(value)),)


def _mapping(value: object, start: str) -> Mapping:
    if not isinstance(value, dict):
        return ()
    return tuple((key, _targets(v)) for key, v in value.items() if key.startswith(start))


def _targets(value: object) -> tuple[str, ...]:
    """All paths under the conditions of `value`, in their order; usual conditions first.

    Node takes the first condition that holds. Which hold is up to whoever runs the
    package, and built files are often missing, so the first that exists is as good. A
    condition of somebody's own holds only for whoever asks for it.
    """
    found: list[tuple[bool, str]] = []
    waiting: list[tuple[bool, object]] = [(False, value)]
    while waiting and len(found) < _MOST_TARGETS:
        match waiting.pop():
            case own, str(path):
                found.append((own, path))
            case own, dict(conditions):
                each = [(own or not _is_usual(key), v) for key, v in conditions.items()]
                waiting.extend(reversed(each))
            case own, list(choices):
                waiting.extend((own, choice) for choice in reversed(choices))
    usual_first = sorted(found, key=lambda target: target[0])
    return tuple(path for _, path in usual_first if path.startswith("./"))


def _is_usual(condition: str) -> bool:
    return condition.partition("@")[0] in _USUAL


def _places(workspaces: tuple[str, ...], customs: tuple[str, ...]) -> Iterator[str]:
    for workspace in workspaces:
        prefix, star, _ = workspace.partition("*")
        if not star:
            yield prefix
        elif prefix == "" or prefix.endswith("/"):
            yield from (prefix + custom for custom in customs)
