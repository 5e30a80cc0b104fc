"""The bench of the jobs' own tests, for what claims to be like them."""

import sys
from pathlib import Path

# Each folder of tests is a root of its own.
sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "jobs"))
