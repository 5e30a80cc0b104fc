"""What a folder lists and reads, hostile names, links and repositories included."""

import hashlib
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.sources import FileGone, FileTooLarge, Folder, SourceError, Unreadable

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
MIB = 1 << 20


def git(root: Path, *arguments: str) -> str:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", *identity, "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return done.stdout.decode().strip()


def plant(root: Path, *paths: str, content: str = "text") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def keys(folder: Folder) -> list[str]:
    return [file.key for file in folder.snapshot().files]


def problems(folder: Folder) -> dict[str, str]:
    return {problem.key: problem.reason for problem in folder.snapshot().problems}


@pytest.fixture(params=["plain", pytest.param("git", marks=needs_git)])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty tree, once as a plain folder and once as a git working tree."""
    root = tmp_path / "tree"
    root.mkdir()
    if request.param == "git":
        git(root, "init", "-q")
    return root


# What belongs to a folder


def test_an_empty_folder_has_no_files(tree: Path) -> None:
    snapshot = Folder(tree).snapshot()
    assert (snapshot.files, snapshot.problems, snapshot.revision) == ((), (), "")


def test_files_come_sorted_by_code_point_with_their_stamps(tree: Path) -> None:
    plant(tree, "b/z.py", "b.py", "a.py", "é.py")
    files = Folder(tree).snapshot().files
    assert [file.key for file in files] == ["a.py", "b.py", "b/z.py", "é.py"]
    found = os.lstat(tree / "a.py")
    assert files[0].stamp == (4, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def test_folders_of_tools_are_passed_over(tree: Path) -> None:
    plant(tree, "a.py", "__pycache__/a.pyc", "b/.hg/store", ".svn/entries", ".jj/x")
    assert keys(Folder(tree)) == ["a.py"]


def test_ignored_files_are_left_out_and_negation_brings_them_back(tree: Path) -> None:
    plant(tree, "a.log", "b/a.log", "b/keep.log", "out/keep.log", "b/c/d.txt")
    plant(tree, ".gitignore", content="*.log\nout/\n!out/keep.log\n")
    plant(tree, "b/.gitignore", content="!keep.log\n/c\n")
    assert keys(Folder(tree)) == [".gitignore", "b/.gitignore", "b/keep.log"]


def test_include_and_exclude_choose_among_what_is_not_ignored(tree: Path) -> None:
    plant(tree, "a.py", "b.md", "lib/a.py", "lib/b.md", "lib/gen/c.py", "x.py")
    plant(tree, ".gitignore", content="x.py\n")
    assert keys(Folder(tree, include=["*.py"])) == ["a.py", "lib/a.py", "lib/gen/c.py"]
    assert keys(Folder(tree, include=["lib/"], exclude=["gen/"])) == ["lib/a.py", "lib/b.md"]
    assert keys(Folder(tree, include=["*.py", "!a.py"])) == ["lib/gen/c.py"]
    assert keys(Folder(tree, exclude=["lib", "!lib/a.py"])) == [".gitignore", "a.py", "b.md"]


def test_a_repository_inside_belongs_to_the_folder_under_its_own_rules(tree: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    plant(tree, "inner/a.py", "inner/a.log", "inner/deep/b.py", "b.log")
    plant(tree, ".gitignore", content="*.log\n")
    plant(tree, "inner/.gitignore", content="deep\n")
    git(tree / "inner", "init", "-q")
    git(tree / "inner", "add", "a.py")
    git(tree / "inner", "commit", "-qm", "x")
    assert keys(Folder(tree)) == [".gitignore", "inner/.gitignore", "inner/a.log", "inner/a.py"]


@needs_git
def test_a_submodule_belongs_to_the_folder(tmp_path: Path) -> None:
    outer, module = tmp_path / "outer", tmp_path / "module"
    for root in (outer, module):
        plant(root, "a.py")
        git(root, "init", "-q")
        git(root, "add", ".")
        git(root, "commit", "-qm", "x")
    git(outer, "submodule", "--quiet", "add", str(module), "lib/module")
    assert keys(Folder(outer)) == [".gitmodules", "a.py", "lib/module/a.py"]


# What git has to say


@needs_git
def test_in_a_working_tree_the_revision_is_the_commit_and_deleted_files_are_left_out(
    tmp_path: Path,
) -> None:
    plant(tmp_path, "a.py", "b.py", "forced.log", "other.log", "sub/c.py")
    plant(tmp_path, ".gitignore", content="*.log\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "add", "-f", "forced.log")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "b.py").unlink()
    plant(tmp_path, "untracked.py")
    expected = [".gitignore", "a.py", "forced.log", "sub/c.py", "untracked.py"]
    assert keys(Folder(tmp_path)) == expected
    assert Folder(tmp_path).snapshot().revision == git(tmp_path, "rev-parse", "HEAD")
    assert keys(Folder(tmp_path / "sub")) == ["c.py"]


@needs_git
def test_a_file_in_an_unfinished_merge_is_listed_once(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    for branch, content in [("main", "1"), ("other", "2"), ("main", "3")]:
        git(tmp_path, "checkout", "-q", *(["-b"] if branch == "other" else []), branch) \
            if (tmp_path / "a").exists() else None  # fmt: skip
        plant(tmp_path, "a", content=content)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", content)
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path, "merge", "other")
    assert keys(Folder(tmp_path)) == ["a"]


@needs_git
def test_a_folder_that_the_outer_repository_ignores_is_walked(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    plant(tmp_path, ".gitignore", content="data/\n")
    plant(tmp_path, "data/set/a.txt", "data/set/b.txt")
    assert keys(Folder(tmp_path / "data" / "set")) == ["a.txt", "b.txt"]
    assert keys(Folder(tmp_path / "data")) == ["set/a.txt", "set/b.txt"]


def test_without_a_git_program_the_folder_is_walked(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant(tree, "a.py", "a.log")
    plant(tree, ".gitignore", content="*.log\n")
    with_git = keys(Folder(tree))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert keys(Folder(tree)) == with_git == [".gitignore", "a.py"]


@needs_git
def test_a_git_directory_in_the_environment_does_not_lead_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "here/a.py", "there/b.py")
    git(tmp_path / "there", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "there" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "there"))
    assert keys(Folder(tmp_path / "here")) == ["a.py"]


@needs_git
def test_a_tree_of_another_user_is_listed_by_git_all_the_same(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a tree away")
    plant(tmp_path, "forced.log")
    plant(tmp_path, ".gitignore", content="*.log\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "forced.log")
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, 65534, 65534)
    assert keys(Folder(tmp_path)) == [".gitignore", "forced.log"]


# A hostile repository


@needs_git
@pytest.mark.parametrize(
    "setting",
    ["core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "diff.external",
     "core.askPass", "credential.helper", "filter.x.clean", "filter.x.process", "core.gitProxy",
     "alias.ls-files", "remote.origin.uploadpack", "core.alternateRefsCommand"],
)  # fmt: skip
def test_no_program_named_by_the_tree_is_run(tmp_path: Path, setting: str) -> None:
    root = tmp_path / "tree"
    script, canary = hostile_repository(root, tmp_path)
    git(root, "config", setting, f"!{script}" if setting.startswith("alias") else str(script))
    assert keys(Folder(root)) == [".gitattributes", "a.py"]
    assert not canary.exists()


@needs_git
def test_the_canary_sings_when_git_is_run_without_care(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    script, canary = hostile_repository(root, tmp_path)
    git(root, "config", "core.fsmonitor", str(script))
    git(root, "ls-files", "--others")
    assert canary.exists()


def test_a_git_program_that_lies_in_the_tree_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, canary = tmp_path / "tree", tmp_path / "canary"
    plant(root, "git", content=f"#!/bin/sh\necho run >> {canary}\n")
    (root / "git").chmod(0o755)
    monkeypatch.setenv("PATH", ".::")
    assert keys(Folder(root)) == ["git"]
    monkeypatch.chdir(root)
    assert keys(Folder(root)) == ["git"]
    assert not canary.exists()


@needs_git
def test_no_hook_of_the_tree_is_run(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    script, canary = hostile_repository(root, tmp_path)
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(script, root / ".git" / "hooks" / hook)
    keys(Folder(root))
    assert not canary.exists()


@needs_git
def test_missing_objects_of_a_partial_clone_are_not_fetched(tmp_path: Path) -> None:
    # Git reads a .gitignore that is in the index and not on disk from the object database,
    # and fetches what is missing there from the remote, which can be any program.
    root = tmp_path / "tree"
    script, canary = hostile_repository(root, tmp_path)
    plant(root, "sub/.gitignore", "sub/b")
    git(root, "add", "sub/.gitignore")
    git(root, "update-index", "--skip-worktree", "sub/.gitignore")
    (root / "sub" / ".gitignore").unlink()
    shutil.rmtree(root / ".git" / "objects")
    (root / ".git" / "objects").mkdir()
    for name, value in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::{script}"),
        ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"),
    ]:
        git(root, "config", name, value)
    assert "sub/b" in keys(Folder(root))
    assert not canary.exists()
    with suppress(subprocess.CalledProcessError):
        git(root, "ls-files", "--others", "--exclude-standard")
    assert canary.exists(), "the same list, made without care, runs the script"


@needs_git
def test_an_index_can_not_name_what_lies_outside(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    plant(root, "aa/secret", "bb/c.py", "dd.py", "ee/config")
    plant(tmp_path, "secret")
    git(root, "init", "-q")
    git(root, "add", ".")
    index = root / ".git" / "index"
    forged = index.read_bytes().replace(b"aa/secret", b"../secret")
    forged = forged.replace(b"ee/config", b".git/config"[:9])
    index.write_bytes(forged[:-20] + hashlib.sha1(forged[:-20]).digest())
    shutil.rmtree(root / "aa")
    found = keys(Folder(root))
    assert [key for key in found if "secret" in key or ".git" in key] == []


@needs_git
def test_a_tracked_folder_that_became_a_link_leads_nowhere(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    plant(root, "a/deep/secret", "b.py")
    plant(tmp_path, "outside/deep/secret")
    git(root, "init", "-q")
    git(root, "add", ".")
    shutil.rmtree(root / "a")
    (root / "a").symlink_to(tmp_path / "outside")
    assert keys(Folder(root)) == ["b.py"]
    assert problems(Folder(root)) == {"a": "a symbolic link out of the tree"}


@needs_git
def test_a_git_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    plant(tmp_path, "a.py")
    git(tmp_path, "init", "-q")
    os.mkfifo(tmp_path / ".gitignore")
    assert keys(Folder(tmp_path, git_deadline_seconds=0.5)) == ["a.py"]


def hostile_repository(root: Path, beside: Path) -> tuple[Path, Path]:
    """A repository, a script that leaves a trace when it is run, and the trace."""
    canary, script = beside / "canary", beside / "script"
    script.write_text(f"#!/bin/sh\necho run >> {canary}\n")
    script.chmod(0o755)
    plant(root, "a.py")
    plant(root, ".gitattributes", content="* filter=x diff=x\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    plant(root, "a.py", content="changed")
    return script, canary


# Names


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"a\nb", "a\\nb"), (b"\xff.py", "\\udcff.py"), (b"a\x1b[31m", "a\\x1b[31m"),
     ("a\u2028b".encode(), "a\\u2028b"), (b"a\x7f", "a\\x7f"), ("a\x85".encode(), "a\\x85")],
)  # fmt: skip
def test_a_name_that_is_no_key_is_a_problem_with_a_key_to_show(
    tree: Path, name: bytes, shown: str
) -> None:
    plant(tree, "ok.py")
    Path(os.fsdecode(os.fsencode(tree) + b"/" + name)).touch()
    assert keys(Folder(tree)) == ["ok.py"]
    assert list(problems(Folder(tree))) == [shown]
    shown.encode()


@pytest.mark.parametrize("revive", [lambda folder: folder, pickle.dumps])
def test_a_decomposed_name_has_a_composed_key_and_is_found_by_it(
    tree: Path, revive: Callable[[Folder], Folder | bytes]
) -> None:
    plant(tree, "e\u0301/u\u0308.py", content="found")
    folder = Folder(tree)
    assert keys(folder) == ["\xe9/\xfc.py"]
    revived = revive(folder)
    copy = pickle.loads(revived) if isinstance(revived, bytes) else revived
    assert copy.read("\xe9/\xfc.py", max_bytes=10) == b"found"


def test_a_decomposed_name_is_found_without_a_snapshot(tree: Path) -> None:
    plant(tree, "e\u0301/u\u0308.py", content="found")
    assert Folder(tree).read("\xe9/\xfc.py", max_bytes=10) == b"found"


def test_of_two_names_with_one_key_the_one_written_like_it_has_it(tree: Path) -> None:
    plant(tree, "e\u0301.py", content="decomposed")
    plant(tree, "\xe9.py", content="composed")
    folder = Folder(tree)
    assert keys(folder) == ["\xe9.py"]
    assert problems(folder) == {"e\\u0301.py": "another name for \xe9.py, which is taken"}
    assert folder.read("\xe9.py", max_bytes=100) == b"composed"


def test_a_name_can_be_the_ascii_key_of_another(tree: Path) -> None:
    plant(tree, "K.py", "\u212a.py")
    assert keys(Folder(tree)) == ["K.py"]
    assert list(problems(Folder(tree))) == ["\\u212a.py"]


# Links and special files


def test_a_link_within_the_tree_is_passed_over(tree: Path) -> None:
    plant(tree, "a/b.py")
    (tree / "file").symlink_to("a/b.py")
    (tree / "folder").symlink_to("a")
    (tree / "absolute").symlink_to(tree / "a" / "b.py")
    assert keys(Folder(tree)) == ["a/b.py"]
    assert problems(Folder(tree)) == {}


def test_a_link_that_leads_out_or_nowhere_or_in_a_circle_is_named(tree: Path) -> None:
    plant(tree.parent, "secret")
    plant(tree.parent, f"{tree.name}-twin/secret")
    for name, target in {
        "absolute": "/etc", "file": "../secret", "gone": "nothing", "twin": f"../{tree.name}-twin",
        "self": "self", "x": "y", "y": "x", "indirect": "file",
    }.items():  # fmt: skip
        (tree / name).symlink_to(target)
    found = problems(Folder(tree))
    assert keys(Folder(tree)) == []
    out, loop = "a symbolic link out of the tree", "a symbolic link that can't be followed"
    assert [found[name] for name in ("absolute", "file", "twin", "indirect")] == [out] * 4
    assert found["gone"] == "a symbolic link to nothing"
    assert all(found[name].startswith(loop) for name in ("self", "x", "y"))


def test_a_root_that_is_a_link_is_followed(tree: Path) -> None:
    plant(tree, "a.py")
    (tree / "link").symlink_to("a.py")
    (tree.parent / "current").symlink_to(tree)
    folder = Folder(tree.parent / "current")
    assert (keys(folder), problems(folder)) == (["a.py"], {})
    assert folder.read("a.py", max_bytes=10) == b"text"


def test_special_files_of_a_plain_folder_are_named_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)
        listener.bind("socket")
        os.chdir(here)
    folder = Folder(tmp_path)
    assert problems(folder) == dict.fromkeys(["fifo", "socket"], "neither a file nor a folder")
    for name in ("fifo", "socket"):
        with pytest.raises(Unreadable, match="not a regular file"):
            folder.read(name, max_bytes=10)


# Shapes


@pytest.fixture
def deep_tree(tree: Path) -> Iterator[Path]:
    """A tree that is gone afterwards: what clears temporary folders away recurses into them."""
    yield tree
    subprocess.run(["rm", "-rf", str(tree)], check=True)


def test_a_thousand_levels_are_no_recursion(deep_tree: Path) -> None:
    deep = deep_tree
    for _ in range(20):
        deep = deep / "/".join("d" * 50)
        deep.mkdir(parents=True)
    (deep / "f").write_text("bottom")
    folder = Folder(deep_tree)
    (key,) = keys(folder)
    assert key == "d/" * 1000 + "f"
    assert folder.read(key, max_bytes=10) == b"bottom"


def test_a_path_too_long_to_be_a_key_is_a_problem(deep_tree: Path) -> None:
    plant(deep_tree, "ok.py")
    parent = os.open(deep_tree, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("n" * 250, dir_fd=parent)
        parent, above = os.open("n" * 250, os.O_RDONLY, dir_fd=parent), parent
        os.close(above)
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=parent))
    os.close(parent)
    assert keys(Folder(deep_tree)) == ["ok.py"]
    (problem,) = Folder(deep_tree).snapshot().problems
    assert "longer than" in problem.reason
    assert len(problem.key) < 2048


def test_a_file_that_is_huge_but_sparse_is_listed_and_not_read(tree: Path) -> None:
    with open(tree / "huge", "wb") as file:
        file.truncate(1 << 40)
    folder = Folder(tree)
    assert [file.stamp.size for file in folder.snapshot().files] == [1 << 40]
    with pytest.raises(FileTooLarge) as caught:
        folder.read("huge", max_bytes=MIB)
    assert (caught.value.size, caught.value.max_bytes) == (1 << 40, MIB)


# Permissions: root passes every check, so they are tried as somebody else


AS_NOBODY = """
import os
from engine.sources import Folder, SourceError, Unreadable
os.setgroups([]); os.setgid(65534); os.setuid(65534)
folder = Folder(sys.argv[1])
try:
    snapshot = folder.snapshot()
    print([file.key for file in snapshot.files])
    print([(problem.key, problem.reason) for problem in snapshot.problems])
    folder.read("shut.py", max_bytes=10)
except (SourceError, Unreadable) as error:
    print(type(error).__name__, error)
"""


def seen_by_nobody(root: Path) -> list[str]:
    # What nobody may not import from the home of root is imported before the change.
    script = f"import sys; sys.path[:] = {sys.path!r}\n{AS_NOBODY}"
    command = [sys.executable, "-c", script, str(root)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everyone can reach, which `tmp_path` is not."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.mark.parametrize("with_git", [False, pytest.param(True, marks=needs_git)])
def test_an_unreadable_folder_is_named_and_an_unreadable_file_fails_alone(
    public_folder: Path, with_git: bool
) -> None:
    plant(public_folder, "a.py", "shut.py", "dark/b.py")
    if with_git:
        git(public_folder, "init", "-q")
    (public_folder / "shut.py").chmod(0)
    (public_folder / "dark").chmod(0)
    assert seen_by_nobody(public_folder) == [
        "['a.py', 'shut.py']",
        "[('dark', \"the folder can't be listed: Permission denied\")]",
        "Unreadable shut.py: Permission denied",
    ]


def test_an_unreadable_root_is_an_error_of_the_source(public_folder: Path) -> None:
    (public_folder / "root").mkdir(mode=0o700)
    (line,) = seen_by_nobody(public_folder / "root")
    assert line.startswith("SourceError")
    assert "Permission denied" in line


# Roots


@pytest.mark.parametrize("name", ["missing", "-x", "file", "nul\0", "x\udcff"])
def test_a_root_that_is_no_folder_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    plant(tmp_path, "file")
    with pytest.raises(SourceError, match=name.rstrip("\0\udcff")):
        Folder(f"{tmp_path}/{name}").snapshot()


def test_a_root_whose_name_begins_with_a_dash_is_a_folder_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "-x/a.py")
    monkeypatch.chdir(tmp_path)
    assert keys(Folder("-x")) == ["a.py"]


# Reading


def test_a_file_that_vanished_is_gone_and_not_a_failure(tree: Path) -> None:
    plant(tree, "a.py", "b/c.py", "d.py", "e/f.py")
    folder = Folder(tree)
    folder.snapshot()
    (tree / "a.py").unlink()
    shutil.rmtree(tree / "b")
    (tree / "d.py").unlink()
    (tree / "d.py").mkdir()
    shutil.rmtree(tree / "e")
    (tree / "e").touch()
    for key in ("a.py", "b/c.py", "d.py", "e/f.py"):
        with pytest.raises(FileGone):
            folder.read(key, max_bytes=10)


def test_a_root_that_vanished_is_not_a_tree_of_deleted_files(tree: Path) -> None:
    plant(tree, "a.py")
    folder = Folder(tree)
    folder.snapshot()
    shutil.rmtree(tree)
    with pytest.raises(SourceError):
        folder.read("a.py", max_bytes=10)


def test_a_link_put_in_place_of_a_file_or_its_folder_is_not_followed(tree: Path) -> None:
    plant(tree.parent, "outside/secret")
    plant(tree, "a/secret", "b/c/secret", "secret")
    folder = Folder(tree)
    folder.snapshot()
    for path in ("a", "b/c", "secret"):
        target = tree / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        target.symlink_to(tree.parent / "outside" / ("secret" if path == "secret" else ""))
    for key in ("a/secret", "b/c/secret", "secret"):
        with pytest.raises(Unreadable, match="is a symbolic link"):
            folder.read(key, max_bytes=10)


def test_a_file_that_grew_since_is_too_large(tree: Path) -> None:
    plant(tree, "a.py", content="x" * 10)
    assert Folder(tree).read("a.py", max_bytes=10) == b"x" * 10
    with pytest.raises(FileTooLarge):
        Folder(tree).read("a.py", max_bytes=9)


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="needs a proc file system")
def test_a_file_that_hides_its_size_is_read_no_further_than_the_bound() -> None:
    with pytest.raises(FileTooLarge):
        Folder("/proc/self").read("status", max_bytes=10)


def test_no_descriptor_stays_open(tree: Path) -> None:
    plant(tree, "a/b.py")
    os.mkfifo(tree / "fifo")
    folder = Folder(tree)
    before = len(os.listdir("/dev/fd"))
    folder.snapshot()
    folder.read("a/b.py", max_bytes=10)
    for key in ("a", "fifo", "a/none", "none/b"):
        with pytest.raises((FileGone, Unreadable)):
            folder.read(key, max_bytes=10)
    assert len(os.listdir("/dev/fd")) == before


async def test_a_file_can_be_streamed_with_the_same_care(tree: Path) -> None:
    plant(tree, "a.py", content="x" * 100)
    (tree / "link").symlink_to("a.py")
    folder = Folder(tree)
    pieces = [piece async for piece in folder.stream("a.py", max_bytes=100, piece_bytes=40)]
    assert [len(piece) for piece in pieces] == [40, 40, 20]
    for key, error in {"link": Unreadable, "none": FileGone, "../x": Unreadable}.items():
        with pytest.raises(error):
            async for _ in folder.stream(key, max_bytes=100):
                pass
    with pytest.raises(FileTooLarge):
        async for _ in folder.stream("a.py", max_bytes=99, piece_bytes=40):
            pass
