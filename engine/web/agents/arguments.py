"""What the tools take. Agents read the schemas that are made of this, and nothing else."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.web.requests import TEXT, Key, LineNumber, Location, Name

RealmName = Annotated[
    Name | None,
    Meta(description="The realm, by its name as `status` tells it. Needed where several fit."),
]
FilePath = Annotated[
    Key,
    Meta(
        description="A file, relative to its realm as search shows it, or by its path on the disk.",
        examples=["src/shop/models.py"],
    ),
]


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2_000,
            pattern=TEXT,
            description="What to find, in words or in identifiers: what the code does, or its "
            "name. Not a regular expression.",
            examples=["how are migrations ordered", "QuerySet.filter"],
        ),
    ]
    realm: Annotated[Name | None, Meta(description="Only this realm; all if not given.")] = None
    path: Annotated[
        Annotated[str, Meta(max_length=500, pattern=TEXT)] | None,
        Meta(description="Only files whose path matches this glob.", examples=["src/**/*.py"]),
    ] = None
    language: Annotated[
        Annotated[str, Meta(max_length=50, pattern=TEXT)] | None,
        Meta(description="Only this language.", examples=["python", "typescript"]),
    ] = None
    kind: Annotated[
        list[Annotated[str, Meta(max_length=50, pattern=TEXT)]],
        Meta(description="Only symbols of these kinds.", examples=[["class", "function"]]),
    ] = []
    by_file: Annotated[bool, Meta(description="Each file once, by its best hit.")] = False
    related: Annotated[
        bool, Meta(description="With each hit what it uses, and which files read its file.")
    ] = False
    limit: Annotated[int, Meta(ge=1, le=50, description="How many hits.")] = 8
    cursor: Annotated[
        Annotated[str, Meta(max_length=2_000, pattern=TEXT)] | None,
        Meta(description="What the page before ended with; all else as it was."),
    ] = None


class ReadLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: FilePath
    start_line: Annotated[LineNumber, Meta(description="The first line, counted from 1.")] = 1
    end_line: Annotated[
        LineNumber | None,
        Meta(description="The last line; 199 behind the first if not given, 999 at most."),
    ] = None
    realm: RealmName = None


class Outline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: FilePath
    skip: Annotated[int, Meta(ge=0, le=1_000_000, description="Leave out the first so many.")] = 0
    limit: Annotated[int, Meta(ge=1, le=500, description="How many parts.")] = 100
    realm: RealmName = None


class Near(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: FilePath
    limit: Annotated[int, Meta(ge=1, le=500, description="How many files, at most.")] = 50
    realm: RealmName = None


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    realm: Annotated[Name | None, Meta(description="One realm; all if not given.")] = None
    after: Annotated[
        Annotated[str, Meta(max_length=1_000, pattern=TEXT)],
        Meta(description="Realms behind this name: the next page."),
    ] = ""


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    realm: Annotated[Name, Meta(description="The realm, by its name as `status` tells it.")]


class AddRealm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    realm: Annotated[Name, Meta(description="What the realm shall be called.")]
    location: Annotated[
        Location,
        Meta(
            description="The URL of a repository, the address of an OpenAPI document, or the "
            "absolute path of a folder that was opened to agents.",
        ),
    ]
    kind: Annotated[Literal["git", "openapi", "folder"], Meta(description="What is there.")]
    branch: Annotated[
        Annotated[str, Meta(max_length=250)] | None,
        Meta(description="The branch of a repository; its default one if not given."),
    ] = None
