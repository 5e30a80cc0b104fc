"""The `paths` and `baseUrl` that hold for a file, from `tsconfig.json` or `jsconfig.json`."""

from dataclasses import dataclass
from functools import lru_cache

from engine.languages.jsonc import parse_object, strings
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined
from engine.languages.star_patterns import Mapping, mapped

_NAMES = ("tsconfig.json", "jsconfig.json")
_DEEPEST_EXTENDS = 16
_CONFIG_FOLDER = "${configDir}"


@dataclass(frozen=True, slots=True)
class PathMapping:
    """Where names that are not relative may lead.

    `base_url` is a folder, or nothing when none is set; `folder` is the one that the
    targets of `paths` start from when none is set.
    """

    folder: str = ""
    base_url: str | None = None
    paths: Mapping = ()

    def candidates(self, specifier: str) -> tuple[str, ...]:
        """The keys that `specifier` may mean, still without their suffix, the best first.

        A pattern that matches decides alone, whether its targets exist or not.
        """
        start = self.folder if self.base_url is None else self.base_url
        targets = mapped(specifier, self.paths)
        if targets is None:
            start, targets = self.base_url or "", (specifier,) * (self.base_url is not None)
        return tuple(key for target in targets if (key := _from(start, target)) is not None)


def path_mapping(folder: str, tree: ProbedTree) -> PathMapping:
    """The mapping of the nearest configuration around `folder`; a malformed one is passed over."""
    for around in ancestors(folder):
        for name in _NAMES:
            found = _load(joined(around, name) or name, tree, around, {})
            if found is not None:
                return found
    return PathMapping()


@dataclass(frozen=True, slots=True)
class _Written:
    """What one configuration file itself says."""

    extends: tuple[str, ...]
    base_url: str | None
    paths: Mapping | None


@lru_cache(maxsize=64)
def _parse(text: str) -> _Written | None:
    config = parse_object(text)
    if config is None:
        return None
    options = config.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    base_url, paths = options.get("baseUrl"), options.get("paths")
    return _Written(
        extends=strings(config.get("extends")),
        base_url=base_url if isinstance(base_url, str) else None,
        paths=tuple((k, strings(v)) for k, v in paths.items()) if isinstance(paths, dict) else None,
    )


def _load(
    key: str, tree: ProbedTree, leaf: str, loaded: dict[str, PathMapping]
) -> PathMapping | None:
    """The mapping of `key` over those it extends; `leaf` is the folder of the first in the chain.

    `loaded` holds an empty mapping for those under way, which ends a cycle.
    """
    text = tree.read(key)
    written = None if text is None else _parse(text)
    if written is None:
        return None
    loaded[key] = found = PathMapping()
    for specifier in written.extends:
        extended = _extended(specifier, folder_of(key), tree)
        if extended is not None and extended not in loaded and len(loaded) < _DEEPEST_EXTENDS:
            _load(extended, tree, leaf, loaded)
        found = _over(loaded.get(extended or ""), found)
    loaded[key] = _own(written, found, folder_of(key), leaf)
    return loaded[key]


def _extended(specifier: str, folder: str, tree: ProbedTree) -> str | None:
    """The key of the configuration that `extends` names; packages are outside of the realm."""
    if not specifier.startswith("."):
        return None
    key = joined(folder, specifier)
    if key is None or key.endswith(".json") or key in tree:
        return key
    return f"{key}.json"


def _over(upper: PathMapping | None, lower: PathMapping) -> PathMapping:
    if upper is None:
        return lower
    base_url = lower.base_url if upper.base_url is None else upper.base_url
    paths = upper if upper.paths else lower
    return PathMapping(paths.folder, base_url, paths.paths)


def _own(written: _Written, inherited: PathMapping, folder: str, leaf: str) -> PathMapping:
    base_url = inherited.base_url
    if written.base_url is not None:
        base_url = _from(folder, _expanded(written.base_url, leaf))
    if written.paths is None:
        return PathMapping(inherited.folder, base_url, inherited.paths)
    paths = tuple(
        (pattern, tuple(_expanded(target, leaf) for target in targets))
        for pattern, targets in written.paths
    )
    return PathMapping(folder, base_url, paths)


def _expanded(path: str, leaf: str) -> str:
    """`path` with the template for the first configuration's folder as a path from the realm."""
    template = path.startswith(_CONFIG_FOLDER)
    return f"/{leaf}{path.removeprefix(_CONFIG_FOLDER)}" if template else path


def _from(folder: str, path: str) -> str | None:
    return joined("" if path.startswith("/") else folder, path)
