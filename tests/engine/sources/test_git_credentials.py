"""Who we say we are to a git server, and what a GitHub App mints on loopback."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_github import PEM, FakeGitHub, fake_github
from git_server import Upstream, git_server

from engine import GitHubApp, GitRepository, Throttled, TokenFromCall, TokenFromEnvironment
from engine.sources import Checkouts, SourceError, SourceMissing, UrlRules, open_source
from engine.sources.git_credentials import header_for, without_secrets
from engine.sources.git_environment import git_environment
from engine.sources.git_url import parse_remote
from engine.sources.github_api import check_api

REMOTE = parse_remote("https://example.org/owner/name.git")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setenv("APP_KEY", PEM)
    with fake_github() as fake:
        yield fake


def app(github: FakeGitHub, **options: str) -> GitHubApp:
    return GitHubApp("123", api_url=github.url, **{"private_key_env": "APP_KEY"} | options)


async def test_a_token_is_minted_for_one_repository_to_read(github: FakeGitHub) -> None:
    token = await app(github).token(REMOTE)
    assert token == "ghs_1"
    (_, looked_up, *_), (_, path, wanted, claims) = github.requests
    assert looked_up == "/repos/owner/name/installation"
    assert path == "/app/installations/77/access_tokens"
    assert wanted == {"repositories": ["name"], "permissions": {"contents": "read"}}
    assert claims["iss"] == "123"
    assert claims["iat"] < time.time() < claims["exp"] < time.time() + 600


async def test_a_token_is_kept_until_shortly_before_it_expires(github: FakeGitHub) -> None:
    credentials = app(github, installation_id="9")
    assert github.requests == []
    assert [await credentials.token(REMOTE) for _ in range(3)] == ["ghs_1"] * 3
    github.lifetime_seconds = 200
    other = parse_remote("https://example.org/owner/other")
    assert [await credentials.token(other) for _ in range(2)] == ["ghs_2", "ghs_3"]
    assert "ghs_" not in repr(credentials)


async def test_a_key_may_lie_in_a_file(github: FakeGitHub, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(PEM)
    named = {"private_key_env": "", "private_key_path": str(tmp_path / "key.pem")}
    assert await app(github, **named).token(REMOTE) == "ghs_1"


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, SourceMissing), (403, {}, SourceMissing), (404, {}, SourceMissing),
        (422, {}, SourceMissing), (500, {}, SourceError), (502, {}, SourceError),
        (429, {"Retry-After": "7"}, Throttled), (403, {"Retry-After": "7"}, Throttled),
        (403, {"X-RateLimit-Remaining": "0"}, Throttled),
    ],
)  # fmt: skip
async def test_what_github_refuses_is_told_apart(
    github: FakeGitHub, status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    github.status, github.headers = status, headers
    with pytest.raises(error) as failed:
        await app(github, installation_id="9").token(REMOTE)
    assert type(failed.value) is error
    assert str(status) in str(failed.value)


async def test_an_app_shows_itself_over_https_only(github: FakeGitHub) -> None:
    github.url = "http://example.org"
    with pytest.raises(SourceMissing, match="over https only"):
        await app(github).token(REMOTE)


@pytest.mark.parametrize(
    ("url", "rules", "allowed"),
    [
        ("https://api.github.com", UrlRules(), True),
        ("https://ghe.example.org/api/v3", UrlRules(), True),
        ("https://api.github.com", UrlRules(("ssh",), ("github.com",)), True),
        ("https://ghe.example.org/api/v3/", UrlRules(hosts=("ghe.example.org",)), True),
        ("https://ghe.example.org:8443/api/v3", UrlRules(hosts=("ghe.example.org:8443",)), True),
        ("https://api.example.ghe.com", UrlRules(hosts=("*.ghe.com",)), True),
        ("http://127.0.0.1:8000", UrlRules(), True),
        ("https://api.github.com", UrlRules(hosts=("example.org",)), False),
        ("https://ghe.example.org/api/v3", UrlRules(hosts=("github.com",)), False),
        ("https://github.com.example.org", UrlRules(hosts=("github.com",)), False),
        ("http://ghe.example.org/api/v3", UrlRules(("https", "http")), False),
        ("http://127.0.0.1:8000", UrlRules(hosts=("github.com",)), False),
        ("https://u:p@ghe.example.org", UrlRules(), False),
        ("ssh://git@ghe.example.org", UrlRules(("ssh",)), False),
        ("/srv/api", UrlRules(("file",)), False),
        ("file:///srv/api", UrlRules(("file",)), False),
        ("", UrlRules(), False),
    ],
)
def test_the_rules_for_remotes_hold_for_the_api(url: str, rules: UrlRules, allowed: bool) -> None:
    if allowed:
        check_api(url, rules)
    else:
        with pytest.raises(SourceMissing):
            check_api(url, rules)


@pytest.mark.parametrize("rules", [UrlRules(hosts=("github.com",)), UrlRules(public_only=True)])
async def test_an_api_that_may_not_be_asked_is_shown_nothing(
    github: FakeGitHub, tmp_path: Path, rules: UrlRules
) -> None:
    with pytest.raises(SourceMissing, match="WIDTHWISE_"):
        await app(github).token(REMOTE, rules)
    # The same, as a job comes there.
    repository = GitRepository("https://github.com/a/b", None, app(github))
    if not rules.public_only:
        with pytest.raises(SourceMissing, match="WIDTHWISE_GIT_HOSTS"):
            async with repository.brought(Checkouts(root=tmp_path, rules=rules), lambda _: None):
                pass
    assert github.hosts == github.requests == []


async def test_the_address_that_was_checked_is_the_one_that_is_shown_who_we_are(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing public answers in a test.
    monkeypatch.setattr("engine.sources.git_url.is_public", lambda _: True)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    github.url = github.url.replace("127.0.0.1", "localhost")
    assert await app(github).token(REMOTE, UrlRules(public_only=True)) == "ghs_1"
    assert set(github.hosts) == {github.url.removeprefix("http://")}


async def test_an_answer_without_end_is_not_read_to_it(github: FakeGitHub) -> None:
    github.padding = "x" * (3 << 20)
    with pytest.raises(SourceError, match="over 1,048,576 bytes"):
        await app(github).token(REMOTE)


async def test_a_key_that_is_none_is_not_quoted(
    github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("", "not a key: s3cret", PEM.replace("A", "B", 40)):
        monkeypatch.setenv("APP_KEY", key)
        with pytest.raises(SourceMissing, match="key") as failed:
            await app(github).token(REMOTE)
        assert "s3cret" not in str(failed.value)
        assert failed.value.__suppress_context__ or failed.value.__context__ is None


async def test_a_repository_is_cloned_with_a_minted_token(
    github: FakeGitHub, tmp_path: Path
) -> None:
    Upstream(tmp_path / "served" / "r").commit({"a.py": "1"})
    with git_server(tmp_path / "served") as server:
        server.token = "ghs_1"
        described = GitRepository(server.url("r"), credentials=app(github)).describe()
        assert "ghs_" not in str(described)
        assert PEM not in str(described)
        repository = open_source(described)
        assert isinstance(repository, GitRepository)
        assert github.minted == 0
        async with repository.brought(Checkouts(root=tmp_path / "c"), lambda _: None) as tree:
            assert tree.read("a.py", max_bytes=9) == b"1"
    assert github.minted == 1


@pytest.mark.parametrize(
    "credentials",
    [
        None,
        TokenFromEnvironment("X"),
        GitHubApp("1", private_key_env="K"),
        GitHubApp("1", installation_id="2", private_key_path="/k", api_url="https://ghe/api/v3"),
    ],
)
def test_credentials_are_opened_again_from_what_is_stored(credentials: Any) -> None:
    repository = GitRepository("https://example.org/a", "main", credentials, fetch=False)
    again = open_source(repository.describe())
    assert isinstance(again, GitRepository)
    assert again.describe() == repository.describe()
    assert again.credentials == credentials


async def test_only_the_remote_is_shown_who_we_are() -> None:
    header = await header_for(TokenFromCall(lambda: "t0ken"), REMOTE)
    told = git_environment(REMOTE, header=header)
    keys = [key for key, value in told.items() if value == header]
    assert len(keys) == 1
    assert told[keys[0].replace("VALUE", "KEY")] == f"http.{REMOTE.url}.extraHeader"
    assert "t0ken" not in str(told)
    assert without_secrets(f"x {header} t0ken", header) == "x Authorization: Basic *** ***"


@pytest.mark.parametrize("token", ["", "a b", "a\nX-Evil: 1", "a\r", "x" * 5000, "t\x00", "ä"])
async def test_what_can_be_no_token_is_refused_unseen(token: str) -> None:
    with pytest.raises(SourceMissing, match="no token") as failed:
        await header_for(TokenFromCall(lambda: token), REMOTE)
    assert not token or token not in str(failed.value)


@pytest.mark.parametrize("url", ["http://example.org/a", "ssh://git@example.org/a", "/srv/a"])
async def test_a_token_goes_over_https_only(url: str) -> None:
    with pytest.raises(SourceMissing, match="https"):
        await header_for(TokenFromCall(lambda: "t0ken"), parse_remote(url))


def test_git_sees_nothing_of_ours_but_the_way_to_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GIT_DIR", "GIT_TRACE_CURL", "GIT_SSH", "MY_TOKEN", "WIDTHWISE_DSN", "PGPASSWORD"):
        monkeypatch.setenv(name, "x")
    told = git_environment(REMOTE)
    assert "x" not in told.values()
    assert told["PATH"]
    assert told["HOME"] == "/nonexistent"
