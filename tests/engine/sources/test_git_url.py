"""Which remotes are understood, refused, and asked."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources import UrlRules, is_remote
from engine.sources.git_url import (
    SourceRefused,
    check_addresses,
    check_branch,
    check_rules,
    parse_remote,
)

ALL = UrlRules(("https", "http", "ssh", "file"))


@pytest.mark.parametrize(
    ("url", "plain", "transport"),
    [
        ("https://Example.ORG/a/b.git", "https://example.org/a/b.git", "https"),
        ("HTTPS://example.org:443/a/", "https://example.org/a", "https"),
        ("https://example.org:8443/a", "https://example.org:8443/a", "https"),
        ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a", "https"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1/a", "http"),
        ("ssh://git@example.org/a.git", "ssh://git@example.org/a.git", "ssh"),
        ("git@example.org:a/b.git", "ssh://git@example.org/a/b.git", "ssh"),
        ("file:///srv/a", "file:///srv/a", "file"),
        ("/srv/a", "/srv/a", "file"),
    ],
)
def test_a_url_has_one_spelling(url: str, plain: str, transport: str) -> None:
    remote = parse_remote(url)
    assert (remote.url, remote.transport) == (plain, transport)
    assert parse_remote(remote.url) == remote
    check_rules(remote, ALL)


@pytest.mark.parametrize(
    "url",
    [
        "", "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c x", "ext::sh", "fd::17", "a::b://c",
        "git://example.org/a", "ftp://example.org/a", "javascript://a/b", "https:///a",
        "https://example.org", "https://example.org/", "https://exa mple.org/a",
        "https://example.org/a\n", "https://example.org/\x1b[0m", "https://example.org/a?token=x",
        "https://example.org/a#x", "https://example.org:x/a", "https://example.org:99999/a",
        "https://example.org:0/a", "https://-x.org/a", "https://exämple.org/a",
        "https://example.org\\@evil.org/a", "ssh://-oX/a", "ssh://root@example.org/a",
        "git@-x:a", "git@host:-x", "file://host/a", "file://localhost/a", "https://a%0ab/c",
        "ssh://git@-oProxyCommand=x/a", "ssh://-oProxyCommand=x@example.org/a",
        "-oProxyCommand=x@example.org:a", "git@-oProxyCommand=x:a", "git@example.org:-oX",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        parse_remote(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@example.org/a", "https://s3cret@example.org/a",
        "http://s3cret@127.0.0.1/a", "ssh://git:s3cret@example.org/a", "https://s3cret @a/b",
        "https://u:s3cret@example.org:x/a", "odd://u:s3cret@example.org/a",
        "https://u:s3cret@@example.org/a",
    ],
)  # fmt: skip
def test_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        parse_remote(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "rules", "allowed"),
    [
        ("https://a.org/x", UrlRules(), True),
        ("http://a.org/x", UrlRules(), False),
        ("http://localhost:8000/x", UrlRules(), True),
        ("http://127.8.8.8/x", UrlRules(), True),
        ("http://[::1]:1/x", UrlRules(), True),
        ("http://localhost.evil.org/x", UrlRules(), False),
        ("http://a.org/x", UrlRules(("https", "http")), True),
        ("git@a.org:x", UrlRules(), False),
        ("git@a.org:x", UrlRules(("ssh",)), True),
        ("/srv/x", UrlRules(), False),
        ("file:///srv/x", UrlRules(), False),
        ("file:///srv/x", UrlRules(("file",)), True),
        ("file:///srv/x", UrlRules(("file",), public_only=True), False),
        ("https://a.org/x", UrlRules(hosts=("a.org",)), True),
        ("https://a.org./x", UrlRules(hosts=("a.org",)), True),
        ("https://a.org:8443/x", UrlRules(hosts=("a.org",)), False),
        ("https://a.org:8443/x", UrlRules(hosts=("a.org:8443",)), True),
        ("https://b.a.org/x", UrlRules(hosts=("a.org",)), False),
        ("https://b.a.org/x", UrlRules(hosts=("*.a.org",)), True),
        ("https://ba.org/x", UrlRules(hosts=("*.a.org",)), False),
        ("https://a.org.evil/x", UrlRules(hosts=("a.org",)), False),
        ("file:///srv/x", UrlRules(("file",), hosts=("a.org",)), False),
    ],
)
def test_the_rules_of_the_place_decide(url: str, rules: UrlRules, allowed: bool) -> None:
    remote = parse_remote(url)
    if allowed:
        check_rules(remote, rules)
    else:
        with pytest.raises(SourceRefused):
            check_rules(remote, rules)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("140.82.112.3", True), ("2606:50c0:8000::64", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("ff02::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::a00:1", False),
        ("2002:0a00:0001::1", False), ("64:ff9b::8c52:7003", True),
    ],
)  # fmt: skip
def test_each_address_has_to_be_public(address: str, public: bool) -> None:
    remote = parse_remote("https://a.org/x")
    if public:
        check_addresses(remote, [address])
    else:
        with pytest.raises(SourceRefused, match="private network"):
            check_addresses(remote, ["140.82.112.3", address])


@given(st.text(st.sampled_from("ab-./@{~^:?*[\\ \x7f\nlock"), max_size=8))
def test_a_branch_is_what_git_takes_for_one(branch: str) -> None:
    try:
        check_branch(branch)
    except SourceRefused:
        return
    done = subprocess.run(
        ["git", "check-ref-format", "--branch", branch],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    "branch", ["main", "feature/x", "v1.2", "a-b_c", "größe", "lock", "a.lockx"]
)
def test_usual_branches_are_fine(branch: str) -> None:
    check_branch(branch)


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ("https://a.org/x", True), ("git@a.org:x", True), ("ext::sh", True), ("file:///x", True),
        ("a/b", False), ("/a:b", False), ("./a@b:c", False), ("c:", False), ("a.org:x", False),
    ],
)  # fmt: skip
def test_a_url_is_told_from_a_path(text: str, remote: bool) -> None:
    assert is_remote(text) is remote
