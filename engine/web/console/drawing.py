"""The geometry of small pictures: the phases of a pass, and what is around a file. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PHASES = ("fetch", "discover", "prewarm", "visit", "swap")

BARS_WIDTH = 220
SHORTEST_SECONDS = 0.001
ROW = 22
SHOWN = 14
LABEL_CHARS = 42
OWN_CHARS = 30

# Where the labels of a side stand, and where a curve from them begins.
LEFT = (330, 340)
RIGHT = (720, 710)
MIDDLE = 525
CHAR_WIDTH = 7.3


@dataclass(frozen=True, slots=True)
class Bar:
    """A phase in the picture of a pass."""

    phase: str
    seconds: float
    x: float
    width: float


def phase_bars(phases: Mapping[str, float], longest: float) -> list[Bar]:
    """The phases of a pass one behind the other, to the scale of the `longest` pass."""
    scale = BARS_WIDTH / longest if longest >= SHORTEST_SECONDS else 0.0
    bars, x = [], 0.0
    for phase in PHASES:
        seconds = phases.get(phase, 0.0)
        bars.append(Bar(phase, seconds, round(x, 1), round(seconds * scale, 1)))
        x += seconds * scale
    return bars


@dataclass(frozen=True, slots=True)
class Label:
    """A file beside the one in the middle, with the curve between them; no key for "and more"."""

    text: str
    key: str
    x: int
    y: int
    curve: str


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A file between what it reads, to the left, and who reads it, to the right."""

    name: str
    height: int
    left: tuple[Label, ...]
    right: tuple[Label, ...]

    @property
    def middle(self) -> int:
        return self.height // 2


def neighbourhood(
    key: str, dependencies: Sequence[str], dependents: Sequence[str]
) -> Neighbourhood:
    """The picture around `key`; of long lists the first `SHOWN` and how many more there are."""
    rows = min(SHOWN + 1, max(len(dependencies), len(dependents), 1))
    height = ROW * (rows + 1)
    name = shortened(key, OWN_CHARS)
    # Curves end beside the name, which is a few letters or thirty.
    half = round(len(name) * CHAR_WIDTH / 2) + 10
    left, right = (
        tuple(_labels(keys, side, end, height // 2))
        for keys, side, end in (
            (dependencies, LEFT, MIDDLE - half),
            (dependents, RIGHT, MIDDLE + half),
        )
    )
    return Neighbourhood(name, height, left, right)


def _labels(keys: Sequence[str], side: tuple[int, int], end: int, middle: int) -> list[Label]:
    x, start = side
    more = len(keys) - SHOWN
    named = [(shortened(key, LABEL_CHARS), key) for key in keys[:SHOWN]]
    named += [(f"and {more:,} more", "")] if more > 0 else []
    bend = (start + end) // 2
    labels = []
    for number, (text, key) in enumerate(named):
        y = round(middle + (number - (len(named) - 1) / 2) * ROW)
        curve = f"M{start},{y} C{bend},{y} {bend},{middle} {end},{middle}"
        labels.append(Label(text, key, x, y + 4, curve))
    return labels


def shortened(text: str, limit: int) -> str:
    """The end of a path, where its name is."""
    return text if len(text) <= limit else "…" + text[1 - limit :]
