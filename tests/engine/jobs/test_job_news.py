"""What a notification is taken to say."""

from hypothesis import given
from hypothesis import strategies as st

from engine.jobs import JobState, News

ids = st.sets(st.integers(1, 2**63 - 1), min_size=1, max_size=20)


@given(st.sampled_from(JobState), ids)
def test_what_the_statements_send_is_understood(state: JobState, job_ids: set[int]) -> None:
    payload = f"{state} {','.join(map(str, job_ids))}"
    assert News.of(payload) == News(state, frozenset(job_ids))


@given(st.text() | st.binary().map(repr))
def test_what_nobody_understands_means_that_anything_may_have_happened(payload: str) -> None:
    news = News.of(payload)
    assert news == News() or payload.startswith(tuple(JobState))


@given(st.sampled_from(JobState), ids, st.text())
def test_a_state_with_garbage_behind_it_is_not_half_understood(
    state: JobState, job_ids: set[int], garbage: str
) -> None:
    news = News.of(f"{state} {','.join(map(str, job_ids))},x{garbage}")
    assert news == News()


def test_a_cut_or_empty_payload_means_that_anything_may_have_happened() -> None:
    for payload in ("", " ", "pending", "pending ", "pending 1,", "pending ,1", "9" * 5_000):
        assert News.of(payload) == News()
    assert News.of(f"pending {'9' * 5_000}") == News()
