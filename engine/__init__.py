"""One pass, from a change to a searchable index.

The names are loaded when they are first used: a worker process enters this package to
parse, and must pay neither in time nor in memory for the database, the embedder and numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.embedders import BadVectors, Embedder, HashedEmbedder, LocalEmbedder
    from engine.engine import Engine, Neighbours, Realm, RealmStatus
    from engine.errors import (
        BadSetting,
        EntryNotFound,
        PassFailed,
        RealmExists,
        RealmNotFound,
        StalePass,
        WidthwiseError,
    )
    from engine.explain import Explanation, Step
    from engine.index.live import Entry
    from engine.index.search import Hit
    from engine.job import Job, JobState
    from engine.report import PassReport, Phase, Progress
    from engine.settings import Settings
    from engine.sources import Folder, Source
    from engine.visit import (
        DefinitionUnavailable,
        DraftChunk,
        File,
        Visit,
        VisitContext,
        Visitor,
    )

__all__ = [
    "BadSetting",
    "BadVectors",
    "DefinitionUnavailable",
    "DraftChunk",
    "Embedder",
    "Engine",
    "Entry",
    "EntryNotFound",
    "Explanation",
    "File",
    "Folder",
    "HashedEmbedder",
    "Hit",
    "Job",
    "JobState",
    "LocalEmbedder",
    "Neighbours",
    "PassFailed",
    "PassReport",
    "Phase",
    "Progress",
    "Realm",
    "RealmExists",
    "RealmNotFound",
    "RealmStatus",
    "Settings",
    "Source",
    "StalePass",
    "Step",
    "Visit",
    "VisitContext",
    "Visitor",
    "WidthwiseError",
]

_PLACES = {
    "BadSetting": "engine.errors",
    "BadVectors": "engine.embedders",
    "DefinitionUnavailable": "engine.visit",
    "DraftChunk": "engine.visit",
    "Embedder": "engine.embedders",
    "Engine": "engine.engine",
    "Entry": "engine.index.live",
    "EntryNotFound": "engine.errors",
    "Explanation": "engine.explain",
    "File": "engine.visit",
    "Folder": "engine.sources",
    "HashedEmbedder": "engine.embedders",
    "Hit": "engine.index.search",
    "Job": "engine.job",
    "JobState": "engine.job",
    "LocalEmbedder": "engine.embedders",
    "Neighbours": "engine.engine",
    "PassFailed": "engine.errors",
    "PassReport": "engine.report",
    "Phase": "engine.report",
    "Progress": "engine.report",
    "Realm": "engine.engine",
    "RealmExists": "engine.errors",
    "RealmNotFound": "engine.errors",
    "RealmStatus": "engine.engine",
    "Settings": "engine.settings",
    "Source": "engine.sources",
    "StalePass": "engine.errors",
    "Step": "engine.explain",
    "Visit": "engine.visit",
    "VisitContext": "engine.visit",
    "Visitor": "engine.visit",
    "WidthwiseError": "engine.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
