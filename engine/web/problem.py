"""Errors as problem documents (RFC 9457). The one place that maps an error to a status."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.errors import (
    BadCursor,
    BadFilter,
    BadSetting,
    EntryNotFound,
    ExtraMissing,
    IndexMoved,
    JobNotFound,
    RealmExists,
    RealmNotFound,
    TextNotFound,
    Throttled,
    WidthwiseError,
)
from engine.index.database import BROKEN
from engine.sources import SourceError
from engine.sources.git_url import SourceRefused


class Problem(Exception):
    """Something that the caller is told as a problem document.

    `detail` says what to do; `members` are added to the document, `headers` to the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **self.members,
        }
        return JSONResponse(
            document,
            status_code=self.status.value,
            media_type="application/problem+json",
            headers=self.headers,
        )


def stranger() -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "who are you? send `Authorization: Bearer` with the token of this server",
        headers={"WWW-Authenticate": "Bearer"},
    )


_STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (RealmNotFound, HTTPStatus.NOT_FOUND),
    (JobNotFound, HTTPStatus.NOT_FOUND),
    (EntryNotFound, HTTPStatus.NOT_FOUND),
    (TextNotFound, HTTPStatus.NOT_FOUND),
    (RealmExists, HTTPStatus.CONFLICT),
    (IndexMoved, HTTPStatus.CONFLICT),
    (BadCursor, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BadFilter, HTTPStatus.UNPROCESSABLE_ENTITY),
    (BadSetting, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SourceRefused, HTTPStatus.FORBIDDEN),
    (SourceError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (msgspec.ValidationError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (msgspec.DecodeError, HTTPStatus.BAD_REQUEST),
    (ExtraMissing, HTTPStatus.NOT_IMPLEMENTED),
    (Throttled, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem_of(error: Exception) -> Problem | None:
    """The problem that an error is to its caller; None for what is our own fault."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return Problem(HTTPStatus(error.status_code), error.detail, headers=headers)
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return Problem(status, str(error))
    if isinstance(error, BROKEN):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer; try again")
    if isinstance(error, WidthwiseError):
        return Problem(HTTPStatus.BAD_GATEWAY, str(error))
    return None


OUR_FAULT = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something is wrong with this server")


async def answer_problem(_request: Request, error: Exception) -> Response:
    return (problem_of(error) or OUR_FAULT).response()
