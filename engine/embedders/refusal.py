"""What a provider's refusal means for whoever asked. Decides, and knows no HTTP client.

Nothing of a request is quoted, and of an answer one short line: it may hold the key, or code.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.embedders.embedder import EmbedderUnavailable, TextTooLong
from engine.errors import PermanentFailure, Throttled, WidthwiseError
from engine.jobs.failure import retry_after_seconds

MAX_QUOTED: Final = 160

# As OpenAI, vLLM, TEI, llama.cpp, Ollama and Vertex say it, some of them with status 500.
_TOO_LONG = re.compile(
    r"context[ _]length|context size|max_model_len|too (long|large)|max_tokens_per_request"
    r"|tokens per request|must have less than \d+ (tokens|characters)|input length"
    r"|token count|exceeds? the (maximum|max)\b|maximum (allowed )?(batch|input|sequence)"
    r"|instance\(s\) is allowed|string_above_max_length|reduce the length",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(r"insufficient_quota|billing", re.IGNORECASE)

_PASSING = {408, 409, 424, 425}


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is not good. `where` names provider and model, without any secret."""

    where: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def error_of(refused: Refused, *, look_at: str, secrets: tuple[str, ...] = ()) -> WidthwiseError:
    """The error to raise; `look_at` says what to do when it is for want of rights."""
    status = refused.status
    says = _message(refused.body)
    line = f"{refused.where}: {status}"
    wait = refused.headers.get("retry-after")
    if status in (401, 403):
        # Without what it says, which may repeat what it was shown.
        return PermanentFailure(f"{line}; access denied: {look_at}")
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(says)):
        return TextTooLong(f"{line}: the provider has no room for so much text")
    quoted = f"{line}: {_short(says, secrets)}" if says else line
    if status == 429 and not _NO_MONEY.search(says):
        return Throttled(quoted, retry_after_seconds=retry_after_seconds(wait))
    if status == 503 and wait is not None:
        return Throttled(quoted, retry_after_seconds=retry_after_seconds(wait))
    if status >= 500 or status in _PASSING:
        return EmbedderUnavailable(quoted, retry_after_seconds=retry_after_seconds(wait))
    return PermanentFailure(f"{quoted}; {_advice(status)}")


def _advice(status: int) -> str:
    if status == 404:
        return "look at WIDTHWISE_EMBED_URL and WIDTHWISE_EMBED_MODEL: nobody there has that model"
    if status == 429:
        return "the account has no credit left"
    if status < 400:
        return "it is somewhere else now: set WIDTHWISE_EMBED_URL to where that is"
    return "look at WIDTHWISE_EMBED_MODEL and WIDTHWISE_EMBED_DIMENSION"


def _message(body: bytes) -> str:
    """What it says is wrong: the `message`, `error` or `detail` of its JSON, or the text."""
    text = body.decode("utf-8", "replace")
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = _with_code(found[name])
    return found if isinstance(found, str) else text


def _with_code(found: Any) -> Any:
    """An error of OpenAI's form keeps its code beside its message."""
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        code = found.get("code") or found.get("type")
        return f"{found['message']} ({code})" if isinstance(code, str) else found["message"]
    return found


def _short(text: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    line = " ".join(text.split())
    printable = "".join(each if each.isprintable() else "?" for each in line)
    return printable if len(printable) <= MAX_QUOTED else f"{printable[:MAX_QUOTED]}..."
