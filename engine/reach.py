"""Who reads a file, directly or through others, by recorded edges. Pure: no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set


def readers_of(edges: Mapping[str, Iterable[str]], seeds: Set[str]) -> dict[str, str]:
    """All others that read a seed, directly or through others, each with what it read.

    That is one step nearer to a seed, and of several the first by code point: so who follows
    what each read comes to a seed on a shortest way. A graph that can also be planned takes
    four times as long to build.
    """
    readers: defaultdict[str, list[str]] = defaultdict(list)
    for key, read in edges.items():
        for each in read:
            readers[each].append(key)
    found: dict[str, str] = {}
    frontier = sorted(seeds)
    while frontier:
        next_frontier: list[str] = []
        for read in frontier:
            for key in readers.get(read, ()):
                if key not in found and key not in seeds:
                    found[key] = read
                    next_frontier.append(key)
        frontier = sorted(next_frontier)
    return found
