"""Graphs to schedule: made ones, and one that was recorded of Django. Knows no visit."""

import gzip
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks.edge_trees import FilesOnDisk, our_edges

RECORDED: Final = Path(__file__).parent / "recorded_graphs"

Graph = dict[str, list[str]]


def chain(size: int) -> Graph:
    """Each on the one before: nothing can be gained."""
    return {_name(at): [_name(at - 1)] if at else [] for at in range(size)}


def star(size: int) -> Graph:
    """All on one: everything can be gained but that one."""
    return {_name(at): [_name(0)] if at else [] for at in range(size)}


def diamonds(size: int) -> Graph:
    """A ladder: four on one, one on those four, and so on."""
    graph: Graph = {}
    for at in range(size):
        rung, place = divmod(at, 5)
        first = _name(rung * 5)
        below = [_name(rung * 5 - each) for each in range(1, 5)] if rung else []
        graph[_name(at)] = [first] if place else below
    return graph


def power_law(size: int) -> Graph:
    """A few that most need, as in real code: each needs up to three, early ones most likely."""
    chance = random.Random(size)
    return {
        _name(at): sorted({_name(int(at * chance.random() ** 4)) for _ in range(min(at, 3))})
        for at in range(size)
    }


MADE: Final[Mapping[str, Callable[[int], Graph]]] = {
    "chain": chain,
    "star": star,
    "diamonds": diamonds,
    "power law": power_law,
}


def _name(at: int) -> str:
    return f"file{at:06}"


def recorded(name: str) -> Graph:
    rows: list[list[int]] = json.loads(gzip.decompress((RECORDED / f"{name}.json.gz").read_bytes()))
    return {_name(at): [_name(below) for below in row] for at, row in enumerate(rows)}


def record(name: str, tree: Path, under: str) -> Graph:
    """Keep what the Python files `under` a folder of the tree read of each other, by number."""
    edges = our_edges(FilesOnDisk(tree), (".py",))
    keys = sorted(key for key in edges.read if key.startswith(under))
    number = {key: at for at, key in enumerate(keys)}
    rows: list[list[int]] = [[] for _ in number]
    for reader, read in sorted(edges.pairs):
        if reader != read and reader in number and read in number:
            rows[number[reader]].append(number[read])
    RECORDED.mkdir(exist_ok=True)
    packed = gzip.compress(json.dumps(rows, separators=(",", ":")).encode(), mtime=0)
    (RECORDED / f"{name}.json.gz").write_bytes(packed)
    return recorded(name)
