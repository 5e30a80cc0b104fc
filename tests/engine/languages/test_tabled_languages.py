"""What holds for every language that is told by a table of its grammar."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_samples import SAMPLES, Sample
from language_trees import resolved

from engine.languages import Analysis, language_of, listing_of
from prewarm import Definition


@pytest.fixture(scope="module", params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[str(request.param)]


def analysed(sample: Sample, text: str, *, chunk_chars: int = 1200) -> Analysis:
    return language_of(sample.key).analyse(sample.key, text, chunk_chars=chunk_chars)


def fingerprint(sample: Sample, text: str) -> str:
    analysis = analysed(sample, text)
    assert analysis.diagnostics == ()
    symbols = tuple(each.symbol for each in analysis.declarations)
    return Definition(sample.key, symbols, detail=analysis.detail).fingerprint


@given(seed=st.integers(0, 2**32))
def test_blanks_and_comments_change_no_definition(sample: Sample, seed: int) -> None:
    choose = random.Random(seed).choice
    text = re.sub(r"(?<=\S) (?=\S)", lambda _: choose([" ", "   "]), sample.text)
    ends = ["\n", "\n\n", f" {sample.line_comment}\n", f"\n{sample.line_comment}\n"]
    text = "".join(
        line.rstrip("\n") + (choose(ends) if line.rstrip()[-1:] in {";", "{", "}", ")"} else "\n")
        for line in text.splitlines(keepends=True)
    )
    assert fingerprint(sample, text) == fingerprint(sample, sample.text)


def test_other_bodies_change_no_definition(sample: Sample) -> None:
    assert sample.other_bodies != sample.text
    assert fingerprint(sample, sample.other_bodies) == fingerprint(sample, sample.text)


def test_whatever_others_can_see_changes_the_definition(sample: Sample) -> None:
    before = fingerprint(sample, sample.text)
    assert sample.text not in sample.other_offers
    assert all(fingerprint(sample, text) != before for text in sample.other_offers)


@given(bits=st.lists(st.booleans(), min_size=32, max_size=32))
def test_the_answer_depends_on_nothing_but_the_probes(sample: Sample, bits: list[bool]) -> None:
    """Whatever else appears or goes: with the probed keys as they were, nothing changes."""
    configuration = dict(sample.configuration)
    before = {key for key, there in zip(sample.keys, bits, strict=False) if there}
    after = {key for key, there in zip(sample.keys, bits[16:], strict=False) if there}
    first = resolved(sample.text, sample.key, before, configuration)
    asked = {key for key in sample.keys if {key, listing_of(key)} & set(first.probes)}
    kept = (after - asked) | (before & asked)
    assert resolved(sample.text, sample.key, kept, configuration) == first
    assert {link.key for link in first.links} <= before - {sample.key}
    assert set(first.consulted) <= configuration.keys()
    assert list(first.probes) == sorted(set(first.probes))


def test_a_definition_that_fits_is_one_chunk_with_its_comment(sample: Sample) -> None:
    text = "".join(f"{sample.text}\n" for _ in range(20))
    longest = max(map(len, text.splitlines()))
    for chunk in analysed(sample, text, chunk_chars=4 * longest).chunks:
        assert chunk.text in text
        lines = chunk.text.splitlines()
        assert lines[0] in text.splitlines()[chunk.start_line - 1]
        assert lines[-1] in text.splitlines()[chunk.end_line - 1]


def test_a_chunk_is_named_by_what_was_declared_around_it(sample: Sample) -> None:
    analysis = analysed(sample, sample.text, chunk_chars=60)
    declared = {each.symbol.name.partition(".")[0] for each in analysis.declarations}
    found = {chunk.symbol.partition(".")[0] for chunk in analysis.chunks} - {""}
    assert found
    assert found <= declared


@pytest.mark.parametrize("nest", ["{", "(", "[", "<", "a.", "f(", "{ class A ", '"', "#{"])
def test_deep_nesting_is_read_in_bounded_time(sample: Sample, nest: str) -> None:
    text = sample.text + nest * 20_000
    analysis = analysed(sample, text)
    assert len(analysis.declarations) < 1_000
    assert sum(len(chunk.text) for chunk in analysis.chunks) > len(nest)
