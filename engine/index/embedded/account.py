"""Which account Postgres runs as, and what that account can reach. Changes no permission."""

import os
import pwd
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int


def server_account(data: Path) -> Account | None:
    """None for our own. Postgres refuses to run as root: then it is the owner of the data."""
    if os.geteuid() != 0:
        return None
    owner = data.stat() if data.exists() else None
    if owner is not None and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return _nobody()


def client_names() -> list[str]:
    """The users of this system who may log in: we ourselves, and root, who can do anything."""
    try:
        return sorted({pwd.getpwuid(uid).pw_name for uid in (os.geteuid(), 0)})
    except KeyError:
        raise EmbeddedPostgresError(
            f"user {os.geteuid()} has no line in /etc/passwd, which Postgres needs: add one,"
            " or set WIDTHWISE_DSN to a Postgres of your own"
        ) from None


def as_account(command: list[str], account: Account | None, reach: Iterable[Path]) -> list[str]:
    """The command that runs `command` as the account, able to enter the folders in `reach`."""
    if account is None:
        return command
    closed = first_closed(reach, account)
    who = [str(account.uid), str(account.gid), "" if closed is None else str(closed)]
    return [sys.executable, "-I", "-S", str(LAUNCHER), *who, *command]


def first_closed(paths: Iterable[Path], account: Account) -> Path | None:
    """The first folder on the way to the paths, themselves included, that it cannot enter."""
    for path in paths:
        for folder in (*reversed(path.parents), path):
            if not _can_enter(folder.stat(), account):
                return folder
    return None


def _can_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedPostgresError(
            f"Postgres refuses to run as root, and there is no user nobody: {ELSEWHERE}"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)
