"""What is kept of a plan once its visits are over: few numbers and few keys, of any plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver import Plan

MAX_WIDTHS = 64
MAX_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A file of the critical path, and what its visit took."""

    key: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShape:
    """How the visits of a pass waited for each other, and what that cost.

    `widths` are those of the layers in order; of a plan with more than `MAX_WIDTHS` the
    largest of each `layers_each`. `path` is the chain of files, each of which waits for the
    one before, that takes longest: `path_files` with `path_seconds` together, of which the
    `MAX_STEPS` that took longest are named. All visits together took `work_seconds`. With so
    many at once as there were they could not be over before `bound_seconds`, and were after
    `visit_seconds`; those include what the embedder and the database held them up.
    """

    widths: tuple[int, ...]
    layers_each: int
    path: tuple[PathStep, ...]
    path_files: int
    path_seconds: float
    work_seconds: float
    bound_seconds: float
    visit_seconds: float

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PlanShape":
        path = tuple(PathStep(**each) for each in stored["path"])
        return cls(**{**stored, "widths": tuple(stored["widths"]), "path": path})

    @property
    def is_bound_by_path(self) -> bool:
        """Whether more visits at once would have been of no use."""
        return self.path_seconds >= self.bound_seconds


def shape_of(
    plan: "Plan", seconds: Mapping[str, float], *, concurrency: int, visit_seconds: float
) -> PlanShape:
    """The shape of a plan whose visits took `seconds`, up to `concurrency` at once."""
    path = plan.critical_path_by(seconds)
    steps = [PathStep(key=key, seconds=round(seconds.get(key, 0.0), 4)) for key in path]
    path_seconds = sum(seconds.get(key, 0.0) for key in path)
    work_seconds = sum(seconds.values())
    layers_each, widths = _profile(plan.widths)
    return PlanShape(
        widths=widths,
        layers_each=layers_each,
        path=_longest(steps),
        path_files=len(path),
        path_seconds=round(path_seconds, 4),
        work_seconds=round(work_seconds, 4),
        bound_seconds=round(max(path_seconds, work_seconds / concurrency), 4),
        visit_seconds=round(visit_seconds, 4),
    )


def _profile(widths: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    each = max(1, -(-len(widths) // MAX_WIDTHS))
    return each, tuple(max(widths[at : at + each]) for at in range(0, len(widths), each))


def _longest(steps: Sequence[PathStep]) -> tuple[PathStep, ...]:
    """Those that took longest, in the order of the chain."""
    places = nlargest(MAX_STEPS, range(len(steps)), key=lambda at: steps[at].seconds)
    return tuple(steps[at] for at in sorted(places))
