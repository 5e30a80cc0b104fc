"""The trees and rows of the engine's own tests, for its machines too."""

import sys
from pathlib import Path

# Each folder of tests is a root of its own.
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "jobs"))
