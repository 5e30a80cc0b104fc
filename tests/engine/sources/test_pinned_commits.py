"""A commit that somebody else has listed, fetched into a repository of one's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from git_server import GitServer, Upstream, git, git_server

from engine.errors import ExecutorFailed
from engine.outposts.mirrors import Mirrors
from engine.sources import Checkouts, GitRepository, SourceError, SourceMissing, UrlRules
from engine.sources.blob_reader import close_reader
from engine.sources.bringing import pinned
from engine.sources.eviction import tidy
from engine.sources.git_credentials import TokenFromEnvironment
from engine.sources.git_tree import GitTree

TOKEN = "ghs_0123456789abcdefSECRET"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as server:
        yield server


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "served" / "r")
    upstream.commit({"a.py": "x = 1\n", "b.py": "y = 2\n"})
    return upstream


def place(tmp_path: Path, name: str, **bounds: int) -> Checkouts:
    return Checkouts(root=tmp_path / name / "checkouts", **bounds)


async def listed(repository: GitRepository, checkouts: Checkouts) -> GitTree:
    """As a process has it to which the pass has sent it."""
    async with repository.brought(checkouts, lambda _: None) as tree:
        return tree


def fetches(server: GitServer) -> int:
    count = sum(request.startswith("POST") for request in server.requests)
    server.requests.clear()
    return count


async def test_a_commit_is_fetched_once_and_another_one_beside_it(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    repository, ours = GitRepository(server.url("r")), place(tmp_path, "ours")
    first = git(upstream.folder, "rev-parse", "HEAD")
    second = upstream.commit({"a.py": "x = 3\n"})
    for commit, asked in ((first, True), (second, True), (first, False), (second, False)):
        async with pinned(repository, commit, ours, lambda _: None) as folder:
            assert git(folder, "show", f"{commit}:b.py") == "y = 2"
        assert bool(fetches(server)) is asked
    assert len([path for path in ours.root.iterdir() if path.is_dir()]) == 1
    assert "url" not in (folder / "config").read_text()


async def test_a_commit_that_the_branch_has_left_is_fetched_by_its_name(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    left = git(upstream.folder, "rev-parse", "HEAD")
    git(upstream.folder, "checkout", "-q", "--orphan", "new")
    upstream.commit({"c.py": "z = 1\n"})
    git(upstream.folder, "branch", "-q", "-M", "main")
    async with pinned(
        GitRepository(server.url("r")), left, place(tmp_path, "ours"), lambda _: None
    ) as folder:
        assert git(folder, "ls-tree", "--name-only", left) == "a.py\nb.py"


async def test_a_commit_that_is_nowhere_is_an_error_of_the_source(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    ours = place(tmp_path, "ours")
    with pytest.raises(SourceError, match=f"no longer gives {'1' * 40}"):
        async with pinned(GitRepository(server.url("r")), "1" * 40, ours, lambda _: None):
            pass


async def test_what_is_read_is_not_evicted_and_what_is_not_read_is(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    ours = place(tmp_path, "ours", max_age_seconds=0)
    commit = git(upstream.folder, "rev-parse", "HEAD")
    async with pinned(GitRepository(server.url("r")), commit, ours, lambda _: None) as folder:
        assert tidy(ours) == []
        assert folder.exists()
    assert tidy(ours) == [folder.name]


async def test_files_are_read_where_the_pass_has_them_or_from_a_mirror(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    """The mirror stays while somebody reads it, and is fetched anew where it is damaged."""
    theirs, ours = place(tmp_path, "theirs"), place(tmp_path, "ours", max_age_seconds=0)
    tree = await listed(GitRepository(server.url("r")), theirs)
    mirrors = Mirrors(ours)
    assert (await mirrors.seen(tree)).read("a.py", max_bytes=99) == b"x = 1\n"
    assert not ours.root.exists()

    shutil.rmtree(theirs.root)
    fetches(server)
    mirrored = await mirrors.seen(tree)
    assert isinstance(mirrored, GitTree)
    assert mirrored.read("a.py", max_bytes=99) == b"x = 1\n"
    assert fetches(server) > 0
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(mirrors.seen, tree)
    assert fetches(server) == 0

    await mirrors.close_idle(but={mirrored.folder}, idle_seconds=0)
    assert tidy(ours) == []
    close_reader(mirrored.folder)
    shutil.rmtree(Path(mirrored.folder) / "objects")
    with pytest.raises(SourceError, match="damaged"):
        mirrored.read("a.py", max_bytes=99)
    again = await mirrors.seen(tree)
    assert again.read("b.py", max_bytes=99) == b"y = 2\n"
    await mirrors.close_idle(but=(), idle_seconds=0)
    assert len(tidy(ours)) == 1


async def test_a_mirror_shows_the_token_of_its_own_environment_or_names_what_is_missing(
    server: GitServer, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = TOKEN
    monkeypatch.setenv("TOKEN_OF_THE_WORKER", TOKEN)
    repository = GitRepository(
        server.url("r"), credentials=TokenFromEnvironment("TOKEN_OF_THE_WORKER")
    )
    theirs = place(tmp_path, "theirs")
    tree = await listed(repository, theirs)
    shutil.rmtree(theirs.root)
    assert TOKEN not in str(tree.__getstate__())
    mirrored = await Mirrors(place(tmp_path, "ours")).seen(tree)
    assert mirrored.read("a.py", max_bytes=99) == b"x = 1\n"
    monkeypatch.delenv("TOKEN_OF_THE_WORKER")
    with pytest.raises(ExecutorFailed, match="TOKEN_OF_THE_WORKER is not set") as refused:
        await Mirrors(place(tmp_path, "other")).seen(tree)
    assert TOKEN not in str(refused.value)


async def test_a_mirror_obeys_the_rules_of_its_own_host(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    commit = git(upstream.folder, "rev-parse", "HEAD")
    strict = Checkouts(root=tmp_path / "strict", rules=UrlRules(hosts=("git.example",)))
    with pytest.raises(SourceMissing):
        async with pinned(GitRepository(server.url("r")), commit, strict, lambda _: None):
            pass
    assert server.requests == []
