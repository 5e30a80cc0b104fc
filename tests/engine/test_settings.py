"""Settings from an environment."""

import pytest

from engine import BadSetting, Isolation, Settings
from resolver import render_envelope, visit_concurrency


def test_an_empty_environment_means_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert (settings.index_concurrency, settings.prerender_tabs, settings.dsn) == (4, 5, "")


@pytest.mark.parametrize("text", ["oops", "0", "-3", "1.5", "", "  ", "٣", "1e3", "9" * 30])
def test_what_is_no_whole_number_of_at_least_one_means_the_default(text: str) -> None:
    environment = {"INDEX_RUNNER_MAX_CONCURRENCY": text, "PRERENDER_AFFINITY_TAB_MAX": text}
    settings = Settings.from_environment(environment)
    envelope = render_envelope(settings.prerender_tabs)
    assert visit_concurrency(100, 20, envelope=envelope, cap=settings.index_concurrency) == 4


def test_a_number_is_taken_with_blanks_around_it() -> None:
    settings = Settings.from_environment({"INDEX_RUNNER_MAX_CONCURRENCY": " 7 "})
    assert settings.index_concurrency == 7


def test_credentials_are_in_no_repr_and_no_table() -> None:
    settings = Settings(dsn="postgresql://u:hunter2@h/d")
    assert "hunter2" not in repr(settings) + str(settings.table())


def test_isolation_is_taken_as_its_word_and_garbage_is_refused() -> None:
    assert Settings(isolation="inline").isolation is Isolation.INLINE  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="auto, inline, process"):
        Settings(isolation="outside")  # type: ignore[arg-type]
    assert Settings.from_environment({"WIDTHWISE_ISOLATION": "Process"}).isolation == "process"
    assert Settings.from_environment({"WIDTHWISE_ISOLATION": "outside"}).isolation == "auto"


@pytest.mark.parametrize("name", ["lease_seconds", "poll_seconds", "backoff_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_time_that_is_none_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadSetting, match=name):
        Settings(**{name: value})
    assert getattr(Settings(**{name: 0.05}), name) == 0.05


@pytest.mark.parametrize(
    ("text", "on"),
    [("", False), ("0", False), ("Off", False), ("1", True), ("yes", True), ("typo", True)],
)
def test_what_is_not_clearly_off_keeps_private_addresses_from_being_asked(
    text: str, on: bool
) -> None:
    assert Settings.from_environment({"WIDTHWISE_PUBLIC_ONLY": text}).public_only is on
