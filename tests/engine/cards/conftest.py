"""The engine of the tests around this folder."""

import sys
from pathlib import Path

# Each folder of tests is a root of its own.
sys.path.insert(0, str(Path(__file__).parent.parent))
