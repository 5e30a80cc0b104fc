"""What the engine relies on in every source."""

import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.sources import (
    CardRealm,
    Checkouts,
    FileGone,
    Folder,
    GitRepository,
    OpenApiCatalog,
    Source,
    SourceError,
    Unreadable,
    UrlRules,
    open_source,
)
from engine.sources.blob_reader import close_readers


def a_folder(root: Path) -> Source:
    return Folder(root, exclude=["*.tmp"])


def a_working_tree(root: Path) -> Source:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return a_folder(root)


def a_repository(root: Path) -> Source:
    source = a_working_tree(root)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", *author, "commit", "-q", "-m", "all"], cwd=root, check=True)
    checkouts = Checkouts(root=root.with_name("checkouts"), rules=UrlRules(("file",)))
    assert isinstance(source, Folder)
    return GitRepository(str(root), exclude=source.exclude, checkouts=checkouts)


def a_card_realm(root: Path) -> Source:
    (root / "drafts").mkdir()
    (root / "drafts/x.py").write_text("x")
    (root / "drafts/.boxelignore").write_text("*")
    return CardRealm(root, exclude=["*.tmp"])


def a_catalogue(root: Path) -> Source:
    (root / "b.yaml").write_text("swagger: '2.0'\ndefinitions: {A: {}, e\u0301: {}}\n")
    (root / "a.yaml").write_text("openapi: [")
    return OpenApiCatalog(root, cache=root / "cache")


FILES = (["a.py", "a/b.py", "b.py", "\xe9.py"], ["a\\nb"])
EXPECTED = {
    **dict.fromkeys(("cards", "folder", "git"), FILES),
    "openapi": (
        ["b.yaml/schemas/A.openapi-schema", "b.yaml/schemas/e%CC%81.openapi-schema"],
        ["a.yaml"],
    ),
}


@pytest.fixture(params=[a_folder, a_working_tree, a_repository, a_card_realm, a_catalogue])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    tmp_path = tmp_path / "tree"
    tmp_path.mkdir()
    for path in ("b.py", "a/b.py", "a.py", "e\u0301.py", "x.tmp", "a\nb"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    opener: Callable[[Path], Source] = request.param
    yield opener(tmp_path)
    close_readers()


def test_files_are_sorted_by_key_and_every_key_stands_once(source: Source) -> None:
    snapshot = source.snapshot()
    files = [file.key for file in snapshot.files]
    problems = [problem.key for problem in snapshot.problems]
    assert files == sorted(files)
    assert problems == sorted(problems)
    assert (files, problems) == EXPECTED[source.describe()["kind"]]
    assert len({*files, *problems}) == len(files) + len(problems)


def test_every_listed_file_can_be_read(source: Source) -> None:
    for key, stamp in source.snapshot().files:
        assert len(source.read(key, max_bytes=100)) == stamp.size


def test_two_snapshots_of_an_unchanged_source_are_equal_but_for_their_time(source: Source) -> None:
    first, second = source.snapshot(), source.snapshot()
    assert first.files == second.files
    assert first.problems == second.problems
    assert first.listed_at_ns < second.listed_at_ns


def test_files_are_settled_only_some_time_after_their_last_change(source: Source) -> None:
    snapshot = source.snapshot()
    stamp = snapshot.files[0].stamp
    assert not stamp.is_settled(stamp.ctime_ns)
    assert stamp.is_settled(stamp.ctime_ns + 10**9)


def test_a_copy_in_another_process_reads_the_same(source: Source) -> None:
    files = source.snapshot().files
    copy: Source = pickle.loads(pickle.dumps(source))
    assert [copy.read(file.key, max_bytes=100) for file in files] == [
        source.read(file.key, max_bytes=100) for file in files
    ]


def test_a_source_opened_from_its_description_is_the_same(source: Source) -> None:
    again = open_source(source.describe())
    if isinstance(again, GitRepository):
        # Where it is kept is a matter of the place where a job runs.
        again.checkouts = getattr(source, "checkouts", None)
    assert again.describe() == source.describe()
    assert again.snapshot().files == source.snapshot().files


def test_a_description_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SourceError, match="'moon'"):
        open_source({"kind": "moon"})


@pytest.mark.parametrize("key", ["../a.py", "/etc/passwd", "a/../b.py", "", ".", "a//b", "a\0b",
                                 ".git/config", "\ud800", "e\u0301.py"])  # fmt: skip
def test_what_is_no_key_is_not_read(source: Source, key: str) -> None:
    with pytest.raises(Unreadable, match="not a key"):
        source.read(key, max_bytes=100)


def test_a_key_that_nothing_has_is_gone(source: Source) -> None:
    for key in ("none", "a/none", "none/b", "a.py/b", "\xf6.py"):
        with pytest.raises(FileGone):
            source.read(key, max_bytes=100)
