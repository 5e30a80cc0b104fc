"""Ask git which files belong to a working tree, and let nothing of that tree run.

A repository can name programs in its own configuration, so it is as trusted as any
other file of it: not at all.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

# What may run or be contacted when an index is read, and the answer that forbids it:
# a file system monitor, hooks, and the remote of a partial clone whose objects are missing.
_FORBID = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.untrackedCache=false",
    "-c", "protocol.allow=never",
    # Nothing of the tree runs, so it does not matter whose it is.
    "-c", "safe.directory=*",
)  # fmt: skip

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}

_LIST = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
_IGNORED = ("check-ignore", "-q", ".")
_WHERE = ("rev-parse", "--is-inside-work-tree", "--show-prefix", "HEAD")


@dataclass(frozen=True, slots=True)
class GitTree:
    """What git says of a folder.

    `paths` are on-disk names relative to it, files that were deleted among them, and a
    repository inside it as its folder. `complete` is false when git warned of something
    that it could not read.
    """

    paths: list[str]
    revision: str
    complete: bool


def git_tree(root: str, *, deadline_seconds: float) -> GitTree | None:
    """The tree, or None: no git, no working tree, one that git ignores, or git took too long.

    Each of the three commands that this takes has the deadline for itself.
    """
    try:
        return _ask(root, deadline_seconds)
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return None


def _ask(root: str, deadline_seconds: float) -> GitTree | None:
    where = _run(root, _WHERE, deadline_seconds)
    answer, *prefix, revision = f"{os.fsdecode(where.stdout)}\n".split("\n")[:-2] or [""] * 2
    if answer != "true":
        return None
    if any(prefix) and _run(root, _IGNORED, deadline_seconds).returncode == 0:
        return None
    listed = _run(root, _LIST, deadline_seconds)
    if listed.returncode:
        return None
    paths = (path.rstrip("/") for path in os.fsdecode(listed.stdout).split("\0")[:-1])
    # While a merge is unfinished, git lists a path once for each side of it.
    unique = list(dict.fromkeys(paths))
    # Before the first commit, HEAD can't be resolved and comes back as it is.
    return GitTree(unique, "" if where.returncode else revision, complete=not listed.stderr)


def _run(
    root: str, arguments: Sequence[str], deadline_seconds: float
) -> "subprocess.CompletedProcess[bytes]":
    # In argv there is nothing that the tree chose: the arguments are ours, the folder is cwd.
    return subprocess.run(  # noqa: S603
        ["git", *_FORBID, *arguments],  # noqa: S607 - the operator's PATH says which git
        cwd=root,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=deadline_seconds,
        check=False,
    )


def _environment() -> dict[str, str]:
    """Ours without what would point git elsewhere, such as GIT_DIR inside a hook."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | _ENVIRONMENT
