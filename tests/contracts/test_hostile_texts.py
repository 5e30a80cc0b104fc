"""What files that are made to be slow cost in every language."""

import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest
from hostile_texts import HOSTILE, analysed, hostile_bytes

from engine.languages import LANGUAGES

_PROGRAM = Path(__file__).with_name("hostile_texts.py")
_DEADLINE_SECONDS = 60
# Texts that the grammars themselves need the square of the length for, or more.
_SLOW_GRAMMARS = {("csharp", "angles"), ("java", "angles")}
_WHOLE_FILES = {"blanks", "line", "string"}


def steps(name: str, content: bytes) -> int:
    """How many calls an analysis makes, of our functions and of those in C."""
    count = 0

    def heard(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(heard)
    try:
        analysed(name, content, chunk_chars=100)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", LANGUAGES)
def test_four_times_the_text_takes_about_four_times_the_steps(name: str) -> None:
    steps(name, b"")  # which loads the grammar
    for text in HOSTILE:
        small, large = (steps(name, hostile_bytes(name, text, size)) for size in (400, 1_600))
        assert large <= 6 * small + 500, text


@pytest.mark.long
@pytest.mark.parametrize("name", LANGUAGES)
def test_no_text_of_100_kb_keeps_a_worker_busy_past_its_deadline(name: str) -> None:
    for text in HOSTILE:
        if (name, text) not in _SLOW_GRAMMARS:
            size = 1_000_000 if text in _WHOLE_FILES else 100_000
            run = [sys.executable, str(_PROGRAM), name, text, str(size)]
            subprocess.run(run, check=True, timeout=_DEADLINE_SECONDS, stdout=subprocess.DEVNULL)
