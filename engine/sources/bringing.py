"""Bring a commit of a remote repository to this disk, and keep it there while it is read."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from engine.sources.blob_reader import MARKER, close_reader
from engine.sources.checkout import (
    Wanted,
    commit_of,
    ensure_checkout,
    held,
    reclone,
    refresh_checkout,
)
from engine.sources.checkouts import Checkouts
from engine.sources.errors import SourceError
from engine.sources.eviction import tidy
from engine.sources.git_command import GitRun, run_git
from engine.sources.git_environment import git_environment
from engine.sources.git_failure import CheckoutBroken
from engine.sources.git_tree import GitTree, listing_of, troubles_with
from engine.sources.git_url import Remote, check_addresses
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
    checkouts.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    use, seconds = wanted.folder.with_suffix(".use"), checkouts.timeout_seconds
    async with held(use, shared=True, deadline_seconds=seconds):
        await anyio.to_thread.run_sync(tidy, checkouts)
        cloned = await ensure_checkout(wanted)
        if not cloned and repository.fetch:
            await refresh_checkout(wanted)
        try:
            tree = await _listed(repository, wanted)
        except CheckoutBroken as error:
            report(f"{error}; cloning anew")
            await reclone(wanted)
            tree = await _listed(repository, wanted)
        with suppress(OSError):
            os.utime(wanted.folder / MARKER)
        try:
            yield tree
        finally:
            close_reader(tree.folder)


async def _wanted(
    repository: "GitRepository",
    checkouts: Checkouts,
    report: Callable[[str], None],
    moved: Callable[[int, int], None] = unmoved,
) -> Wanted:
    remote = repository.remote
    described = repository.credentials.describe() if repository.credentials else {}
    return Wanted(
        remote,
        repository.branch,
        checkouts.folder(remote.url, repository.branch, repr(sorted(described.items()))),
        repository.credentials,
        checkouts.timeout_seconds,
        checkouts.max_bytes,
        await _checked_addresses(remote) if checkouts.rules.public_only else (),
        report,
        moved,
    )


async def _checked_addresses(remote: Remote) -> Sequence[str]:
    name = remote.host.strip("[]")
    try:
        found = await anyio.getaddrinfo(name, remote.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceError(f"{remote.url}: can't be looked up: {error.strerror}") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    check_addresses(remote, addresses)
    return addresses


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
