"""What callers send, as values: bodies and query parameters, validated. Knows no engine."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from engine.jobs import JobState
from engine.web.problem import Problem

MAX_BODY_BYTES = 256 << 10

# Postgres stores no NUL.
TEXT = r"^[^\x00]*$"

# A realm's name may be a URL or a path; a key is a path.
Name = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Key = Annotated[str, Meta(min_length=1, max_length=4_096, pattern=TEXT)]
Location = Annotated[str, Meta(min_length=1, max_length=2_000)]
Address = Annotated[str, Meta(max_length=2_000, pattern=r"^[hH][tT][tT][pP][sS]?://[^\x00-\x20]+$")]
Patterns = Annotated[list[Annotated[str, Meta(max_length=500)]], Meta(max_length=100)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=500)]
LineNumber = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Hits = Annotated[int, Meta(ge=1, le=100)]

T = TypeVar("T")
Query = TypeVar("Query", bound=msgspec.Struct)


class Git(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="git", tag_field="kind"):
    """A branch of a repository; `credentials` is a name that the host of this server gave."""

    url: Location
    branch: Annotated[str, Meta(max_length=250)] | None = None
    credentials: Annotated[str, Meta(max_length=100)] | None = None
    include: Patterns = []
    exclude: Patterns = []


class OpenApi(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="openapi", tag_field="kind"
):
    """OpenAPI documents by their addresses."""

    urls: Annotated[list[Address], Meta(min_length=1, max_length=50)]


class LocalFolder(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="folder", tag_field="kind"
):
    """A folder on the server, below one of those that its host opened to callers."""

    path: Location
    cards: bool = False
    include: Patterns = []
    exclude: Patterns = []


class NewRealm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A realm to add; `index` asks for its first pass at once."""

    name: Name
    source: Git | OpenApi | LocalFolder
    tenant: Annotated[str, Meta(max_length=200, pattern=TEXT)] | None = None
    replace: bool = False
    index: bool = True


class IndexRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a pass is asked for."""

    from_scratch: bool = False
    priority: Annotated[int, Meta(ge=-1_000, le=1_000)] = 0
    delay_seconds: Annotated[float, Meta(ge=0, le=30 * 86_400)] = 0.0


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=TEXT)]
    realm: list[Name] = []
    path: Annotated[str, Meta(max_length=500, pattern=TEXT)] | None = None
    language: Annotated[str, Meta(max_length=50, pattern=TEXT)] | None = None
    type: Annotated[str, Meta(max_length=500, pattern=TEXT)] | None = None
    kind: list[Annotated[str, Meta(max_length=50, pattern=TEXT)]] = []
    group: Literal["file"] | None = None
    related: bool = False
    cursor: Annotated[str, Meta(max_length=2_000, pattern=TEXT)] | None = None
    limit: Hits = 10


class JobsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    realm: Name | None = None
    state: list[JobState] = []
    before: Id | None = None
    limit: Limit = 50


class EntriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key | None = None
    after: Annotated[str, Meta(max_length=4_096, pattern=TEXT)] = ""
    limit: Limit = 100


class KeyQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key


class GraphQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key
    limit: Limit = 200


class LinesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key
    start: LineNumber = 1
    end: LineNumber | None = None


class OutlineQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: Key
    skip: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    limit: Limit = 200


class RealmsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after: Annotated[str, Meta(max_length=1_000, pattern=TEXT)] = ""
    limit: Limit = 100


async def body_of(request: Request, kind: type[T], *, limit: int = MAX_BODY_BYTES) -> T:
    """The JSON body as a value of `kind`; nothing is as good as an empty object."""
    content = await read_body(request, limit=limit)
    if content:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body has to be application/json")
    return msgspec.json.decode(content or b"{}", type=kind)


async def read_body(request: Request, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, of which no more than `limit` bytes are ever held."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > limit:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {limit:,} bytes at most"
            )
    return bytes(content)


def query_of(request: Request, kind: type[Query]) -> Query:
    """The query parameters as a value of `kind`; a list takes a parameter as often as it comes."""
    lists = {field.name for field in msgspec.structs.fields(kind) if _is_list(field)}
    values: dict[str, Any] = {}
    for name in request.query_params:
        given = request.query_params.getlist(name)
        if name not in lists and len(given) > 1:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"`{name}` may be given once")
        values[name] = given if name in lists else given[0]
    return checked(values, kind)


def checked(values: Mapping[str, Any], kind: type[T]) -> T:
    """What a caller sent as a value of `kind`; texts of numbers count as numbers."""
    _check_text(values)
    return msgspec.convert(values, kind, strict=False)


def _is_list(field: msgspec.structs.FieldInfo) -> bool:
    return isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.ListType)


def _check_text(values: Mapping[str, Any]) -> None:
    """Postgres stores no NUL, and what is no Unicode is not what anybody meant."""
    for name, value in values.items():
        texts = value if isinstance(value, list) else [value]
        for text in filter(lambda each: isinstance(each, str), texts):
            if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"`{name}` holds what is no text")
