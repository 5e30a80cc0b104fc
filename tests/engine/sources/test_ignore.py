"""Which paths are ignored is whatever git says; git itself is the oracle."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.sources.ignore import IgnoreRules
from engine.sources.walk import walk
from engine.sources.wildmatch import regex_of

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")

NAMES = st.sampled_from(
    ["a", "b", "c", "ab", "abc", "a.c", "a.o", "b.o", "doc", "build", "#x", "!y", "a b", "é", "b ",
     "[a]", "a]", "a-c", "-", "^", "a\\b", "ö.o", "x1", "\t"]
)  # fmt: skip

PARTS = st.one_of(
    NAMES,
    st.sampled_from(["*", "**", "?", "a*", "*.o", "a**", "**b", "***", "*a*b*", "??", "a?c"]),
    st.sampled_from(["[ab]", "[!a]", "[^a]*", "[a-c]", "[c-a]", "[]a]", "[a", "[]-a]"]),
    st.sampled_from(["[[:digit:]]"]),
    st.sampled_from(["x[[:digit:]]", "[[:nope:]]", "[[:alpha:]", "[a-]", "[\\]]", "\\a", "\\*"]),
    st.sampled_from(["a\\", "\\#x", "\\!y", "a\\ ", "é*", "[!-~]", "[--0]", "[a\\-c]", "[[a]"]),
    st.text(alphabet="ab*?[]!^-\\.", min_size=1, max_size=5),
)  # fmt: skip

PATTERNS = st.builds(
    lambda negation, head, parts, tail: f"{negation}{head}{'/'.join(parts)}{tail}",
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", " ", "  ", "/*", "\r"]),
)
LINES = st.lists(st.one_of(PATTERNS, st.sampled_from(["", "#", "!", "/", "*", "//"])), max_size=5)
FOLDERS = st.lists(NAMES, max_size=3).map("/".join)
TREES = st.tuples(
    st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=12),
    st.dictionaries(FOLDERS, LINES, min_size=1, max_size=3),
)


def plant(root: Path, files: set[str], ignores: dict[str, list[str]]) -> None:
    for folder, lines in ignores.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".gitignore").write_bytes("\n".join(lines).encode())
    for file in sorted(files):
        path = root / file
        if any(parent.is_file() for parent in path.parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed_by_git(root: Path) -> set[str]:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=root, env=environment, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=root, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    return set(os.fsdecode(listed.stdout).split("\0")[:-1])


def check_against_git(files: set[str], ignores: dict[str, list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder), files, ignores)
        walked = {path for path, _ in walk(folder).files}
        assert walked == listed_by_git(Path(folder))


@needs_git
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_a_walk_finds_what_git_finds(tree: tuple[set[str], dict[str, list[str]]]) -> None:
    check_against_git(*tree)


@pytest.mark.long
@needs_git
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_a_walk_finds_what_git_finds_in_many_trees(
    tree: tuple[set[str], dict[str, list[str]]],
) -> None:
    check_against_git(*tree)


@needs_git
@settings(max_examples=80, deadline=None)
@given(st.lists(PATTERNS, max_size=40))
def test_all_names_of_a_flat_folder_get_the_verdict_of_git(lines: list[str]) -> None:
    names = {"a", "b", "c", "ab", "abc", "acb", "a.c", "a.o", "#x", "!y", "a b", "é", "b ", "[a]"}
    check_against_git(names | {f"doc/{name}" for name in names}, {"": lines})


ODDITIES = [
    (["a**/b"], {"ab", "ax/b", "ax/y/b", "a/b"}),
    (["/a[+-9]b", "c[^x]d"], {"a/b", "a.b", "c/d", "cyd"}),
    (["*.o\t", "*.c \t"], {"a.o", "a.o\t", "a.c", "a.c \t"}),
    (["*.o", "!a*", "ab*"], {"a.o", "ab.o", "b.o", "abc"}),
    (["?", "x??"], {"é", "e", "xé", "xee"}),
    (["\ufeffa", "b"], {"a", "b", "\ufeffa"}),
    (["a/**/b", "**/c/d", "e/**"], {"a/b", "a/x/b", "a/x/y/b", "c/d", "x/c/d", "e/f/g", "e2"}),
    (["[[:alpha:]-x]", "[a-c-e]", "[]-]y"], {"-", "b", "d", "]y", "-y", "1"}),
    (["x\\", "y\\ ", "z\\\\ "], {"x", "x\\", "y ", "y", "z\\", "z\\ "}),
    (["*/", "!keep/"], {"a", "b/c", "keep/a", "keep/b/c"}),
]


@needs_git
@pytest.mark.parametrize(("lines", "files"), ODDITIES)
def test_oddities_of_git_are_kept(lines: list[str], files: set[str]) -> None:
    check_against_git(files, {"": lines})


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/a/" * 40 + "b", "/" + "*a*/" * 20 + "b"])
def test_a_hostile_pattern_takes_no_exponential_time(pattern: str) -> None:
    rules = IgnoreRules([pattern])
    assert rules.verdict("a/" * 500 + "a" * 250, "a" * 250, is_folder=False) is None


def test_a_pattern_that_git_holds_malformed_matches_nothing() -> None:
    assert [regex_of(pattern) for pattern in ("[a", "*\\", "[[:nope:]]")] == [None, None, None]
