"""What git's last words mean: whether to ask again later, and what somebody should do. Pure."""

import re

from engine.sources.errors import SourceError, SourceMissing
from engine.sources.git_url import Remote
from engine.sources.keys import shown


class CheckoutBroken(SourceError):
    """What went wrong may lie in what is on this disk: a new clone can heal it."""


_BRANCH_GONE = re.compile(r"couldn't find remote ref|Remote branch .* not found")
_DENIED = re.compile(
    r"Authentication failed|could not read (Username|Password)|returned error: 40[13]"
    r"|Permission denied \(|Access denied"
)
_GONE = re.compile(
    r"repository .* not found|does not appear to be a git repository|returned error: (404|410)"
    r"|not valid: is this a git repository|Repository not found|dumb http transport"
)
_STRANGER = re.compile(r"Host key verification failed|host key is known for")
_MOVED = re.compile(r"returned error: 30\d|unable to update url base from redirection")
# Whoever writes the pack was killed, with no word of the network or the disk: by its bound.
_CUT_OFF = re.compile(r"died of signal 25|File too large|invalid index-pack output")
_DOWN = re.compile(
    r"Could not resolve|Failed to connect|Couldn't connect|[Cc]onnection (refused|reset|closed)"
    r"|returned error: (408|429|5\d\d)|early EOF|RPC failed|hung up|unexpected disconnect"
    r"|[Tt]imed? ?out|Empty reply|transfer closed|Operation too slow|Network is unreachable"
    r"|No route to host|No space left|SSL|TLS|certificate|Could not read from remote repository"
)


# Each with what somebody has to do; the first that fits.
_TO_MEND = (
    (_MOVED, "has moved; give the URL where it is now"),
    (
        _STRANGER,
        "the host shows a key that is not the one in known_hosts; ask who runs it for its key, "
        "and put that there",
    ),
    (
        _GONE,
        "no repository there, or none that these credentials may see; look at the URL and at "
        "what the token may read",
    ),
    (
        _DENIED,
        "access denied; give credentials that may read it, or look whether the token has expired",
    ),
)


def failure_of_git(says: str, remote: Remote, branch: str | None) -> SourceError:
    """The error for a command that failed with these words, which hold no secret."""
    words = _last_words(says)
    if _BRANCH_GONE.search(says):
        return branch_missing(remote, branch)
    for pattern, advice in _TO_MEND:
        if pattern.search(says):
            return SourceMissing(f"{remote.url}: {advice} ({words})")
    if _DOWN.search(says):
        return SourceError(f"{remote.url}: can't be reached now: {words}")
    if _CUT_OFF.search(says):
        return SourceMissing(f"{remote.url}: larger than WIDTHWISE_CHECKOUT_MB allows ({words})")
    return CheckoutBroken(f"{remote.url}: git failed: {words}")


def branch_missing(remote: Remote, branch: str | None) -> SourceMissing:
    if branch is None:
        return SourceMissing(f"{remote.url}: has no commit on its default branch yet")
    return SourceMissing(f"{remote.url}: has no branch {branch!r}; choose another, or push it")


def _last_words(says: str) -> str:
    """The lines in which git speaks of failure, or else its last line."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", says) if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error|remote): ", line)]
    # Part of it are the server's own words, which may be meant for a terminal.
    return shown("; ".join(telling[-3:] or lines[-1:]))[:500] or "no reason given"
