"""Repositories brought from a real server: once, again, anew, and not at all."""

import os
import pickle
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from git_server import GitServer, Upstream, git, git_server

from engine.sources import (
    Checkouts,
    FileGone,
    FileTooLarge,
    Folder,
    GitRepository,
    SourceError,
    SourceMissing,
    UrlRules,
)
from engine.sources.checkout import ensure_checkout
from engine.sources.checkouts import Kept, to_evict
from engine.sources.eviction import tidy

PROGRAM = Path(__file__).with_name("checkout_process.py")
FILES: dict[str, str | bytes | None] = {"a.py": "x = 1\n", "b/c.py": "y = 2\r\n", "e\u0301.md": "z"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served") as server:
        yield server


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "served" / "r")
    upstream.commit(FILES)
    return upstream


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(root=tmp_path / "home" / "checkouts")


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What git was called with since the last call: the program in PATH writes it down."""
    real, log = shutil.which("git"), tmp_path / "calls"
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o700)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")

    def calls() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return calls


async def brought(
    repository: GitRepository, checkouts: Checkouts, said: list[str] | None = None
) -> tuple[str, dict[str, bytes]]:
    """The commit and the contents of all files."""
    hear = said.append if said is not None else (lambda _: None)
    async with repository.brought(checkouts, hear) as tree:
        snapshot = tree.snapshot()
        contents = {file.key: tree.read(file.key, max_bytes=1000) for file in snapshot.files}
    return snapshot.revision, contents


def names(checkouts: Checkouts) -> list[str]:
    """Folders; the locks beside them stay."""
    return sorted(path.name for path in checkouts.root.iterdir() if path.is_dir())


async def test_a_repository_is_cloned_without_its_history(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    upstream.commit({"old": "x" * 100_000})
    commit = upstream.commit({"old": None})
    said: list[str] = []
    found = await brought(GitRepository(server.url("r")), checkouts, said)
    assert found == (commit, {"a.py": b"x = 1\n", "b/c.py": b"y = 2\r\n", "\xe9.md": b"z"})
    (name,) = names(checkouts)
    assert git(checkouts.root / name, "rev-list", "--all", "--count") == "1"
    assert any(line.startswith("Receiving objects: 100%") for line in said)
    assert "url" not in (checkouts.root / name / "config").read_text()


async def test_a_warm_checkout_costs_no_process_and_no_request(
    server: GitServer,
    upstream: Upstream,
    checkouts: Checkouts,
    processes: Callable[[], list[str]],
) -> None:
    from engine.sources.bringing import _wanted

    wanted = await _wanted(GitRepository(server.url("r")), checkouts, lambda _: None)
    checkouts.root.mkdir(parents=True)
    assert await ensure_checkout(wanted)
    assert any("fetch --depth=1" in call for call in processes())
    server.requests.clear()
    assert not await ensure_checkout(wanted)
    assert processes() == server.requests == []


async def test_a_pass_that_finds_nothing_new_fetches_nothing(
    server: GitServer,
    upstream: Upstream,
    checkouts: Checkouts,
    processes: Callable[[], list[str]],
) -> None:
    repository = GitRepository(server.url("r"))
    first = await brought(repository, checkouts)
    processes()
    assert await brought(repository, checkouts) == first
    assert not any("fetch" in call for call in processes())
    server.stop()
    assert await brought(GitRepository(server.url("r"), fetch=False), checkouts) == first


async def test_each_pass_sees_the_branch_as_it_is_then(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    repository, other = GitRepository(server.url("r"), "main"), GitRepository(server.url("r"))
    await brought(repository, checkouts)
    for change in ({"a.py": "x = 2\n"}, {"a.py": None, "d.py": "x = 2\n"}, {}):
        commit = upstream.commit(change)
        assert (await brought(repository, checkouts))[0] == commit
    git(upstream.folder, "reset", "-q", "--hard", "HEAD~3")
    back = git(upstream.folder, "rev-parse", "HEAD")
    assert (await brought(repository, checkouts))[0] == back
    git(upstream.folder, "checkout", "-q", "--orphan", "new")
    upstream.commit({"only.py": "1"})
    git(upstream.folder, "branch", "-q", "-M", "main")
    assert "only.py" in (await brought(repository, checkouts))[1]
    assert await brought(repository, checkouts) == await brought(other, checkouts)


@pytest.mark.parametrize("damage", ["all", "marker", "packs", "half", "ref", "garbage"])
async def test_a_checkout_that_is_not_whole_is_cloned_anew(
    server: GitServer, upstream: Upstream, checkouts: Checkouts, damage: str
) -> None:
    repository = GitRepository(server.url("r"), fetch=False)
    first = await brought(repository, checkouts)
    (name,) = names(checkouts)
    folder = checkouts.root / name
    packs = [path for path in (folder / "objects/pack").iterdir() if path.suffix == ".pack"]
    match damage:
        case "all":
            shutil.rmtree(folder)
        case "marker":
            (folder / "widthwise-commit").unlink()
        case "packs":
            shutil.rmtree(folder / "objects")
        case "half":
            packs[0].chmod(0o600)
            packs[0].write_bytes(packs[0].read_bytes()[:40])
        case "ref":
            (folder / "HEAD").unlink()
        case "garbage":
            (folder / "widthwise-commit").write_text("../../etc")
    assert await brought(repository, checkouts) == first
    assert names(checkouts) == [name]


async def test_a_blob_that_is_lost_unseen_is_no_deletion_and_is_there_again_the_next_time(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    repository = GitRepository(server.url("r"), fetch=False)
    async with repository.brought(checkouts, lambda _: None) as tree:
        shutil.rmtree(Path(tree.folder) / "objects" / "pack")
        with pytest.raises(SourceError, match="damaged"):
            tree.read("a.py", max_bytes=100)
    assert (await brought(repository, checkouts))[1]["a.py"] == b"x = 1\n"


async def test_a_blob_whose_bytes_are_damaged_is_read_from_a_new_clone_the_next_time(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    content = random.Random(1).randbytes(100_000)
    upstream.commit({"big": content})
    repository = GitRepository(server.url("r"), fetch=False)
    async with repository.brought(checkouts, lambda _: None) as tree:
        (pack,) = (Path(tree.folder) / "objects" / "pack").glob("*.pack")
        packed = pack.read_bytes()
        pack.chmod(0o600)
        pack.write_bytes(packed[:50_000] + bytes(100) + packed[50_100:])
        with pytest.raises(SourceError, match="damaged"):
            tree.read("big", max_bytes=1 << 20)
    async with repository.brought(checkouts, lambda _: None) as tree:
        assert tree.read("big", max_bytes=1 << 20) == content


async def test_many_requests_in_two_processes_are_one_clone(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    arguments = [sys.executable, PROGRAM, checkouts.root, server.url("r")]
    outputs: list[bytes] = []

    async def child() -> None:
        done = await anyio.run_process(arguments, stderr=None)
        outputs.extend(done.stdout.split())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child)
        tasks.start_soon(child)
    assert len(outputs) == 20
    assert len(set(outputs)) == 1
    assert len([each for each in server.requests if each.startswith("GET")]) == 1
    assert len(names(checkouts)) == 1


async def test_a_killed_clone_leaves_nothing_at_the_final_path_and_is_swept(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    server.gate = threading.Event()
    arguments = [sys.executable, str(PROGRAM), str(checkouts.root), server.url("r")]
    child = await anyio.open_process(arguments, env=os.environ | {"TIMES": "1"}, stdout=None)
    assert await anyio.to_thread.run_sync(server.reached.wait, 20)
    child.kill()
    await child.aclose()
    assert [name[:6] for name in names(checkouts)] == ["clone-"]
    # Its git lives on until the transfer ends, and until then nobody touches its folder.
    await anyio.to_thread.run_sync(tidy, checkouts)
    assert [name[:6] for name in names(checkouts)] == ["clone-"]
    server.gate.set()
    with anyio.fail_after(20):
        while names(checkouts):
            await anyio.to_thread.run_sync(tidy, checkouts)
            await anyio.sleep(0.05)
    await brought(GitRepository(server.url("r")), checkouts)
    assert len(names(checkouts)) == 1


async def test_a_cancelled_clone_ends_its_git_and_leaves_nothing(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    server.gate = threading.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(brought, GitRepository(server.url("r")), checkouts)
        assert await anyio.to_thread.run_sync(server.reached.wait, 20)
        tasks.cancel_scope.cancel()
    assert names(checkouts) == []
    listed = await anyio.run_process(["ps", "-eo", "args"])
    assert server.url("r").encode() not in listed.stdout


async def test_a_git_that_hangs_is_stopped_at_its_deadline(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    server.gate = threading.Event()
    checkouts = Checkouts(root=tmp_path / "c", timeout_seconds=1)
    with pytest.raises(SourceError, match="git fetch: not done in 1 s"):
        await brought(GitRepository(server.url("r")), checkouts)
    assert names(checkouts) == []


async def test_a_remote_that_is_down_is_asked_again_later(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    repository = GitRepository(server.url("r"))
    for down in (server.stop, lambda: setattr(server, "status", 503)):
        down()
        with pytest.raises(SourceError, match="can't be reached now") as failed:
            await brought(repository, checkouts)
        assert not isinstance(failed.value, SourceMissing)
        assert names(checkouts) == []
        if not server._server:
            server.start()
    server.status = 0
    await brought(repository, checkouts)
    server.stop()
    with pytest.raises(SourceError, match="can't be reached now"):
        await brought(repository, checkouts)
    server.start()
    await brought(repository, checkouts)


async def test_what_somebody_has_to_mend_says_how(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    with pytest.raises(SourceMissing, match="has no branch 'gone'; choose another"):
        await brought(GitRepository(server.url("r"), "gone"), checkouts)
    with pytest.raises(SourceMissing, match="no repository there"):
        await brought(GitRepository(server.url("none")), checkouts)
    Upstream(server.root / "empty")
    with pytest.raises(SourceMissing, match="no commit on its default branch"):
        await brought(GitRepository(server.url("empty")), checkouts)
    server.token = "t0ken"
    with pytest.raises(SourceMissing, match="access denied; give credentials"):
        await brought(GitRepository(server.url("r")), checkouts)
    server.token, server.status, server.location = "", 301, "http://127.0.0.1:1/elsewhere"
    with pytest.raises(SourceMissing, match="has moved"):
        await brought(GitRepository(server.url("r")), checkouts)
    server.status = 0
    assert names(checkouts) == []
    await brought(GitRepository(server.url("r"), "main"), checkouts)
    git(upstream.folder, "checkout", "-q", "-b", "other")
    git(upstream.folder, "branch", "-q", "-D", "main")
    with pytest.raises(SourceMissing, match="has no branch 'main'"):
        await brought(GitRepository(server.url("r"), "main"), checkouts)


async def test_no_request_reaches_a_host_that_the_rules_forbid(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    for rules in (UrlRules(hosts=("example.org",)), UrlRules(public_only=True)):
        with pytest.raises(SourceMissing):
            await brought(
                GitRepository(server.url("r")), Checkouts(root=tmp_path / "c", rules=rules)
            )
    with pytest.raises(SourceMissing, match="file is not allowed"):
        await brought(GitRepository(str(upstream.folder)), Checkouts(root=tmp_path / "c"))
    assert server.requests == []


async def test_a_path_is_a_remote_like_any_other_where_that_is_allowed(
    upstream: Upstream, tmp_path: Path
) -> None:
    checkouts = Checkouts(root=tmp_path / "c", rules=UrlRules(("file",)))
    commit = git(upstream.folder, "rev-parse", "HEAD")
    for url in (str(upstream.folder), f"file://{upstream.folder}"):
        assert (await brought(GitRepository(url), checkouts))[0] == commit


async def test_the_files_are_those_of_a_folder_in_which_the_commit_is_checked_out(
    server: GitServer, upstream: Upstream, checkouts: Checkouts, tmp_path: Path
) -> None:
    root = upstream.folder
    links = {"in": "a.py", "to": "b", "up": "../r2/x", "none": "nothing", "loop": "loop2",
             "loop2": "loop", "odd": "a.py/x"}  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    (root / "__pycache__").mkdir()
    upstream.commit({"__pycache__/x.pyc": "1", "x\ny": "1", "s p/\u00e4": "2", ".gitignore": "z"})
    (tmp_path / "served" / "r2").mkdir()
    (tmp_path / "served" / "r2" / "x").write_text("secret")
    expected = Folder(root, exclude=["b/"]).snapshot()
    async with GitRepository(server.url("r"), exclude=["b/"]).brought(
        checkouts, lambda _: None
    ) as tree:
        found = tree.snapshot()
        assert [file.key for file in found.files] == [file.key for file in expected.files]
        assert found.problems == expected.problems
        assert found.revision == expected.revision
        with pytest.raises(FileTooLarge):
            tree.read("a.py", max_bytes=3)
        with pytest.raises(FileGone):
            tree.read("b", max_bytes=1000)
        copy = pickle.loads(pickle.dumps(tree))
        assert copy.read("\xe9.md", max_bytes=9) == tree.read("\xe9.md", max_bytes=9) == b"z"


HOSTILE = """\
*.py filter=evil diff=evil merge=evil eol=crlf text working-tree-encoding=UTF-16 ident
*.bin filter=lfs diff=lfs merge=lfs -text
"""


async def test_a_hostile_repository_runs_nothing_fetches_nothing_and_writes_no_name_of_its_own(
    server: GitServer,
    upstream: Upstream,
    checkouts: Checkouts,
    processes: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    root, mark = upstream.folder, tmp_path / "ran"
    modules = f'[submodule "s"]\n\tpath = s\n\turl = ext::sh -c "touch {mark}"\n'
    modules += f"\tupdate = !touch {mark}\n"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 3\n"
    upstream.commit(
        {
            ".gitmodules": modules,
            ".lfsconfig": f"[lfs]\n\turl = {server.url('lfs')}\n",
            "a.py": "$Id$\nx\n",
            "big.bin": pointer,
        }
    )
    hook = git(root, "hash-object", "-w", "--stdin", asked=f"#!/bin/sh\ntouch {mark}\n".encode())
    hooks = git(root, "mktree", asked=f"100755 blob {hook}\tpost-checkout\n".encode())
    config = git(root, "hash-object", "-w", "--stdin", asked=b"[core]\n\tfsmonitor = touch x\n")
    dot_git = git(
        root, "mktree", asked=f"040000 tree {hooks}\thooks\n100644 blob {config}\tconfig\n".encode()
    )
    attributes = git(root, "hash-object", "-w", "--stdin", asked=HOSTILE.encode())
    tree = git(root, "ls-tree", "HEAD") + f"\n100644 blob {attributes}\t.gitattributes\n"
    tree += f"040000 tree {dot_git}\t.GIT\n040000 tree {dot_git}\t.git\n040000 tree {dot_git}\t..\n"
    tree += f"160000 commit {git(root, 'rev-parse', 'HEAD')}\ts\n"
    evil = git(root, "commit-tree", git(root, "mktree", asked=tree.encode()), "-m", "evil")
    git(root, "update-ref", "refs/heads/main", evil)
    processes()
    revision, contents = await brought(GitRepository(server.url("r")), checkouts)
    assert revision == evil
    assert contents["a.py"] == b"$Id$\nx\n"
    assert contents["big.bin"] == pointer.encode()
    assert sorted(contents) == [
        ".GIT/config", ".GIT/hooks/post-checkout", ".gitattributes", ".gitmodules", ".lfsconfig",
        "a.py", "b/c.py", "big.bin", "\xe9.md",
    ]  # fmt: skip
    assert not mark.exists()
    assert not any("lfs" in request for request in server.requests)
    written = {path.name for path in checkouts.root.rglob("*")}
    assert written.isdisjoint({".GIT", "post-checkout", "a.py", "s", ".gitmodules"})
    assert {call.split()[1] for call in processes()} <= {
        "--quiet", "fetch", "rev-parse", "ls-tree", "cat-file"
    }  # fmt: skip


async def test_a_tree_that_lists_more_than_any_disk_holds_is_refused(
    server: GitServer, upstream: Upstream, checkouts: Checkouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = upstream.folder
    inner = git(root, "rev-parse", "HEAD^{tree}")
    for _ in range(8):
        lines = "".join(f"040000 tree {inner}\t{name}\n" for name in "0123456789")
        inner = git(root, "mktree", asked=lines.encode())
    git(root, "update-ref", "refs/heads/main", git(root, "commit-tree", inner, "-m", "bomb"))
    monkeypatch.setattr("engine.sources.bringing.MAX_LISTING_BYTES", 1 << 20)
    with anyio.fail_after(20):
        with pytest.raises(SourceMissing, match="over 1,048,576 bytes"):
            await brought(GitRepository(server.url("r")), checkouts)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing bounds a file")
async def test_a_repository_larger_than_all_checkouts_may_be_is_refused_in_the_middle(
    server: GitServer, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.commit({"big": random.Random(1).randbytes(3_000_000)})
    checkouts = Checkouts(root=tmp_path / "c", max_bytes=1 << 20)
    with pytest.raises(SourceMissing, match="larger than WIDTHWISE_CHECKOUT_MB"):
        await brought(GitRepository(server.url("r")), checkouts)
    assert names(checkouts) == []


def test_the_old_go_and_then_the_least_recently_used() -> None:
    kept = [Kept("a", 5, 100), Kept("b", 5, 90), Kept("c", 5, 80), Kept("d", 1, 10)]
    assert to_evict(kept, max_bytes=100, max_age_seconds=50, now=100) == ["d"]
    assert to_evict(kept, max_bytes=11, max_age_seconds=500, now=100) == ["c"]
    assert to_evict(kept, max_bytes=10, max_age_seconds=500, now=100) == ["d", "c"]
    assert to_evict(kept, max_bytes=3, max_age_seconds=500, now=100) == ["c", "b", "a"]
    assert to_evict([], max_bytes=1, max_age_seconds=1, now=100) == []


async def test_what_a_pass_uses_is_not_evicted(
    server: GitServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    small = Checkouts(root=checkouts.root, max_bytes=1)
    used, cold = GitRepository(server.url("r")), GitRepository(server.url("r"), "main")
    await brought(cold, checkouts)
    async with used.brought(checkouts, lambda _: None) as tree:
        assert len(names(checkouts)) == 2
        evicted = await anyio.to_thread.run_sync(tidy, small)
        assert len(evicted) == 1
        assert tree.read("a.py", max_bytes=100) == b"x = 1\n"
        assert names(checkouts) == [Path(tree.folder).name]
    await anyio.to_thread.run_sync(tidy, small)
    assert names(checkouts) == []
