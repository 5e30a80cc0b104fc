"""The geometry of a plan's picture: how wide its layers were, and what bound its visits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any

from engine.plan_shape import PathStep, PlanShape
from engine.web.console.templating import took

PROFILE_WIDTH = 640
PROFILE_HEIGHT = 96
WIDEST_COLUMN = 40.0
LOWEST_COLUMN = 3.0
GAP = 0.18
BAR_WIDTH = 220

SHOWN_STEPS = 8
# So few are visited one by one: see `resolver.visit_concurrency`.
FEW_FILES = 10

# What is quicker than this says nothing of its order.
MEANT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Column:
    """A layer, or several where a plan is deep, as high as the logarithm of its width.

    `is_narrow` ones have fewer files than may be visited at once.
    """

    layers: str
    files: int
    x: float
    y: float
    width: float
    height: float
    is_narrow: bool


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    seconds: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """What is shown of a plan. `path` is short: those of its files that took longest."""

    shape: PlanShape
    layers: int
    widest: int
    concurrency: int
    columns: tuple[Column, ...]
    bars: tuple[Bar, ...]
    path: tuple[PathStep, ...]
    verdict: str

    @property
    def not_named(self) -> int:
        return self.shape.path_files - len(self.path)


def plan_picture(shape: PlanShape, *, layers: int, widest: int, concurrency: int) -> PlanPicture:
    return PlanPicture(
        shape,
        layers,
        widest,
        concurrency,
        tuple(_columns(shape, layers, concurrency)),
        tuple(_bars(shape, concurrency)),
        _longest(shape.path),
        verdict(shape, concurrency),
    )


def is_worth_a_picture(report: Mapping[str, Any] | None) -> bool:
    """Whether files could have been visited side by side, and the report says how they were."""
    return bool(report and report.get("plan") and report["visited"] >= FEW_FILES)


def picture_of(report: Mapping[str, Any] | None) -> PlanPicture | None:
    """Of a stored report; None if it is not worth one."""
    if not is_worth_a_picture(report):
        return None
    assert report is not None
    return plan_picture(
        PlanShape.from_json(report["plan"]),
        layers=report["topo_depth"],
        widest=report["max_layer_width"],
        concurrency=report["concurrency"],
    )


def verdict(shape: PlanShape, concurrency: int) -> str:
    """How near the visits came to what was possible, in words."""
    if shape.visit_seconds < MEANT_SECONDS or not shape.bound_seconds:
        return "The visits were over at once."
    times = shape.visit_seconds / shape.bound_seconds
    more = f"{times:.1f} times" if times >= 2 else f"{max(0, round((times - 1) * 100))} % more than"
    beside = "; embedding and writing go on beside them" if times >= 2 else ""
    least = f"the {took(shape.bound_seconds)} {_bound(shape, concurrency)}"
    return f"The visits took {took(shape.visit_seconds)}, {more} {least}{beside}."


def _bound(shape: PlanShape, concurrency: int) -> str:
    if shape.is_bound_by_path:
        return "of the critical path, which more at once would not shorten"
    return f"that {concurrency} at once need at best" if concurrency > 1 else "that they need"


def _columns(shape: PlanShape, layers: int, concurrency: int) -> list[Column]:
    if not shape.widths:
        return []
    step = min(PROFILE_WIDTH / len(shape.widths), WIDEST_COLUMN)
    scale = PROFILE_HEIGHT / log1p(max(shape.widths))
    columns = []
    for at, files in enumerate(shape.widths):
        height = max(LOWEST_COLUMN, log1p(files) * scale)
        columns.append(
            Column(
                _layers(at, shape.layers_each, layers),
                files,
                round(at * step, 2),
                round(PROFILE_HEIGHT - height, 2),
                round(step * (1 - GAP), 2),
                round(height, 2),
                files < concurrency,
            )
        )
    return columns


def _layers(at: int, each: int, layers: int) -> str:
    first, last = at * each + 1, min((at + 1) * each, layers)
    return f"{first}" if first == last else f"{first} to {last}"


def _bars(shape: PlanShape, concurrency: int) -> list[Bar]:
    shared = shape.work_seconds / concurrency
    found = (
        (f"all work, {concurrency} at once" if concurrency > 1 else "all work", shared, "work"),
        ("critical path", shape.path_seconds, "path"),
        ("the visits took", shape.visit_seconds, "took"),
    )
    longest = max(seconds for _, seconds, _ in found) or 1.0
    return [
        Bar(name, seconds, round(BAR_WIDTH * (seconds / longest), 1), kind)
        for name, seconds, kind in found
    ]


def _longest(path: Sequence[PathStep]) -> tuple[PathStep, ...]:
    kept = sorted(path, key=lambda step: -step.seconds)[:SHOWN_STEPS]
    return tuple(step for step in path if step in kept)
