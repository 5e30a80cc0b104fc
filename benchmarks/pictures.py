"""Draws the panels of a result into one PNG with matplotlib. Knows no benchmark."""

import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.results import Cell, Panel

WIDE: Final = 6.4
HIGH: Final = 4.2
COLUMNS: Final = 2
# Okabe and Ito's colours, which people who see fewer of them can tell apart.
COLOURS: Final = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000", "#999999",
)  # fmt: skip
MARKS: Final = "os^Dv<>p"

# So many characters of the names below bars fit on one line of a panel.
ROOM_FOR_NAMES: Final = 84

Points = Mapping[str, Mapping[Cell, float]]


def draw(title: str, panels: Sequence[Panel], path: Path) -> None:
    across = min(COLUMNS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(WIDE * across, HIGH * down), layout="constrained")
    figure.suptitle(textwrap.fill(title, 75 * across), fontsize=11)
    axes = figure.subplots(down, across, squeeze=False)
    for place, panel in zip(axes.flat, panels, strict=False):
        _panel(place, panel)
    for place in axes.flat[len(panels) :]:
        place.set_axis_off()
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, panel: Panel) -> None:
    points = _points(panel)
    (_bars if panel.kind == "bars" else _lines)(axes, points)
    if panel.log_x:
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted({float(x or 0) for each in points.values() for x in each}))
        axes.xaxis.set_major_formatter(FuncFormatter(_plainly))
        axes.xaxis.set_minor_locator(NullLocator())
    if panel.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(_plainly))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    if panel.level is not None:
        axes.axhline(panel.level, color="#666666", linestyle="--", linewidth=1)
        axes.set_ylim(top=max(axes.get_ylim()[1], panel.level * 1.08))
    axes.set(title=panel.title, ylabel=panel.y, xlabel="" if panel.kind == "bars" else panel.x)
    axes.title.set_fontsize(10)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len(points) > 1:
        _explain(axes, bars=panel.kind == "bars")


def _explain(axes: Axes, *, bars: bool) -> None:
    """A legend: in one line above bars, where lines leave most room beside lines."""
    if bars:
        axes.legend(loc="upper center", ncols=4, fontsize=7, framealpha=0.8, edgecolor="none")
    else:
        axes.legend(fontsize=8, framealpha=0.8, edgecolor="none")


def _points(panel: Panel) -> Points:
    """For each series, what stands over each x."""
    found: defaultdict[str, dict[Cell, float]] = defaultdict(dict)
    for row in panel.rows:
        value = row.get(panel.y)
        if isinstance(value, int | float):
            found[str(row.get(panel.series, ""))][row[panel.x]] = value
    return found


def _lines(axes: Axes, points: Points) -> None:
    for number, (name, line) in enumerate(points.items()):
        colour, mark = COLOURS[number % len(COLOURS)], MARKS[number % len(MARKS)]
        xs = [float(x or 0) for x in line]
        axes.plot(xs, list(line.values()), color=colour, marker=mark, markersize=4, label=name)


def _bars(axes: Axes, points: Points) -> None:
    places = list(dict.fromkeys(x for line in points.values() for x in line))
    width = 0.8 / max(1, len(points))
    for number, (name, line) in enumerate(points.items()):
        offset = (number - (len(points) - 1) / 2) * width
        at = [places.index(x) + offset for x in line]
        bars = axes.bar(at, list(line.values()), width, color=COLOURS[number % 8], label=name)
        labels = [_shortly(value) if value else "" for value in line.values()]
        axes.bar_label(bars, labels, fontsize=7 if len(points) < 4 else 5, padding=1)
        for x in (x for x, value in zip(at, line.values(), strict=True) if not value):
            # A logarithmic axis has no place for nothing.
            axes.text(x, 0.01, "0", transform=axes.get_xaxis_transform(), ha="center", fontsize=7)
    # With several, the legend stands above the bars.
    axes.margins(y=0.08 if len(points) == 1 else 0.2)
    _name_places(axes, [str(x) for x in places])


def _name_places(axes: Axes, names: Sequence[str]) -> None:
    """In lines where they fit below each other, else slanting, each ending below its bars."""
    room = ROOM_FOR_NAMES // max(1, len(names))
    if max((len(word) for name in names for word in name.split()), default=0) <= room:
        wrapped = [textwrap.fill(name, room) for name in names]
        axes.set_xticks(range(len(names)), wrapped, fontsize=8)
        return
    wrapped = [textwrap.fill(name, 24, break_long_words=False) for name in names]
    axes.set_xticks(range(len(names)), wrapped, fontsize=7)
    for label in axes.get_xticklabels():
        label.set(rotation=30, horizontalalignment="right", rotation_mode="anchor")


def _shortly(value: float) -> str:
    """Three digits that count, and never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _plainly(value: float, _place: int) -> str:
    """0.02 and 5000, never as powers of ten."""
    return f"{value:g}" if value < 1 else f"{value:.0f}"
