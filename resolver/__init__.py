"""What depends on what, and in which order. Pure: no I/O, no await."""

from resolver.graph import DependencyGraph
from resolver.keys import (
    INDEX_NAMES,
    SOURCE_SUFFIXES,
    Key,
    canonical_key,
    probes,
)
from resolver.plan import Plan, PlanStatistics
from resolver.readers import readers_of
from resolver.sizing import render_envelope, visit_concurrency

__all__ = [
    "INDEX_NAMES",
    "SOURCE_SUFFIXES",
    "DependencyGraph",
    "Key",
    "Plan",
    "PlanStatistics",
    "canonical_key",
    "probes",
    "readers_of",
    "render_envelope",
    "visit_concurrency",
]
