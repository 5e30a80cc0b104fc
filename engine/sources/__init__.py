"""Where the files of a realm come from."""

from engine.sources.errors import (
    FileGone,
    FileTooLarge,
    SourceError,
    SourceMissing,
    Unreadable,
)
from engine.sources.folder import Folder
from engine.sources.keys import key_of
from engine.sources.openapi import OpenApiCatalog
from engine.sources.opening import KINDS, open_source
from engine.sources.source import Problem, Snapshot, Source, SourceFile, Stamp

__all__ = [
    "KINDS",
    "FileGone",
    "FileTooLarge",
    "Folder",
    "OpenApiCatalog",
    "Problem",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceFile",
    "SourceMissing",
    "Stamp",
    "Unreadable",
    "key_of",
    "open_source",
]
