"""Where the files of a realm come from."""

from engine.sources.errors import FileGone, FileTooLarge, SourceError, Unreadable
from engine.sources.folder import Folder
from engine.sources.keys import key_of
from engine.sources.opening import open_source
from engine.sources.source import Problem, Snapshot, Source, SourceFile, Stamp

__all__ = [
    "FileGone",
    "FileTooLarge",
    "Folder",
    "Problem",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceFile",
    "Stamp",
    "Unreadable",
    "key_of",
    "open_source",
]
