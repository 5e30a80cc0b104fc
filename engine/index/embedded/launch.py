"""Become another account, then run a program. A script of its own; imports nothing of ours.

    python -I -S launch.py UID GID CLOSED PROGRAM ARGUMENT...

CLOSED is a folder on the way to the data or the program that the account cannot enter,
or empty. Then the right to read past permissions stays with the program as an ambient
capability of Linux: no folder of the user's has to be opened to everybody. Permitted
and ambient set are equal, so the loader does not go into its secure mode.
"""

import contextlib
import ctypes
import os
import sys

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2


def main(uid: int, gid: int, closed: str, program: list[str]) -> None:
    capability = _passing_capability() if closed else None
    if closed and capability is None:
        sys.exit(
            f"{closed}: user {uid}, which Postgres runs as because it refuses to run as root,"
            " cannot enter this folder; set WIDTHWISE_HOME to a folder that it can enter, install"
            " widthwise where it can read, or set WIDTHWISE_DSN to a Postgres of your own"
        )
    os.setgroups([])
    os.setgid(gid)
    if capability is not None:
        _outlive_setuid()
    os.setuid(uid)
    if capability is not None:
        _keep_only(capability)
    os.umask(0o077)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


def _passing_capability() -> int | None:
    """The weakest permitted one that enters any folder. Docker grants only the stronger."""
    if sys.platform != "linux":
        return None
    data = (ctypes.c_uint32 * 6)()
    _check(ctypes.CDLL(None, use_errno=True).capget(_header(), data))
    permitted = data[1]
    found = (c for c in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if permitted >> c & 1)
    return next(found, None)


def _outlive_setuid() -> None:
    """Also for access(2), with which Postgres looks at its binaries; else it ignores the right."""
    with contextlib.suppress(OSError):  # Not permitted without CAP_SETPCAP.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    _prctl(PR_SET_KEEPCAPS, 1)


def _keep_only(capability: int) -> None:
    mask = 1 << capability
    data = (ctypes.c_uint32 * 6)(mask, mask, mask)
    _check(ctypes.CDLL(None, use_errno=True).capset(_header(), data))
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _header() -> ctypes.Array[ctypes.c_uint32]:
    return (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    _check(ctypes.CDLL(None, use_errno=True).prctl(option, *words))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    except OSError as error:
        sys.exit(f"cannot run Postgres as user {sys.argv[1]}, which it needs under root: {error}")
