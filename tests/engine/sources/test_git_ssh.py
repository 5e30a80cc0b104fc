"""Repositories over ssh, from a real sshd on loopback, with the key that was named."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_server import Upstream
from ssh_server import MISSING, SshServer, ssh_server

from engine import GitRepository, SshKey
from engine.sources import Checkouts, SourceMissing, UrlRules, open_source
from engine.sources.bringing import _wanted
from engine.sources.checkout import ensure_checkout
from engine.sources.git_credentials import TokenFromEnvironment, header_for
from engine.sources.git_environment import git_environment
from engine.sources.git_ssh import ssh_command
from engine.sources.git_url import parse_remote

with_sshd = pytest.mark.skipif(bool(MISSING), reason=MISSING or "there is one")
KEY = SshKey("/run/secrets/key", known_hosts="/run/secrets/known_hosts")
REMOTE = parse_remote("git@example.org:owner/name.git")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh") / "sshd") as server:
        yield server


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    upstream = Upstream(tmp_path / "r")
    upstream.commit({"a.py": "x = 1\n"})
    return upstream


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(root=tmp_path / "c", rules=UrlRules(("ssh",)))


async def read(repository: GitRepository, checkouts: Checkouts) -> bytes:
    async with repository.brought(checkouts, lambda _: None) as tree:
        return tree.read("a.py", max_bytes=100)


@with_sshd
async def test_a_repository_is_cloned_and_fetched_with_the_key_that_was_named(
    server: SshServer, upstream: Upstream, checkouts: Checkouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the user has set up is not there for it: neither an agent nor other keys.
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent")
    key = SshKey(str(server.key), known_hosts=str(server.known_hosts))
    repository = open_source(GitRepository(server.url(upstream.folder), None, key).describe())
    assert isinstance(repository, GitRepository)
    assert await read(repository, checkouts) == b"x = 1\n"
    upstream.commit({"a.py": "x = 2\n"})
    assert await read(repository, checkouts) == b"x = 2\n"


@with_sshd
@pytest.mark.parametrize(
    ("key", "known_hosts", "advice"),
    [
        ("other_key", "known_hosts", "access denied"),
        ("key", "stranger", "a key that is not the one in known_hosts"),
        ("key", "key.pub", "a key that is not the one in known_hosts"),
        ("missing", "known_hosts", "there is no file"),
        ("key", "missing", "there is no file"),
    ],
)
async def test_neither_a_strange_key_nor_a_strange_host_is_taken(
    server: SshServer,
    upstream: Upstream,
    checkouts: Checkouts,
    key: str,
    known_hosts: str,
    advice: str,
) -> None:
    folder = server.key.parent
    named = SshKey(str(folder / key), known_hosts=str(folder / known_hosts))
    repository = GitRepository(server.url(upstream.folder), None, named)
    with pytest.raises(SourceMissing, match=advice):
        await read(repository, checkouts)
    assert [path for path in checkouts.root.iterdir() if path.is_dir()] == []
    assert (folder / "stranger").read_text().count("\n") == 1


@with_sshd
async def test_a_repository_that_is_not_there_is_told_from_one_that_is_shut(
    server: SshServer, checkouts: Checkouts, tmp_path: Path
) -> None:
    key = SshKey(str(server.key), known_hosts=str(server.known_hosts))
    with pytest.raises(SourceMissing, match="no repository there"):
        await read(GitRepository(server.url(tmp_path / "none"), None, key), checkouts)


@with_sshd
async def test_the_address_that_was_checked_is_asked_and_has_to_have_the_key_of_the_host(
    server: SshServer, upstream: Upstream, checkouts: Checkouts
) -> None:
    checkouts.root.mkdir()
    for host, known in (("git.example.org", True), ("other.example.org", False)):
        key = SshKey(str(server.key), known_hosts=str(server.known_hosts))
        repository = GitRepository(server.url(upstream.folder, host), None, key)
        wanted = await _wanted(repository, checkouts, lambda _: None)
        # Nobody knows these names, so that only the address can lead there.
        pinned = type(wanted)(
            wanted.remote, None, wanted.folder, key, wanted.rules, 20, 1 << 30, ["127.0.0.1"],
            wanted.report, wanted.moved,
        )  # fmt: skip
        if known:
            assert await ensure_checkout(pinned)
        else:
            with pytest.raises(SourceMissing, match="not the one in known_hosts"):
                await ensure_checkout(pinned)


def settled(command: str, host: str = "example.org") -> dict[str, str]:
    """What ssh itself makes of a command, without connecting."""
    done = subprocess.run([*shlex.split(command), "-G", host], capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    return dict(reversed([line.split(" ", 1) for line in lines if " " in line]))


@pytest.mark.parametrize("key", [None, KEY])
def test_ssh_asks_nobody_and_believes_no_host_that_it_does_not_know(key: SshKey | None) -> None:
    found = settled(ssh_command(REMOTE, key))
    assert found["batchmode"] == "yes"
    assert found["stricthostkeychecking"] in ("true", "yes")
    assert found["updatehostkeys"] in ("false", "no")
    assert found["forwardagent"] == "no"
    assert found["permitlocalcommand"] == "no"


def test_with_a_key_ssh_sees_nothing_else_of_its_user() -> None:
    found = settled(ssh_command(REMOTE, KEY))
    assert found["identityfile"] == KEY.path
    assert found["identitiesonly"] == "yes"
    assert found["identityagent"] == "none"
    assert found["preferredauthentications"] == "publickey"
    assert found["userknownhostsfile"] == KEY.known_hosts
    assert found["globalknownhostsfile"] == "/dev/null"
    told = git_environment(REMOTE, key=KEY)
    assert "SSH_AUTH_SOCK" not in told
    assert told["HOME"] == "/nonexistent"


@pytest.mark.parametrize(
    "path",
    ["", "key", "~/key", "-oProxyCommand=x", "/a b", "/a\n", "/%d/key", "/${HOME}/key", "/a'b",
     '/a"b', "/a;b", "/a\x00b", "/$(x)"],
)  # fmt: skip
def test_a_path_that_ssh_or_a_shell_would_read_as_more_is_refused(path: str) -> None:
    for arguments in ((path, "/known"), ("/key", path)):
        with pytest.raises(SourceMissing, match="whole path"):
            SshKey(arguments[0], known_hosts=arguments[1])


async def test_a_key_is_for_ssh_and_a_token_is_not(checkouts: Checkouts) -> None:
    https = Checkouts(root=checkouts.root)
    with pytest.raises(SourceMissing, match="a key is for ssh"):
        await read(GitRepository("https://127.0.0.1:1/a", None, KEY), https)
    with pytest.raises(SourceMissing, match="a token is for https"):
        await header_for(TokenFromEnvironment("X"), REMOTE)
