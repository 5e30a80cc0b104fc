"""Are the dependencies that we read from source those that each language's own tool sees?

    python -m benchmarks.language_edges --python TREE --go TREE --c TREE --c-include FOLDER \
        --java TREE --script TREE --typescript node_modules/typescript

An edge is a pair of files of the tree. Precision is the share of our edges that the tool
has too, recall the share of the tool's that we have. Each option may be given several times;
`edge_oracles.py` says what each tool is asked, and what it counts as an edge.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.edge_oracles import (
    gcc_edges,
    go_edges,
    jdeps_edges,
    python_edges,
    typescript_edges,
)
from benchmarks.edge_trees import Edges, FilesOnDisk, our_edges
from benchmarks.results import Panel, Result, Row, add_options, publish, question

MOST_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one tool and we say of one tree; a difference is a target and how often it is one."""

    language: str
    oracle: str
    tree: str
    files: int
    ours: int
    theirs: int
    both: int
    differences: tuple[tuple[str, int], ...]

    @property
    def precision(self) -> float:
        return self.both / self.ours if self.ours else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.theirs if self.theirs else 1.0


def compared(language: str, oracle: str, tree: Path, ours: Edges, theirs: Edges) -> Comparison:
    """Of files that the tool did not read nothing can be said: they count for neither."""
    seen = {(one, other) for one, other in ours.pairs if one in theirs.read}
    missed = Counter(f"missed: {other}" for _, other in theirs.pairs - seen)
    extra = Counter(f"only ours: {other}" for _, other in seen - theirs.pairs)
    return Comparison(
        language=language,
        oracle=oracle,
        tree=tree.name,
        files=len(theirs.read),
        ours=len(seen),
        theirs=len(theirs.pairs),
        both=len(seen & theirs.pairs),
        differences=tuple((missed + extra).most_common(MOST_DIFFERENCES)),
    )


def compare_python(tree: Path) -> Comparison:
    ours = our_edges(FilesOnDisk(tree), (".py",))
    return compared("Python", "ast, importlib", tree, ours, python_edges(tree))


def compare_script(tree: Path, *, typescript: Path) -> Comparison:
    suffixes = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
    ours = our_edges(FilesOnDisk(tree), suffixes)
    theirs = typescript_edges(tree, sorted(ours.read), typescript=typescript)
    return compared("TypeScript, JavaScript", "typescript", tree, ours, theirs)


def compare_go(tree: Path, *, go: str) -> Comparison:
    """The tool knows what a package imports, and not which of its files does."""
    theirs, packages = go_edges(tree, go=go)
    ours = our_edges(FilesOnDisk(tree), (".go",))
    pairs = {(packages[one], other) for one, other in ours.pairs if one in packages}
    return compared("Go", "go list", tree, Edges(frozenset(pairs), theirs.read), theirs)


def compare_c(tree: Path, *, include: tuple[str, ...]) -> Comparison:
    """The tool knows what a source reads in the end, and not which header asked for it."""
    ours = our_edges(FilesOnDisk(tree), (".c", ".h", ".cc", ".cpp", ".hpp"))
    theirs = gcc_edges(tree, include=include)
    return compared("C, C++", "gcc -MM", tree, ours.closed(theirs.read), theirs)


def compare_java(tree: Path) -> Comparison:
    ours = our_edges(FilesOnDisk(tree), (".java",))
    return compared("Java", "javac, jdeps", tree, ours, jdeps_edges(tree))


def result(found: Sequence[Comparison]) -> Result:
    rows: list[Row] = [
        {
            "language": each.language,
            "tree": each.tree,
            "oracle": each.oracle,
            "files": each.files,
            "ours": each.ours,
            "theirs": each.theirs,
            "both": each.both,
            "precision": each.precision,
            "recall": each.recall,
        }
        for each in found
    ]
    shares: list[Row] = [
        {"tree": row["tree"], "share": share, "part": row[share]}
        for row in rows
        for share in ("precision", "recall")
    ]
    return Result(
        name="language_edges",
        question=question(__doc__),
        rows=rows,
        panels=(
            Panel(
                title="share of edges", rows=shares, x="tree", y="part", series="share", kind="bars"
            ),
        ),
        notes=[
            f"{each.language}, {each.tree}, the most frequent differences: {_told(each)}."
            for each in found
            if each.differences
        ],
    )


def _told(each: Comparison) -> str:
    return "; ".join(f"{difference} ({times})" for difference, times in each.differences)


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=question(__doc__))
    for name in ("python", "script", "go", "c", "java"):
        parser.add_argument(f"--{name}", type=Path, action="append", default=[], metavar="TREE")
    parser.add_argument("--c-include", action="append", default=[], help="a folder below the tree")
    parser.add_argument("--go-command", default="go")
    parser.add_argument("--typescript", type=Path, help="the folder of the npm package")
    add_options(parser)
    found = parser.parse_args()
    if found.script and not found.typescript:
        parser.error("--script needs --typescript")
    return found


def main() -> None:
    asked = parsed_arguments()
    include = tuple(asked.c_include)
    kinds: list[tuple[list[Path], Callable[[Path], Comparison]]] = [
        (asked.python, compare_python),
        (asked.script, lambda tree: compare_script(tree, typescript=asked.typescript)),
        (asked.go, lambda tree: compare_go(tree, go=asked.go_command)),
        (asked.c, lambda tree: compare_c(tree, include=include)),
        (asked.java, compare_java),
    ]
    found = [compare(tree.resolve()) for trees, compare in kinds for tree in trees]
    publish(result(found), asked)


if __name__ == "__main__":
    main()
