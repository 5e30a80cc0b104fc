"""Lets these tests find the providers and samples of the engine's own tests."""

import sys
from pathlib import Path

ENGINE_TESTS = Path(__file__).parents[1] / "engine"
sys.path[:0] = [str(ENGINE_TESTS / part) for part in ("", "embedders", "languages")]
