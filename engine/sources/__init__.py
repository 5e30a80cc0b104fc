"""Where the files of a realm come from."""

from engine.sources.cards import CardRealm
from engine.sources.checkouts import Checkouts
from engine.sources.errors import (
    FileGone,
    FileTooLarge,
    SourceError,
    SourceMissing,
    Unreadable,
)
from engine.sources.folder import Folder
from engine.sources.git_repository import GitRepository
from engine.sources.git_url import UrlRules, is_remote
from engine.sources.keys import key_of
from engine.sources.openapi import OpenApiCatalog
from engine.sources.opening import KINDS, open_source
from engine.sources.source import (
    Problem,
    RemoteSource,
    Snapshot,
    Source,
    SourceFile,
    Stamp,
    unmoved,
)

__all__ = [
    "KINDS",
    "CardRealm",
    "Checkouts",
    "FileGone",
    "FileTooLarge",
    "Folder",
    "GitRepository",
    "OpenApiCatalog",
    "Problem",
    "RemoteSource",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceFile",
    "SourceMissing",
    "Stamp",
    "Unreadable",
    "UrlRules",
    "is_remote",
    "key_of",
    "open_source",
    "unmoved",
]
