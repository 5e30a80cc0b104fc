"""The questions on Django are whole, and the line to beat is BM25."""

import os
import tomllib
from pathlib import Path

import pytest

from benchmarks.search_bm25 import BM25

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "search_questions.toml"
ASKED = tomllib.loads(QUESTIONS.read_text("utf-8"))["questions"]


def test_there_are_sixty_different_questions_with_one_to_three_files_each() -> None:
    assert len({each["text"] for each in ASKED}) == len(ASKED) == 60
    assert all(1 <= len(set(each["files"])) == len(each["files"]) <= 3 for each in ASKED)
    assert all(each["topic"] for each in ASKED)


@pytest.mark.skipif("DJANGO_SDIST" not in os.environ, reason="DJANGO_SDIST names no folder")
def test_each_file_that_answers_is_there() -> None:
    root = Path(os.environ["DJANGO_SDIST"])
    assert [file for each in ASKED for file in each["files"] if not (root / file).is_file()] == []


def test_bm25_prefers_rare_words_and_short_texts() -> None:
    texts = ["form form field", "form walrus field", "form walrus field and much besides", "form"]
    assert BM25(texts).best("form walrus", 3)[:2] == [1, 2]
    assert BM25(texts).best("form", 9)[-1] == 2
    assert BM25(texts).best("nothing", 9) == []
