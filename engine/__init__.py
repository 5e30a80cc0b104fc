"""One pass, from a change to a searchable index."""

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
    "Visit",
    "VisitContext",
    "Visitor",
    "WidthwiseError",
]
