"""Open a source again from what was stored about it."""

from collections.abc import Mapping

from engine.sources.cards import CardRealm
from engine.sources.errors import SourceError
from engine.sources.folder import Folder
from engine.sources.git_repository import GitRepository
from engine.sources.openapi import OpenApiCatalog
from engine.sources.source import Source

# What this version can open: a job for another kind is left to somebody who can.
KINDS = ("cards", "folder", "git", "openapi")


def open_source(description: Mapping[str, str]) -> Source:
    """The inverse of `Source.describe`."""
    match description.get("kind"):
        case "cards":
            return CardRealm.from_description(description)
        case "folder":
            return Folder.from_description(description)
        case "git":
            return GitRepository.from_description(description)
        case "openapi":
            return OpenApiCatalog.from_description(description)
        case kind:
            raise SourceError(f"a source of the kind {kind!r} is not known to this version")
