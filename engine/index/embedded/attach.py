"""Use the Postgres of a home: find it or have it started, and let go of it."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import anyio
from anyio import to_thread

from engine.index.embedded import wire
from engine.index.embedded.binaries import find_binaries
from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError
from engine.index.embedded.file_lock import FileLock, is_held
from engine.index.embedded.layout import DATABASE, PORT, ROLE, Layout
from engine.index.embedded.spawn import Start

POLL_SECONDS = 0.005
ANSWER_SECONDS = 5
STOP_SECONDS = 30

logger = logging.getLogger(__name__)


@asynccontextmanager
async def embedded_postgres(home: Path, *, start_timeout_seconds: float = 60) -> AsyncIterator[str]:
    """A running Postgres with pgvector whose data is in `home`; yields its DSN.

    It is started on demand, shared by all processes that hold it, comes back at the same
    DSN when it is killed, and is stopped when the last one leaves, however they leave. Its
    only door is a socket that no other user of the system can reach. Cancelling the start
    leaves nothing behind but, at most, a complete empty database. Raises
    `EmbeddedPostgresError`.
    """
    attachment = Attachment(Layout(Path(await anyio.Path(home).resolve())))
    try:
        yield await _attached(attachment, start_timeout_seconds)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(attachment.leave)


async def _attached(attachment: "Attachment", timeout_seconds: float) -> str:
    began = time.monotonic()
    with anyio.move_on_after(timeout_seconds):
        while True:
            dsn = await to_thread.run_sync(_explaining, attachment.step)
            if dsn is not None:
                logger.info("%s after %.3f s", attachment, time.monotonic() - began)
                return dsn
            await anyio.sleep(POLL_SECONDS)
    raise EmbeddedPostgresError(
        f"{attachment.layout.data}: Postgres did not answer within {timeout_seconds:g} s:"
        f" {attachment.why_silent()}"
    )


class Attachment:
    """One use of a home's server. Its methods block a little and belong in a thread."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._users: FileLock | None = None
        self._start: Start | None = None
        self._how = "found"
        self._attached = False

    def __str__(self) -> str:
        return f"{self.layout.data}: {self._how} its Postgres"

    def step(self) -> str | None:
        """Goes on towards a server that answers; its DSN once it does."""
        if self._users is None and not self._count_in():
            return None
        if self._start is None:
            self._start_if_unattended()
        elif self._start.is_ready():
            self._end_start()
        dsn = self._dsn()
        self._attached = dsn is not None
        return dsn

    def why_silent(self) -> str:
        folder = self.layout.announced()
        if folder is not None and not folder.exists():
            return f"it listens in {folder}, which does not exist here: another container's?"
        return f"see {self.layout.log}"

    def leave(self) -> None:
        """Lets go; returns when others go on, or when the server is stopped, or too slow."""
        self._end_start()
        if self._users is None:
            return
        try:
            self._leave_attended()
        except (EmbeddedPostgresError, OSError) as error:
            logger.warning("%s: nobody is left to stop its Postgres: %s", self.layout.data, error)
        self._users.close()
        self._users = None
        if self._attached:
            with contextlib.suppress(FileNotFoundError):  # The home may have been deleted.
                self._await_stop(time.monotonic() + STOP_SECONDS)

    def _leave_attended(self) -> None:
        """Whoever killed the reaper did not mean that the server should run for ever."""
        if self._attached and is_held(self.layout.server_lock):
            self._start_if_unattended()
            self._end_start()

    def _count_in(self) -> bool:
        self.layout.create()
        users = FileLock(self.layout.users_lock)
        if users.try_shared():
            self._users = users
            return True
        users.close()  # The reaper is stopping the server.
        return False

    def _start_if_unattended(self) -> None:
        lock = FileLock(self.layout.reaper_lock)
        if not lock.try_exclusive():
            lock.close()
            return
        self._how = "started"
        try:
            binaries = find_binaries()
        except EmbeddedPostgresError:
            lock.close()
            raise
        self._start = Start(self.layout, binaries, lock)

    def _end_start(self) -> None:
        if self._start is not None:
            self._start.close()
            self._start = None

    def _dsn(self) -> str | None:
        folder = self.layout.announced()
        if folder is None:
            return None
        try:
            wire.run(folder, DATABASE, timeout_seconds=ANSWER_SECONDS)
        except wire.Refusal as refusal:
            if refusal.code.startswith(wire.Refusal.NO_ENTRY):
                raise EmbeddedPostgresError(f"{self.layout.data}: {refusal}") from refusal
            if refusal.code != wire.Refusal.TOO_MANY_CONNECTIONS:
                return None
        except OSError:
            return None
        return dsn_at(folder)

    def _await_stop(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if self._is_used_by_others() or not is_held(self.layout.reaper_lock):
                return
            time.sleep(POLL_SECONDS)

    def _is_used_by_others(self) -> bool:
        """Not while nobody has the lock, nor once the reaper has it for itself."""
        users = FileLock(self.layout.users_lock)
        try:
            return not users.try_exclusive() and users.try_shared()
        finally:
            users.close()


def dsn_at(folder: Path) -> str:
    """The address of the server that listens in a folder."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(folder))}&port={PORT}"


def _explaining(step: Callable[[], str | None]) -> str | None:
    try:
        return step()
    except OSError as error:
        where = error.filename or "the embedded Postgres"
        raise EmbeddedPostgresError(f"{where}: {error.strerror or error}; {ELSEWHERE}") from error
