"""One pass, from a change to a searchable index.

The names are loaded when they are first used: a worker process enters this package to
parse, and must pay neither in time nor in memory for the database, the embedder and numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.cards.renderer import HttpRenderer
    from engine.embedders import (
        BadVectors,
        Embedder,
        EmbedderUnavailable,
        HashedEmbedder,
        LocalEmbedder,
        QuestionEmbedder,
        TextTooLong,
    )
    from engine.embedders.google_tokens import MetadataServer, ServiceAccount
    from engine.embedders.ollama import OllamaEmbedder
    from engine.embedders.openai import OpenAIEmbedder
    from engine.embedders.remote import CallLimits, Phrasing
    from engine.embedders.vertex import VertexEmbedder
    from engine.engine import Engine, Neighbours, Realm
    from engine.errors import (
        BadCursor,
        BadFilter,
        BadSetting,
        EntryNotFound,
        IndexMoved,
        JobNotFound,
        PassFailed,
        PermanentFailure,
        RealmExists,
        RealmNotFound,
        StalePass,
        TextNotFound,
        Throttled,
        WidthwiseError,
    )
    from engine.explain import Explanation, Step
    from engine.index.cards import CardEntry
    from engine.index.hit import Hit, Related
    from engine.index.lines import Lines
    from engine.index.live import Entry
    from engine.index.outline import Outline
    from engine.index.search import SearchPage
    from engine.job import Job
    from engine.jobs import Attempt, FailureKind, JobRow, JobState
    from engine.opening import Work
    from engine.plan_shape import PathStep, PlanShape
    from engine.report import PassReport, Phase, Progress
    from engine.settings import Isolation, Settings
    from engine.sources import CardRealm, Folder, GitRepository, OpenApiCatalog, Source
    from engine.sources.git_credentials import SshKey, TokenFromCall, TokenFromEnvironment
    from engine.sources.github_app import GitHubApp
    from engine.status import Condition, RealmStatus
    from engine.visit import (
        DefinitionUnavailable,
        DraftChunk,
        File,
        FileBroken,
        SlotTaker,
        Visit,
        VisitContext,
        Visitor,
    )

__all__ = [
    "Attempt",
    "BadCursor",
    "BadFilter",
    "BadSetting",
    "BadVectors",
    "CallLimits",
    "CardEntry",
    "CardRealm",
    "Condition",
    "DefinitionUnavailable",
    "DraftChunk",
    "Embedder",
    "EmbedderUnavailable",
    "Engine",
    "Entry",
    "EntryNotFound",
    "Explanation",
    "FailureKind",
    "File",
    "FileBroken",
    "Folder",
    "GitHubApp",
    "GitRepository",
    "HashedEmbedder",
    "Hit",
    "HttpRenderer",
    "IndexMoved",
    "Isolation",
    "Job",
    "JobNotFound",
    "JobRow",
    "JobState",
    "Lines",
    "LocalEmbedder",
    "MetadataServer",
    "Neighbours",
    "OllamaEmbedder",
    "OpenAIEmbedder",
    "OpenApiCatalog",
    "Outline",
    "PassFailed",
    "PassReport",
    "PathStep",
    "PermanentFailure",
    "Phase",
    "Phrasing",
    "PlanShape",
    "Progress",
    "QuestionEmbedder",
    "Realm",
    "RealmExists",
    "RealmNotFound",
    "RealmStatus",
    "Related",
    "SearchPage",
    "ServiceAccount",
    "Settings",
    "SlotTaker",
    "Source",
    "SshKey",
    "StalePass",
    "Step",
    "TextNotFound",
    "TextTooLong",
    "Throttled",
    "TokenFromCall",
    "TokenFromEnvironment",
    "VertexEmbedder",
    "Visit",
    "VisitContext",
    "Visitor",
    "WidthwiseError",
    "Work",
]

_PLACES = {
    "Attempt": "engine.jobs",
    "BadCursor": "engine.errors",
    "BadFilter": "engine.errors",
    "BadSetting": "engine.errors",
    "BadVectors": "engine.embedders",
    "CallLimits": "engine.embedders.remote",
    "CardEntry": "engine.index.cards",
    "CardRealm": "engine.sources",
    "Condition": "engine.status",
    "DefinitionUnavailable": "engine.visit",
    "DraftChunk": "engine.visit",
    "Embedder": "engine.embedders",
    "EmbedderUnavailable": "engine.embedders",
    "Engine": "engine.engine",
    "Entry": "engine.index.live",
    "EntryNotFound": "engine.errors",
    "Explanation": "engine.explain",
    "FailureKind": "engine.jobs",
    "File": "engine.visit",
    "FileBroken": "engine.visit",
    "Folder": "engine.sources",
    "GitHubApp": "engine.sources.github_app",
    "GitRepository": "engine.sources",
    "HashedEmbedder": "engine.embedders",
    "Hit": "engine.index.hit",
    "HttpRenderer": "engine.cards.renderer",
    "IndexMoved": "engine.errors",
    "Isolation": "engine.settings",
    "Job": "engine.job",
    "JobNotFound": "engine.errors",
    "JobRow": "engine.jobs",
    "JobState": "engine.jobs",
    "Lines": "engine.index.lines",
    "LocalEmbedder": "engine.embedders",
    "MetadataServer": "engine.embedders.google_tokens",
    "Neighbours": "engine.engine",
    "OllamaEmbedder": "engine.embedders.ollama",
    "OpenAIEmbedder": "engine.embedders.openai",
    "OpenApiCatalog": "engine.sources",
    "Outline": "engine.index.outline",
    "PassFailed": "engine.errors",
    "PassReport": "engine.report",
    "PathStep": "engine.plan_shape",
    "PermanentFailure": "engine.errors",
    "Phase": "engine.report",
    "Phrasing": "engine.embedders.remote",
    "PlanShape": "engine.plan_shape",
    "Progress": "engine.report",
    "QuestionEmbedder": "engine.embedders",
    "Realm": "engine.engine",
    "RealmExists": "engine.errors",
    "RealmNotFound": "engine.errors",
    "RealmStatus": "engine.status",
    "Related": "engine.index.hit",
    "SearchPage": "engine.index.search",
    "ServiceAccount": "engine.embedders.google_tokens",
    "Settings": "engine.settings",
    "SlotTaker": "engine.visit",
    "Source": "engine.sources",
    "SshKey": "engine.sources.git_credentials",
    "StalePass": "engine.errors",
    "Step": "engine.explain",
    "TextNotFound": "engine.errors",
    "TextTooLong": "engine.embedders",
    "Throttled": "engine.errors",
    "TokenFromCall": "engine.sources.git_credentials",
    "TokenFromEnvironment": "engine.sources.git_credentials",
    "VertexEmbedder": "engine.embedders.vertex",
    "Visit": "engine.visit",
    "VisitContext": "engine.visit",
    "Visitor": "engine.visit",
    "WidthwiseError": "engine.errors",
    "Work": "engine.opening",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
