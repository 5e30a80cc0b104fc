"""Which failures are worth another try, and what is kept of them."""

import email.utils
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import (
    BadSetting,
    PassFailed,
    PermanentFailure,
    RealmNotFound,
    StalePass,
    Throttled,
)
from engine.jobs.failure import (
    MAX_RETRY_AFTER_SECONDS,
    MAX_TEXT,
    Failure,
    FailureKind,
    failure_of,
    retry_after_seconds,
)

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)

GONE, PERMANENT = FailureKind.GONE, FailureKind.PERMANENT
TRANSIENT, THROTTLED = FailureKind.TRANSIENT, FailureKind.THROTTLED


def answered(status: int, **headers: str) -> Exception:
    """What httpx raises of such a response."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("POST", "http://provider.test/embed")
    response = httpx.Response(status, headers=named, request=request)
    with pytest.raises(httpx.HTTPStatusError) as raised:
        response.raise_for_status()
    return raised.value


def refused() -> Exception:
    with pytest.raises(httpx.ConnectError) as raised:
        httpx.get("http://127.0.0.1:1/")
    return raised.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RealmNotFound("r"), GONE),
        (PermanentFailure("no such model"), PERMANENT),
        (BadSetting("no such setting"), PERMANENT),
        (PassFailed("files keep changing"), TRANSIENT),
        (StalePass("too late"), TRANSIENT),
        (Throttled("later"), THROTTLED),
        (OSError(28, "No space left on device"), TRANSIENT),
        (TimeoutError(), TRANSIENT),
        (MemoryError(), TRANSIENT),
        (KeyError("a bug of a visitor"), TRANSIENT),
        (ExceptionGroup("both", [PermanentFailure("first"), OSError("second")]), PERMANENT),
        (ExceptionGroup("out", [ExceptionGroup("in", [Throttled("later")])]), THROTTLED),
    ],
    ids=repr,
)
def test_an_error_is_of_one_kind(error: Exception, kind: FailureKind) -> None:
    assert failure_of(error).kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, PERMANENT) for status in (400, 401, 403, 404, 410, 413, 422, 451)),
        *((status, TRANSIENT) for status in (408, 409, 425, 500, 502, 503, 504, 529)),
        (429, THROTTLED),
    ],
)
def test_a_response_is_judged_by_its_status(status: int, kind: FailureKind) -> None:
    assert failure_of(answered(status)).kind is kind


def test_a_server_that_cannot_be_reached_is_tried_again() -> None:
    assert failure_of(refused()).kind is TRANSIENT


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_is_told_back_when_it_asked_for_it(status: int) -> None:
    failure = failure_of(answered(status, retry_after="17"))
    assert (failure.kind, failure.retry_after_seconds) == (THROTTLED, 17.0)


def test_a_provider_that_names_no_time_leaves_it_to_us() -> None:
    assert failure_of(answered(429)).retry_after_seconds is None
    assert failure_of(answered(429, retry_after="soon")).retry_after_seconds is None


def test_a_time_is_asked_of_throttling_alone() -> None:
    for status in (400, 500):
        failure = failure_of(answered(status, retry_after="17"))
        assert failure.kind is not THROTTLED
        assert failure.retry_after_seconds is None


@given(st.integers(0, 10**30))
def test_a_number_of_seconds_is_obeyed_up_to_the_limit(seconds: int) -> None:
    assert retry_after_seconds(str(seconds)) == min(seconds, MAX_RETRY_AFTER_SECONDS)
    assert retry_after_seconds(f"  {seconds} ") == min(seconds, MAX_RETRY_AFTER_SECONDS)


@given(
    st.integers(-(10**9), 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_date_is_a_pause_until_then(when: datetime, zone: timezone) -> None:
    pause = retry_after_seconds(email.utils.format_datetime(when.astimezone(zone)), now=NOW)
    assert pause == min(max((when - NOW).total_seconds(), 0), MAX_RETRY_AFTER_SECONDS)


numbers = st.integers(0, 10**30).map(str)
dates = st.tuples(
    numbers, st.sampled_from(["Jan", "Feb", "Foo"]), numbers, st.from_regex(r"[+-]\d{1,25}|GMT|")
).map(lambda parts: "{} {} {} 00:00:00 {}".format(*parts))
hostile = st.one_of(
    st.text(),
    dates,
    st.sampled_from(["-1", "1.5", "1e9", "inf", "nan", "٣", "²", "0x10", "1_000", ""]),
)


@given(hostile)
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2020 00:00:00 +99999999999999999999")
@example("Mon, 01 Jan 0001 00:00:00 +1400")
def test_no_header_asks_for_more_than_the_limit_or_breaks_anything(value: str) -> None:
    pause = retry_after_seconds(value)
    assert pause is None or 0 <= pause <= MAX_RETRY_AFTER_SECONDS


@given(st.floats() | st.integers())
def test_no_pause_that_is_asked_for_is_past_the_limit_or_no_number(seconds: float) -> None:
    pause = failure_of(Throttled("later", retry_after_seconds=seconds)).retry_after_seconds
    assert pause is None or 0 <= pause <= MAX_RETRY_AFTER_SECONDS
    assert (pause is None) == math.isnan(seconds)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Odd(Exception):
    """An error whose response is not one."""

    def __init__(self, response: object) -> None:
        super().__init__("odd")
        self.response = response


class Evasive(Exception):
    """As `httpx.RequestError` is about its request: there is one, but not to be asked for."""

    @property
    def response(self) -> object:
        raise RuntimeError("not set")


class Answer:
    def __init__(self, status_code: object, headers: object = None) -> None:
        self.status_code, self.headers = status_code, headers


@pytest.mark.parametrize(
    "make",
    [
        Mute,
        Evasive,
        lambda: Odd(None),
        lambda: Odd(Answer("429")),
        lambda: Odd(Answer(None)),
        lambda: Odd(Answer(700, {"retry-after": b"1"})),
        lambda: Odd(Answer(-1)),
    ],
)
def test_an_error_that_misbehaves_is_still_an_error(make: Callable[[], Exception]) -> None:
    assert failure_of(make()).kind is TRANSIENT


def test_a_header_that_is_no_text_is_no_header() -> None:
    failure = failure_of(Odd(Answer(429, {"retry-after": 17})))
    assert failure == Failure(THROTTLED, "Odd: odd")


@given(st.text(st.characters(codec=None), max_size=50))
@example("\0")
@example("no such file: \udcff.py")
def test_what_is_kept_of_an_error_can_be_stored(text: str) -> None:
    kept = failure_of(OSError(text)).text
    assert kept.startswith("OSError: ")
    assert "\0" not in kept
    assert kept.encode("utf-8")


def test_no_more_is_kept_of_an_error_than_helps() -> None:
    assert len(failure_of(OSError("x" * 10**6)).text) == MAX_TEXT
