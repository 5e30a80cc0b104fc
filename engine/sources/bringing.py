"""Bring a commit of a remote repository to this disk, and keep it there while it is read."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from engine.sources.blob_reader import MARKER, close_reader
from engine.sources.checkout import (
    Wanted,
    commit_of,
    ensure_checkout,
    ensure_commit,
    held,
    reclone,
    refresh_checkout,
)
from engine.sources.checkouts import Checkouts
from engine.sources.eviction import tidy
from engine.sources.git_command import GitRun, run_git
from engine.sources.git_environment import git_environment
from engine.sources.git_failure import CheckoutBroken
from engine.sources.git_tree import GitTree, listing_of, troubles_with
from engine.sources.git_url import check_rules
from engine.sources.looking_up import checked_addresses
from engine.sources.source import unmoved

if TYPE_CHECKING:
    from engine.sources.git_repository import GitRepository

# About two million paths. Trees that hold each other can list more than any disk holds.
MAX_LISTING_BYTES = 256 << 20


@asynccontextmanager
async def brought(
    repository: "GitRepository",
    checkouts: Checkouts,
    report: Callable[[str], None],
    *,
    moved: Callable[[int, int], None] = unmoved,
) -> AsyncIterator[GitTree]:
    """The tree, which no eviction takes away during the block."""
    wanted = await _wanted(repository, checkouts, report, moved)
    async with _reserved(wanted, checkouts):
        cloned = await ensure_checkout(wanted)
        if not cloned and repository.fetch:
            await refresh_checkout(wanted)
        try:
            tree = await _listed(repository, wanted)
        except CheckoutBroken as error:
            report(f"{error}; cloning anew")
            await reclone(wanted)
            tree = await _listed(repository, wanted)
        with _read(wanted.folder):
            yield tree


@asynccontextmanager
async def pinned(
    repository: "GitRepository", commit: str, checkouts: Checkouts, report: Callable[[str], None]
) -> AsyncIterator[Path]:
    """A repository that has the commit, which no eviction takes away during the block.

    It is one for all branches of the remote, beside the checkouts that follow them: another
    commit costs what differs.
    """
    check_rules(repository.remote, checkouts.rules)
    # No branch has a blank in its name.
    wanted = await _wanted(repository, checkouts, report, place="at a commit")
    async with _reserved(wanted, checkouts):
        await ensure_commit(wanted, commit)
        with _read(wanted.folder):
            yield wanted.folder


@asynccontextmanager
async def _reserved(wanted: Wanted, checkouts: Checkouts) -> AsyncIterator[None]:
    checkouts.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    use, seconds = wanted.folder.with_suffix(".use"), checkouts.timeout_seconds
    async with held(use, shared=True, deadline_seconds=seconds):
        await anyio.to_thread.run_sync(tidy, checkouts)
        yield


@contextmanager
def _read(folder: Path) -> Iterator[None]:
    """Say that it is in use from now on, and end the git that reads from it."""
    with suppress(OSError):
        os.utime(folder / MARKER)
    try:
        yield
    finally:
        close_reader(str(folder))


async def _wanted(
    repository: "GitRepository",
    checkouts: Checkouts,
    report: Callable[[str], None],
    moved: Callable[[int, int], None] = unmoved,
    *,
    place: str | None = None,
) -> Wanted:
    remote, place = repository.remote, place or repository.branch
    described = repository.credentials.describe() if repository.credentials else {}
    return Wanted(
        remote,
        repository.branch,
        checkouts.folder(remote.url, place, repr(sorted(described.items()))),
        repository.credentials,
        checkouts.rules,
        checkouts.timeout_seconds,
        checkouts.max_bytes,
        await checked_addresses(remote) if checkouts.rules.public_only else (),
        report,
        moved,
    )


async def _listed(repository: "GitRepository", wanted: Wanted) -> GitTree:
    """All that the commit holds. Each object is looked up, so that none is missing later."""
    folder, commit = wanted.folder, commit_of(wanted.folder)
    run = await _local(folder, wanted, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit])
    try:
        listing, links = await anyio.to_thread.run_sync(listing_of, run.output)
    except ValueError:
        # In the place of the size of a lost object there is a word.
        raise CheckoutBroken(f"{folder}: objects are missing") from None
    if links:
        asked = "".join(f"{commit}:{path}\n" for path in links)
        arguments = ["cat-file", "--batch-check", "--follow-symlinks"]
        run = await _local(folder, wanted, arguments, asked=os.fsencode(asked))
        listing.problems.update(troubles_with(links, run.output))
    return GitTree.of(
        str(folder),
        listing,
        commit=commit,
        description=repository.describe(),
        include=repository.include,
        exclude=repository.exclude,
    )


async def _local(
    folder: Path, wanted: Wanted, arguments: Sequence[str], *, asked: bytes = b""
) -> GitRun:
    run = await run_git(
        [f"--git-dir={folder}", *arguments],
        environment=git_environment(),
        deadline_seconds=wanted.timeout_seconds,
        asked=asked,
        max_output_bytes=MAX_LISTING_BYTES,
    )
    if run.code:
        raise CheckoutBroken(f"{folder}: {run.says.strip()[-300:] or 'git failed'}")
    return run
