"""Lets these tests find the providers of the embedders' own tests."""

import sys
from pathlib import Path

ENGINE_TESTS = Path(__file__).parents[1] / "engine"
sys.path[:0] = [str(ENGINE_TESTS), str(ENGINE_TESTS / "embedders")]
