"""Have a repository on this disk: clone it once, fetch what is new. Knows no pass."""

import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.to_thread

from engine.index.embedded.file_lock import FileLock
from engine.sources.blob_reader import MARKER
from engine.sources.errors import SourceError
from engine.sources.git_command import GitRun, run_git
from engine.sources.git_credentials import (
    Credentials,
    SshKey,
    header_for,
    ssh_key_for,
    without_secrets,
)
from engine.sources.git_environment import git_environment
from engine.sources.git_failure import CheckoutBroken, branch_missing, failure_of_git
from engine.sources.git_progress import TransferCounts
from engine.sources.git_url import Remote, UrlRules
from engine.sources.keys import shown

REF = "refs/widthwise/live"

# Each fetch adds a pack, and git looks for an object in all of them.
MAX_PACKS = 50

# How long to wait between two looks at a lock that another process holds.
LOCK_POLL_SECONDS = (0.02, 0.5)

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A branch of a remote, where it is to be kept, and how it is got there.

    With `commit` it is that one, wherever the branch is by now. `addresses` are those that the
    host's name stands for, where they had to be checked. `report` is told lines for people,
    `moved` the steps of a transfer, done and known of.
    """

    remote: Remote
    branch: str | None
    folder: Path
    credentials: Credentials | SshKey | None
    rules: UrlRules
    timeout_seconds: float
    max_bytes: int
    addresses: Sequence[str]
    report: Callable[[str], None]
    moved: Callable[[int, int], None]
    transfer: TransferCounts = field(default_factory=TransferCounts)
    commit: str = ""

    @property
    def ref(self) -> str:
        if self.commit:
            return self.commit
        return "HEAD" if self.branch is None else f"refs/heads/{self.branch}"


async def ensure_checkout(wanted: Wanted) -> bool:
    """Have a checkout in its folder; whether it was cloned just now.

    The only door to a checkout. Where there is one it costs one `stat`; whoever comes
    while it is cloned, in whichever process, waits for that clone.
    """
    if is_there(wanted.folder):
        return False
    async with _updating(wanted):
        if is_there(wanted.folder):
            return False
        await clone(wanted)
        return True


async def refresh_checkout(wanted: Wanted) -> None:
    """Fetch the branch as it is now, if it is another commit than the one that is there.

    Where that fails for a reason that may lie in the checkout, it is cloned anew.
    """
    async with _updating(wanted) as lock:
        try:
            if await _tip(wanted) == commit_of(wanted.folder):
                return
            await _bring_up(wanted, lock)
        except CheckoutBroken as error:
            wanted.report(f"{error}; cloning anew")
            await clone(wanted)


async def ensure_commit(wanted: Wanted, commit: str) -> None:
    """Have that commit in its folder, whatever else is there and wherever the branch is by now.

    It is fetched by its name, and where a server does not give it by that, with the branch.
    """
    if await holds(wanted.folder, commit):
        return
    async with _updating(wanted) as lock:
        if await holds(wanted.folder, commit):
            return
        try:
            await _have(replace(wanted, commit=commit), lock)
        except SourceError as error:
            wanted.report(f"{error}; fetching the branch")
            await _have(wanted, lock)
        if not await holds(wanted.folder, commit):
            raise SourceError(f"{wanted.remote.url}: no longer gives {commit}")


async def holds(folder: Path, commit: str) -> bool:
    """Whether the commit is there, and so all of its files: a fetch brings all or nothing."""
    if not is_there(folder):
        return False
    arguments = [f"--git-dir={folder}", "cat-file", "-e", f"{commit}^{{tree}}"]
    run = await run_git(arguments, environment=git_environment(), deadline_seconds=60)
    return not run.code


async def reclone(wanted: Wanted) -> None:
    """Replace a checkout that turned out to be damaged."""
    async with _updating(wanted):
        await clone(wanted)


def commit_of(folder: Path) -> str:
    """The commit that is there."""
    try:
        commit = (folder / MARKER).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = ""
    if not _COMMIT.fullmatch(commit):
        raise CheckoutBroken(f"{folder}: says not which commit it holds")
    return commit


@asynccontextmanager
async def held(path: Path, *, shared: bool, deadline_seconds: float) -> AsyncIterator[FileLock]:
    """The lock on a file, which other processes and hosts that see the file respect."""
    lock = FileLock(path)
    try:
        pause, longest = LOCK_POLL_SECONDS
        with anyio.move_on_after(deadline_seconds) as waiting:
            while not (lock.try_shared() if shared else lock.try_exclusive()):
                await anyio.sleep(pause)
                pause = min(pause * 1.5, longest)
        if waiting.cancelled_caught:
            raise SourceError(f"{path}: another process has held it for {deadline_seconds:g} s")
        yield lock
    finally:
        lock.close()


async def clone(wanted: Wanted) -> None:
    """Fetch one commit into a folder beside the final one, and then rename it.

    All of its blobs in one pack, and not as they are needed: a pass reads each of them,
    and to ask for them later costs another round trip and a second pack.
    """
    temporary = wanted.folder.with_name(f"clone-{uuid4().hex}")
    lock = FileLock(temporary.with_suffix(".lock"))
    try:
        lock.try_exclusive()
        await _git("init", "--quiet", "--bare", "--template=", str(temporary))
        await _fetch(wanted, temporary, lock)
        _mark(temporary, await _commit(temporary))
        set_aside(wanted.folder)
        temporary.rename(wanted.folder)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_remove, temporary)
        lock.close()


async def _have(wanted: Wanted, lock: FileLock) -> None:
    if is_there(wanted.folder):
        await _bring_up(wanted, lock)
    else:
        await clone(wanted)


async def _bring_up(wanted: Wanted, lock: FileLock) -> None:
    """Add to a checkout what it has not; what it had stays, for those who read it."""
    if len(list((wanted.folder / "objects/pack").glob("*.pack"))) >= MAX_PACKS:
        # To repack would take what a pass of another realm still reads, and longer.
        await clone(wanted)
        return
    await _fetch(wanted, wanted.folder, lock)
    await anyio.to_thread.run_sync(_mark, wanted.folder, await _commit(wanted.folder))


def set_aside(folder: Path) -> None:
    """Take a folder away at once, and then its files."""
    dead = folder.with_name(f"dead-{uuid4().hex}")
    with suppress(FileNotFoundError):
        folder.rename(dead)
        shutil.rmtree(dead, ignore_errors=True)


def sweep_clones(root: Path) -> None:
    """Remove what clones left behind that were killed, and what was set aside and is still there.

    A clone's lock is held by its git too, so that none is swept which still writes.
    """
    for dead in root.glob("dead-*"):
        shutil.rmtree(dead, ignore_errors=True)
    for folder in root.glob("clone-*"):
        if folder.suffix == ".lock":
            continue
        lock = FileLock(folder.with_suffix(".lock"))
        if lock.try_exclusive():
            _remove(folder)
        lock.close()


def _remove(temporary: Path) -> None:
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.with_suffix(".lock").unlink(missing_ok=True)


def is_there(folder: Path) -> bool:
    try:
        os.stat(folder / MARKER)
    except OSError:
        return False
    return True


def _updating(wanted: Wanted) -> AbstractAsyncContextManager[FileLock]:
    return held(
        wanted.folder.with_suffix(".lock"),
        shared=False,
        deadline_seconds=2 * wanted.timeout_seconds,
    )


async def _tip(wanted: Wanted) -> str:
    run = await _ask(wanted, ["ls-remote", "--", wanted.remote.url, wanted.ref])
    lines = [line.split("\t") for line in run.output.decode("utf-8", "replace").splitlines()]
    tips = [line[0] for line in lines if line[-1] == wanted.ref]
    if not tips:
        raise branch_missing(wanted.remote, wanted.branch)
    return tips[0]


async def _fetch(wanted: Wanted, folder: Path, lock: FileLock) -> None:
    arguments = [
        f"--git-dir={folder}", "fetch", "--depth=1", "--no-tags", "--force", "--progress",
        "--no-write-fetch-head", "--", wanted.remote.url, f"+{wanted.ref}:{REF}",
    ]  # fmt: skip
    await _ask(wanted, arguments, keep=[lock.fileno()])


async def _ask(wanted: Wanted, arguments: Sequence[str], *, keep: Sequence[int] = ()) -> GitRun:
    """Run a git that talks to the remote, with the credentials of this moment."""
    header = await header_for(wanted.credentials, wanted.remote, wanted.rules)
    environment = git_environment(
        wanted.remote,
        header=header,
        key=ssh_key_for(wanted.credentials, wanted.remote),
        addresses=wanted.addresses,
    )

    told_at = time.monotonic()
    wanted.transfer.begin()

    def hear(line: str) -> None:
        nonlocal told_at
        if counts := wanted.transfer.hear(line):
            wanted.moved(*counts)
        if line.rstrip().endswith("done.") or time.monotonic() > told_at + 5:
            told_at = time.monotonic()
            wanted.report(shown(without_secrets(line.strip(), header)))

    run = await run_git(
        arguments,
        environment=environment,
        deadline_seconds=wanted.timeout_seconds,
        on_line=hear,
        keep=keep,
        max_file_bytes=wanted.max_bytes,
    )
    if run.code:
        raise failure_of_git(without_secrets(run.says, header), wanted.remote, wanted.branch)
    return run


async def _commit(folder: Path) -> str:
    name = f"{REF}^{{commit}}"
    run = await _git(f"--git-dir={folder}", "rev-parse", "--verify", "--quiet", name)
    return run.output.decode("ascii", "replace").strip()


async def _git(*arguments: str) -> GitRun:
    run = await run_git(arguments, environment=git_environment(), deadline_seconds=60)
    if run.code:
        raise CheckoutBroken(f"git failed: {run.says.strip()[-500:]}")
    return run


def _mark(folder: Path, commit: str) -> None:
    """Say which commit is there; a reader finds the old file or the new one, and all of it."""
    new = folder / f"{MARKER}.new"
    with new.open("w", encoding="ascii") as file:
        file.write(commit)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / MARKER)
