"""Ask git which files belong to a working tree, and let nothing of that tree run.

A repository can name programs in its own configuration, so it is as trusted as any
other file of it: not at all.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

# What git may run while it reads an index, and the answer that forbids it: a file system
# monitor and hooks here; below, by a list of allowed transports that has none, whatever
# fetches the objects that a partial clone lacks.
_FORBID = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.untrackedCache=false",
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

_WHERE = ("rev-parse", "--is-inside-work-tree", "--show-prefix", "HEAD")
_IGNORED = ("check-ignore", "-q", ".")
_TRACKED = ("ls-files", "-z", "--cached")
_UNTRACKED = ("ls-files", "-z", "--others", "--exclude-standard")


class NotATreeError(Exception):
    """Git can't say what belongs to the folder: there is no git or no working tree, the
    working tree ignores the folder, or git took too long."""


class Untracked(NamedTuple):
    """`complete` is false when git warned of something that it could not read."""

    paths: list[str]
    complete: bool


def head_of(root: str, *, deadline_seconds: float) -> str:
    """The commit checked out in the working tree that `root` belongs to; empty before the first."""
    where = _run(root, _WHERE, deadline_seconds)
    answer, *prefix, head = _lines(where.stdout)
    if answer != "true":
        raise NotATreeError
    if any(prefix) and _run(root, _IGNORED, deadline_seconds).returncode == 0:
        raise NotATreeError
    # Before the first commit, HEAD can't be resolved and comes back as it is.
    return "" if where.returncode else head


def _lines(output: bytes) -> list[str]:
    return os.fsdecode(output).split("\n")[:-1] or ["", ""]


def tracked_paths(root: str, *, deadline_seconds: float) -> list[str]:
    """On-disk names relative to `root`, deleted files among them, a submodule as its folder."""
    # While a merge is unfinished, git lists a path once for each side of it.
    return list(dict.fromkeys(_paths(_run(root, _TRACKED, deadline_seconds))))


def untracked_paths(root: str, *, deadline_seconds: float) -> Untracked:
    """Those that git does not ignore, a repository among them as its folder."""
    listed = _run(root, _UNTRACKED, deadline_seconds)
    return Untracked(_paths(listed), complete=not listed.stderr)


def _paths(listed: "subprocess.CompletedProcess[bytes]") -> list[str]:
    if listed.returncode:
        raise NotATreeError
    return [path.rstrip("/") for path in os.fsdecode(listed.stdout).split("\0")[:-1]]


def _run(
    root: str, arguments: Sequence[str], deadline_seconds: float
) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603 - the program is git, the arguments are ours
            [_program(), "-C", root, *_FORBID, *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline_seconds,
            check=False,
        )
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired) as error:
        raise NotATreeError from error


def _program() -> str:
    # A relative entry of PATH could make it a file of the tree.
    program = shutil.which("git")
    if program is None or not os.path.isabs(program):
        raise NotATreeError
    return program


def _environment() -> dict[str, str]:
    """Ours without what would point git elsewhere, such as GIT_DIR inside a hook."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | _ENVIRONMENT
