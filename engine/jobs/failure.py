"""What kind of failure an error is. Decides whether trying again can help, and nothing else."""

import email.utils
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from engine.errors import (
    BadSetting,
    PermanentFailure,
    RealmNotFound,
    Throttled,
    first_failure,
)

# What is kept of an error's text: enough to act on, never a whole response.
MAX_TEXT = 2_000

# No provider is obeyed for longer without asking again.
MAX_RETRY_AFTER_SECONDS = 3_600

# Of a number that somebody else wrote: whatever is longer is over every limit.
MAX_DIGITS = 9

TRANSIENT_STATUS = {408, 409, 425}


class FailureKind(StrEnum):
    """What can be done about a failure.

    GONE: what was to be indexed is no more. PERMANENT: nothing until somebody changes
    something. TRANSIENT: try again, a few times. THROTTLED: try again when told to, as often
    as told. LOST: the worker is, or makes no progress; nobody knows why.
    """

    GONE = "gone"
    PERMANENT = "permanent"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is kept. `retry_after_seconds` is what a throttling provider asked for."""

    kind: FailureKind
    text: str
    retry_after_seconds: float | None = None


def failure_of(error: BaseException) -> Failure:
    """Classify what a pass raised.

    An error that nobody has thought of is taken for transient: a retry that is of no use
    costs little, since there are few, and a job that is not retried costs its result.
    """
    cause = first_failure(error)
    text = _text(cause)
    match cause:
        case RealmNotFound():
            return Failure(FailureKind.GONE, text)
        case Throttled(retry_after_seconds=seconds):
            return Failure(FailureKind.THROTTLED, text, _bounded(seconds))
        case PermanentFailure() | BadSetting():
            return Failure(FailureKind.PERMANENT, text)
    return _of_response(cause, text) or Failure(FailureKind.TRANSIENT, text)


def _text(error: BaseException) -> str:
    """What the error says, as text that a database takes: file names need not be that."""
    try:
        says = str(error)
    except Exception as broken:
        says = f"(its message can't be made: {type(broken).__name__})"
    text = f"{type(error).__name__}: {says}"[:MAX_TEXT].replace("\0", "\\0")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _of_response(error: BaseException, text: str) -> Failure | None:
    """By the HTTP status that an error carries, whichever client library raised it."""
    try:
        response = getattr(error, "response", None)
    except Exception:
        # A property may say in its own way that there was no response.
        return None
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return None
    if status == 429 or (status == 503 and _header(response) is not None):
        return Failure(FailureKind.THROTTLED, text, retry_after_seconds(_header(response)))
    if 400 <= status < 500 and status not in TRANSIENT_STATUS:
        return Failure(FailureKind.PERMANENT, text)
    return Failure(FailureKind.TRANSIENT, text)


def _header(response: object) -> str | None:
    headers = getattr(response, "headers", None)
    value = headers.get("retry-after") if headers is not None else None
    return value if isinstance(value, str) else None


def retry_after_seconds(value: str | None, *, now: datetime | None = None) -> float | None:
    """The seconds that a `Retry-After` header asks for, as a number or a date (RFC 9110)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return _bounded(int(text[:MAX_DIGITS]))
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return _bounded((when - (now or datetime.now(UTC))).total_seconds() if when.tzinfo else 0.0)


def _bounded(seconds: float | None) -> float | None:
    """A pause that is one: not past the limit, not negative, a number."""
    if seconds is None or math.isnan(seconds):
        return None
    return float(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS))
