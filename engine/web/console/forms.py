"""What forms and links of the console send, as values."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.web.requests import TEXT, Id, Key, Name

Said = Annotated[str, Meta(max_length=20)]
Short = Annotated[str, Meta(max_length=1_000, pattern=TEXT)]


class RealmsPage(msgspec.Struct, frozen=True):
    after: Short = ""
    said: Said = ""


class JobsPage(msgspec.Struct, frozen=True):
    state: Literal["", "pending", "running", "succeeded", "failed", "cancelled"] = ""
    before: Id | None = None
    said: Said = ""


class SearchPage(msgspec.Struct, frozen=True):
    q: Annotated[str, Meta(max_length=2_000, pattern=TEXT)] = ""
    realm: Short = ""
    path: Annotated[str, Meta(max_length=500, pattern=TEXT)] = ""


class ShownFile(msgspec.Struct, frozen=True):
    realm: Name
    key: Key


class NewRepository(msgspec.Struct, frozen=True):
    """The form that adds a repository; what is left empty is not wanted."""

    url: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=TEXT)]
    branch: Annotated[str, Meta(max_length=250, pattern=TEXT)] = ""
    name: Short = ""
    credentials: Annotated[str, Meta(max_length=100)] = ""


class Token(msgspec.Struct, frozen=True):
    token: Annotated[str, Meta(min_length=1, max_length=500)]
