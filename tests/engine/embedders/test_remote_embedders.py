"""Embedders over HTTP, against a real server that speaks their dialects."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import jwt
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from provider_dialects import VERTEX, Asked, dialects
from starlette.responses import JSONResponse, Response

from engine.embedders import (
    BadVectors,
    EmbedderUnavailable,
    HashedEmbedder,
    TextTooLong,
    question_row,
)
from engine.embedders.google_tokens import AccessTokens, MetadataServer, ServiceAccount
from engine.embedders.ollama import OllamaEmbedder
from engine.embedders.openai import OpenAIEmbedder
from engine.embedders.remote import CallLimits, Phrasing, RemoteEmbedder
from engine.embedders.vertex import VertexEmbedder
from engine.errors import BadSetting, PermanentFailure, Throttled, WidthwiseError

KEY = "sk-0123456789abcdefSECRET"

MAKERS: dict[str, Callable[..., RemoteEmbedder]] = {
    "openai": lambda url, **more: OpenAIEmbedder(f"{url}/v1", "m", key=KEY, **more),
    "ollama": lambda url, **more: OllamaEmbedder(url, "m", key=KEY, **more),
    "vertex": lambda url, **more: VertexEmbedder(
        f"{url}{VERTEX}", "m", credentials=MetadataServer(url), **more
    ),
}
kinds = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)

TEXTS = ["read the user name", "class TextureLoader: ...", "", "\ud800 half"]


def refusing(status: int, body: Any = None, **headers: str) -> Callable[[Asked], Any]:
    """Answers so; SHOWN in the body is the key or the token that came with the request."""

    async def refuse(asked: Asked) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = asked.authorization.rpartition(" ")[2]
        says = json.dumps(body or {"error": "refused"}).replace("SHOWN", shown)
        return Response(says, status, named)

    return refuse


@kinds
async def test_the_size_is_learned_and_each_text_gets_its_vector(make: Any) -> None:
    async with dialects() as provider, make(provider.url) as embedder:
        assert await embedder.probe() == 256
        rows = await embedder.embed(TEXTS)
        again = await embedder.embed(TEXTS[::-1])
    hashed = await HashedEmbedder().embed(["read the user name", "class TextureLoader: ..."])
    np.testing.assert_allclose(rows[:2], hashed, atol=1e-6)
    np.testing.assert_array_equal(rows, again[::-1])


@kinds
async def test_a_size_that_is_asked_for_is_asked_of_the_provider(make: Any) -> None:
    async with dialects() as provider, make(provider.url, dimension=64) as embedder:
        assert await embedder.probe() == embedder.dimension == 64
        assert (await embedder.embed(["a"])).shape == (1, 64)
        assert embedder.fingerprint.endswith("/64")


@kinds
async def test_a_provider_that_gives_another_size_than_it_is_asked_for_is_found_out(
    make: Any,
) -> None:
    async with dialects() as provider, make(provider.url, dimension=64) as embedder:
        provider.lie = lambda rows: [[*row, 0.0] for row in rows]
        with pytest.raises(BadSetting, match="asks for 64 numbers, and the model gives 65"):
            await embedder.probe()
        with pytest.raises(BadVectors, match="expected 1 vectors of 64"):
            await embedder.embed(["a"])


@kinds
async def test_documents_and_questions_are_put_as_the_model_wants_them(make: Any) -> None:
    phrasings = {
        "documents": Phrasing("passage: ", "RETRIEVAL_DOCUMENT"),
        "questions": Phrasing("query: ", "RETRIEVAL_QUERY"),
    }
    async with dialects() as provider, make(provider.url, **phrasings) as embedder:
        await embedder.probe()
        await embedder.embed(["a"])
        await question_row(embedder, "a")
        plain = make(provider.url, questions=Phrasing("other: "), documents=Phrasing())
        plain.assume(256)
    document, question = provider.asked[1:]
    assert (document.texts, question.texts) == (["passage: a"], ["query: a"])
    if "instances" in document.body:
        assert document.body["instances"][0]["task_type"] == "RETRIEVAL_DOCUMENT"
        assert question.body["instances"][0]["task_type"] == "RETRIEVAL_QUERY"
    assert "passage: " in embedder.fingerprint
    assert "other: " not in plain.fingerprint, "no stored vector depends on it"


LIES: dict[str, Callable[[Any], Any]] = {
    "one too few": lambda rows: rows[1:],
    "one too many": lambda rows: rows + rows[:1],
    "too short": lambda rows: [row[1:] for row in rows],
    "ragged": lambda rows: [rows[0][1:], *rows[1:]],
    "NaN": lambda rows: [[float("nan"), *rows[0][1:]], *rows[1:]],
    "infinite": lambda rows: [[float("inf"), *rows[0][1:]], *rows[1:]],
    "zero": lambda rows: [[0.0] * len(row) for row in rows],
    "none at all": lambda rows: [[] for _ in rows],
}


@kinds
async def test_a_vector_that_is_of_no_use_is_refused(make: Any) -> None:
    async with dialects() as provider, make(provider.url) as embedder:
        await embedder.probe()
        for name, lie in LIES.items():
            provider.lie = lie
            with pytest.raises(BadVectors):
                raise AssertionError(name, await embedder.embed(["a", "b"]))


REFUSALS: list[tuple[int, Any, dict[str, str], type[WidthwiseError]]] = [
    (400, {"error": {"message": "no such model"}}, {}, PermanentFailure),
    (401, {"error": "wrong key SHOWN"}, {}, PermanentFailure),
    (403, {"error": "wrong key SHOWN"}, {}, PermanentFailure),
    (404, {"error": 'model "m" not found, SHOWN'}, {}, PermanentFailure),
    (302, {}, {"location": "http://127.0.0.1:1/"}, PermanentFailure),
    (429, {"error": "slow down SHOWN"}, {"retry_after": "7"}, Throttled),
    (429, {"error": {"message": "m", "code": "insufficient_quota"}}, {}, PermanentFailure),
    (503, {"error": "later"}, {"retry_after": "7"}, Throttled),
    (503, {"error": "no"}, {}, EmbedderUnavailable),
    (500, {"error": "no"}, {}, EmbedderUnavailable),
    (502, {}, {}, EmbedderUnavailable),
    (408, {}, {}, EmbedderUnavailable),
    (413, {}, {}, TextTooLong),
    (400, {"error": "the input length exceeds the context length"}, {}, TextTooLong),
    (400, {"error": {"message": "This model's maximum context length is 8192 tokens, however"
                                " you requested 8610"}}, {}, TextTooLong),
    (400, {"error": {"message": "Requested 309209 tokens, max 300000 tokens per request",
                     "code": "max_tokens_per_request"}}, {}, TextTooLong),
    (413, {"error": "Input validation error: `inputs` must have less than 512 tokens."}, {},
     TextTooLong),
    (400, {"error": {"message": "The input token count (25270) exceeds the maximum number of"
                                " tokens allowed (20000)."}}, {}, TextTooLong),
    (500, {"error": {"message": "input is too large to process"}}, {}, TextTooLong),
]  # fmt: skip


@kinds
async def test_a_refusal_becomes_an_error_that_says_what_to_do_and_no_key(make: Any) -> None:
    async with dialects() as provider, make(provider.url) as embedder:
        embedder.assume(256)
        for status, body, headers, kind in REFUSALS:
            provider.before = refusing(status, body, **headers)
            with pytest.raises(WidthwiseError) as caught:
                await embedder.embed(["the text itself"])
            error = caught.value
            says = f"{error!r} {error.__cause__!r} {error.__context__!r}"
            assert type(error) is kind, says
            assert str(status) in says
            assert not re.search(rf"{KEY}|ya29\.token-\d|the text itself", says)
            assert not headers.get("retry_after") or error.retry_after_seconds == 7


@kinds
async def test_who_is_not_there_is_unavailable(make: Any) -> None:
    async with dialects() as provider:
        url = provider.url
    async with make(url) as embedder:
        embedder.assume(256)
        with pytest.raises(EmbedderUnavailable, match="ConnectError"):
            await embedder.embed(["a"])


@kinds
async def test_a_batch_without_an_answer_times_out_and_a_question_gives_up_sooner(
    make: Any,
) -> None:
    gone = anyio.Event()

    async def stall(_: Asked) -> None:
        await gone.wait()

    limits = CallLimits(timeout_seconds=0.3, question_seconds=0.1)
    async with dialects() as provider, make(provider.url, limits=limits) as embedder:
        embedder.assume(256)
        # A token is not waited for in this test.
        await embedder.embed(["a"])
        provider.before = stall
        with pytest.raises(EmbedderUnavailable, match=r"no answer in 0\.1 s"):
            await question_row(embedder, "a")
        with pytest.raises(TimeoutError):
            await embedder.embed(["a"])
        gone.set()


@kinds
async def test_an_answer_without_end_is_given_up(make: Any) -> None:
    async def flood(_: Asked) -> Response:
        return Response(b" " * (4 << 20))

    async with dialects() as provider, make(provider.url) as embedder:
        embedder.assume(256)
        provider.before = flood
        with pytest.raises(EmbedderUnavailable, match="more than"):
            await embedder.embed(["a"])


async def test_a_provider_that_knows_no_base64_is_asked_for_numbers_from_then_on() -> None:
    async with dialects() as provider, MAKERS["openai"](provider.url) as embedder:
        provider.speaks_base64 = False
        await embedder.probe()
        await embedder.embed(["a"])
        forms = [asked.body.get("encoding_format") for asked in provider.asked]
    assert forms == ["base64", None, None]


async def test_the_key_is_shown_and_of_the_address_nothing_secret() -> None:
    async with dialects() as provider:
        host = provider.url.removeprefix("http://")
        with_query = f"http://user:pass@{host}/v1?api-version=SECRET"
        async with OpenAIEmbedder(with_query, "m") as embedder:
            await embedder.probe()
            texts = [repr(embedder), embedder.fingerprint]
            provider.before = refusing(400, {"error": "api-version=SECRET is wrong"})
            with pytest.raises(PermanentFailure) as caught:
                await embedder.embed(["a"])
            texts.append(str(caught.value))
        async with OpenAIEmbedder(f"{provider.url}/v1", "m", key=f" {KEY}\n") as embedder:
            provider.before = refusing(500)
            with pytest.raises(EmbedderUnavailable):
                await embedder.probe()
    assert provider.asked[0].query == "api-version=SECRET"
    assert provider.asked[0].authorization == "Basic dXNlcjpwYXNz"
    assert provider.asked[2].authorization == f"Bearer {KEY}"
    for text in texts:
        assert "SECRET" not in text
        assert "pass" not in text
        assert f"http://{host}/v1" in text


async def test_what_a_client_logs_has_no_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with (
        dialects() as provider,
        OpenAIEmbedder(f"{provider.url}/v1?key=SECRET", "m", key=KEY) as embedder,
    ):
        await embedder.probe()
    assert "/v1/embeddings" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("url", ["", "localhost:11434", "ftp://h", "http://", "http://[", "h\n"])
def test_an_address_that_is_none_is_refused_unrepeated(url: str) -> None:
    with pytest.raises(BadSetting, match="WIDTHWISE_EMBED_URL: not an address"):
        OpenAIEmbedder(url, "m")


def test_a_key_that_no_header_carries_is_refused_unrepeated() -> None:
    with pytest.raises(BadSetting, match="WIDTHWISE_EMBED_KEY") as caught:
        OpenAIEmbedder("http://h", "m", key="two\nlines")
    assert "two" not in str(caught.value)
    with pytest.raises(BadSetting, match="WIDTHWISE_EMBED_MODEL"):
        OpenAIEmbedder("http://h", "")
    with pytest.raises(BadSetting, match="https only"):
        VertexEmbedder("http://h/v1/projects/p/locations/l", "m")


async def test_an_embedder_of_two_engines_is_closed_by_the_last() -> None:
    async with dialects() as provider:
        embedder = MAKERS["ollama"](provider.url)
        async with embedder:
            async with embedder:
                await embedder.probe()
            await embedder.embed(["a"])
        with pytest.raises(RuntimeError, match="not open"):
            await embedder.embed(["a"])
        async with embedder:
            await embedder.embed(["a"])


async def test_vertex_is_sent_one_text_a_call_where_it_takes_no_more() -> None:
    async with dialects() as provider:
        url, machine = f"{provider.url}{VERTEX}", MetadataServer(provider.url)
        async with VertexEmbedder(url, "gemini-embedding-001", credentials=machine) as embedder:
            await embedder.probe()
            assert (await embedder.embed(["a", "b", "c"])).shape == (3, 256)
    assert [asked.texts for asked in provider.asked[1:]] == [["a"], ["b"], ["c"]]
    assert all(asked.body["parameters"] == {"autoTruncate": False} for asked in provider.asked)
    assert provider.token_requests[0]["metadata-flavor"] == "Google"


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def account(tmp_path: Path, private_key: rsa.RSAPrivateKey) -> Callable[[str], Path]:
    """The file of a service account whose tokens come from this provider."""

    def written(url: str) -> Path:
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = tmp_path / "account.json"
        content = {
            "type": "service_account",
            "client_email": "w@p.iam.example",
            "private_key": pem.decode(),
            "private_key_id": "k1",
            "token_uri": f"{url}/token",
        }
        path.write_text(json.dumps(content))
        return path

    return written


async def test_a_service_account_proves_that_it_holds_its_key(
    account: Callable[[str], Path], private_key: rsa.RSAPrivateKey
) -> None:
    async with dialects() as provider:
        credentials = ServiceAccount(str(account(provider.url)))
        async with VertexEmbedder(
            f"{provider.url}{VERTEX}", "m", credentials=credentials
        ) as embedder:
            await embedder.probe()
            await embedder.embed(["a"])
        (shown,) = provider.token_requests
    assert shown["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        shown["assertion"],
        private_key.public_key(),
        algorithms=["RS256"],
        audience=f"{provider.url}/token",
    )
    assert claims["iss"] == "w@p.iam.example"
    assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert claims["exp"] - claims["iat"] <= 3600
    assert {asked.authorization for asked in provider.asked} == {"Bearer ya29.token-1"}


async def test_a_file_that_is_no_service_account_is_named_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    contents = ["", "[]", "{", '{"private_key": "SECRET"}', json.dumps(
        {"client_email": "e", "private_key": "SECRET", "token_uri": "https://127.0.0.1:1/t"}
    )]  # fmt: skip
    for content in contents:
        path.write_text(content)
        async with VertexEmbedder(
            "https://h/v1", "m", credentials=ServiceAccount(str(path))
        ) as embedder:
            with pytest.raises(PermanentFailure) as caught:
                await embedder.probe()
        assert str(path) in str(caught.value)
        assert "SECRET" not in f"{caught.value!r}{caught.value.__cause__!r}"


class Tokens:
    """A source of tokens that a test holds in its hands."""

    def __init__(self) -> None:
        self.fetched = 0
        self.broken = False

    async def fetch(self, _: Any) -> tuple[str, float]:
        await anyio.lowlevel.checkpoint()
        if self.broken:
            raise EmbedderUnavailable("no")
        self.fetched += 1
        return f"t{self.fetched}", 3600.0


async def test_a_token_is_fetched_once_for_many_and_anew_before_it_ends() -> None:
    source, now = Tokens(), 1000.0
    tokens = AccessTokens(source, clock=lambda: now)
    got: list[str] = []

    async def ask() -> None:
        got.append(await tokens.current(None))  # type: ignore[arg-type]

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert set(got) == {"t1"}
    now += 3600 - 301
    await ask()
    now += 2
    source.broken = True
    await ask()
    assert got[-2:] == ["t1", "t1"], "good for five minutes more"
    source.broken = False
    await ask()
    assert got[-1] == "t2"
    now += 3600
    source.broken = True
    with pytest.raises(EmbedderUnavailable):
        await ask()


async def test_a_token_that_is_withdrawn_is_replaced_once() -> None:
    async with dialects() as provider, MAKERS["vertex"](provider.url) as embedder:
        await embedder.probe()

        async def withdrawn(asked: Asked) -> Response | None:
            return JSONResponse({}, 401) if asked.authorization.endswith("-1") else None

        provider.before = withdrawn
        await embedder.embed(["a"])
        provider.before = refusing(401)
        with pytest.raises(PermanentFailure, match="Vertex AI"):
            await embedder.embed(["a"])
    assert len(provider.token_requests) == 3


def test_the_dialects_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    embedders = [make("http://127.0.0.1:1") for make in MAKERS.values()]
    assert len({each.identity for each in embedders}) == len(MAKERS)
    assert all(KEY not in repr(each) + each.identity for each in embedders)
