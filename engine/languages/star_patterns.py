"""Patterns with one `*`, as `paths`, `exports` and `imports` write them, and what they map to."""

from collections.abc import Iterable

Mapping = tuple[tuple[str, tuple[str, ...]], ...]


def mapped(name: str, mapping: Mapping) -> tuple[str, ...] | None:
    """The targets of `name`: of the entry that is equal to it, else of the longest prefix.

    Nothing when no entry matches, which is not the same as an entry without targets.
    """
    for pattern, targets in mapping:
        if pattern == name and "*" not in pattern:
            return targets
    best = max(_matching(name, mapping), key=lambda entry: entry[0].index("*"), default=None)
    if best is None:
        return None
    prefix, _, suffix = best[0].partition("*")
    matched = name[len(prefix) : len(name) - len(suffix)]
    return tuple(target.replace("*", matched) for target in best[1])


def _matching(name: str, mapping: Mapping) -> Iterable[tuple[str, tuple[str, ...]]]:
    for entry in mapping:
        prefix, star, suffix = entry[0].partition("*")
        fits = len(name) >= len(prefix) + len(suffix)
        if star and fits and name.startswith(prefix) and name.endswith(suffix):
            yield entry
