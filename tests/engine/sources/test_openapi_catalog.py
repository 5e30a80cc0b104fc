"""Where documents come from: files, folders, servers; what is kept when they fail."""

import gzip
import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_documents import PETSTORE

from engine.sources import (
    Checkouts,
    FileGone,
    FileTooLarge,
    OpenApiCatalog,
    SourceError,
    SourceMissing,
    UrlRules,
)
from engine.sources.addresses import is_public

PET = "petstore.yaml/schemas/Pet.openapi-schema"


@dataclass
class Site:
    """What a server on loopback answers by path: status, headers, body. `asked` is its log."""

    url: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: str | bytes, *, etag: str = "", **headers: str) -> None:
        told = {"ETag": etag} if etag else {}
        content = body if isinstance(body, bytes) else body.encode()
        self.pages[path] = (200, told | headers, content)

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append((path, headers))
        status, told, body = self.pages.get(path, (404, {}, b""))
        if "ETag" in told and headers.get("if-none-match") == told["ETag"]:
            return 304, {}, b""
        return status, told, body


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, told, body = found.answer(self.path, headers)
            self.send_response(status)
            for name, value in {**told, "Content-Length": str(len(body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """The log is the site's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def _keys(catalog: OpenApiCatalog) -> list[str]:
    return [file.key for file in catalog.snapshot().files]


def _problems(catalog: OpenApiCatalog) -> dict[str, str]:
    return {each.key: each.reason for each in catalog.snapshot().problems}


@pytest.fixture
def catalog(tmp_path: Path) -> OpenApiCatalog:
    (tmp_path / "petstore.yaml").write_text(PETSTORE)
    return OpenApiCatalog(tmp_path / "petstore.yaml", cache=tmp_path / "cache")


def test_only_parts_that_changed_have_another_stamp(
    catalog: OpenApiCatalog, tmp_path: Path
) -> None:
    before = dict(catalog.snapshot().files)
    (tmp_path / "petstore.yaml").write_text("# moved\n" + PETSTORE.replace("Unique.", "Singular."))
    after = dict(catalog.snapshot().files)
    assert {key for key in before if before[key] != after[key]} == {PET}
    assert all(stamp.is_settled(1_000_000_000_000_000_000) for stamp in after.values())


def test_a_copy_reads_what_the_snapshot_saw_though_the_document_has_changed(
    catalog: OpenApiCatalog, tmp_path: Path
) -> None:
    catalog.snapshot()
    copy: OpenApiCatalog = pickle.loads(pickle.dumps(catalog))
    (tmp_path / "petstore.yaml").write_text(PETSTORE.replace("Unique.", "Singular."))
    assert b"Unique" in copy.read(PET, max_bytes=9999)
    assert len(pickle.dumps(catalog)) < 2000


def test_an_unchanged_document_is_not_parsed_again(
    catalog: OpenApiCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = catalog.snapshot().files
    monkeypatch.setattr(yaml, "parse", None)
    again = OpenApiCatalog(tmp_path / "petstore.yaml", cache=tmp_path / "cache")
    assert again.snapshot().files == first


def test_a_part_that_is_gone_or_too_large_says_so(catalog: OpenApiCatalog) -> None:
    with pytest.raises(FileTooLarge):
        catalog.read(PET, max_bytes=10)
    with pytest.raises(FileGone):
        catalog.read("petstore.yaml/schemas/None.openapi-schema", max_bytes=10)


def test_a_document_that_breaks_keeps_the_parts_of_its_last_good_text(
    catalog: OpenApiCatalog, tmp_path: Path
) -> None:
    path = tmp_path / "petstore.yaml"
    before = catalog.snapshot().files
    for broken in ("a: [", "swagger: 1", "a: &a [*a]"):
        path.write_text(broken)
        assert catalog.snapshot().files == before
        assert list(_problems(catalog)) == ["petstore.yaml"]
    path.write_text(PETSTORE.replace("Owner", "Keeper"))
    keepers = catalog.snapshot().files
    assert keepers != before
    path.write_text("a: [")
    assert catalog.snapshot().files == keepers
    path.write_text(PETSTORE)
    assert (catalog.snapshot().files, _problems(catalog)) == (before, {})


def test_a_document_that_was_never_good_is_a_problem_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("openapi: [")
    catalog = OpenApiCatalog(tmp_path / "a.yaml", cache=tmp_path / "cache")
    assert _keys(catalog) == []
    assert "line 2: not valid YAML" in _problems(catalog)["a.yaml"]


def test_a_folder_gives_its_documents_and_leaves_other_files_alone(tmp_path: Path) -> None:
    for name, text in {
        "v1/a.yaml": PETSTORE,
        "v2/a.yaml": PETSTORE,
        "package.json": '{"dependencies": {"swagger": "2.0.0"}}',
        "other.json": "{",
        "large.json": '{"openapi": "3.0.0", "x": "' + "x" * 9000 + '"}',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    catalog = OpenApiCatalog(tmp_path, cache=tmp_path / "cache", max_document_bytes=5000)
    assert {key.rpartition(".yaml/")[0] for key in _keys(catalog)} == {"v1/a", "v2/a"}
    assert list(_problems(catalog)) == ["large.json"]


def test_a_fragment_beside_a_document_is_read_and_its_change_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "openapi: 3.0.0\ncomponents: {schemas: {A: {properties: {b: {$ref: 'parts/b.yaml#/B'}}}}}"
    )
    catalog = OpenApiCatalog(tmp_path / "a.yaml", cache=tmp_path / "cache")
    missing = catalog.read("a.yaml/schemas/A.openapi-schema", max_bytes=999)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/b.yaml").write_text("B: {type: string}")
    assert b"missing @B parts/b.yaml/parts/B.openapi-schema" in missing
    assert _keys(catalog) == [
        "a.yaml/schemas/A.openapi-schema",
        "parts/b.yaml/parts/B.openapi-schema",
    ]
    before = dict(catalog.snapshot().files)
    (tmp_path / "parts/b.yaml").write_text("B: {type: integer}")
    after = dict(catalog.snapshot().files)
    assert [key for key in before if before[key] != after[key]] == [
        "parts/b.yaml/parts/B.openapi-schema"
    ]


def test_a_file_outside_of_what_was_given_is_not_read(tmp_path: Path) -> None:
    for folder in ("one", "two", "private"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.json").write_text(
            '{"openapi": "3.0.0", "components": {"schemas": {"A": {"properties": {'
            '"b": {"$ref": "../private/a.json#/components/schemas/A"}}}}}}'
        )
    given = [tmp_path / folder / "a.json" for folder in ("one", "two")]
    catalog = OpenApiCatalog(*given, cache=tmp_path / "cache")
    assert _keys(catalog) == [
        f"{folder}/a.json/schemas/A.openapi-schema" for folder in ("one", "two")
    ]
    text = catalog.read("one/a.json/schemas/A.openapi-schema", max_bytes=999)
    assert b"missing @A private/a.json/schemas/A.openapi-schema" in text


def test_a_document_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no such file"):
        OpenApiCatalog(tmp_path / "none.yaml", cache=tmp_path / "cache").snapshot()


@pytest.mark.parametrize(
    "location", ["ftp://a/b", "file:///etc/passwd", "http://user:secret@a/b", "http:///a", "a\nb"]
)
def test_an_address_that_must_not_be_asked_is_refused(location: str) -> None:
    with pytest.raises(SourceMissing) as caught:
        OpenApiCatalog(location)
    assert "secret" not in str(caught.value)


def _remote(site: Site, tmp_path: Path, path: str = "/a.yaml", **options: Any) -> OpenApiCatalog:
    return OpenApiCatalog(f"{site.url}{path}", cache=tmp_path / "cache", **options)


def test_a_server_is_asked_only_for_what_changed(site: Site, tmp_path: Path) -> None:
    site.put("/a.yaml", PETSTORE, etag='"1"')
    first = _remote(site, tmp_path).snapshot()
    second = _remote(site, tmp_path).snapshot()
    site.put("/a.yaml", PETSTORE.replace("Unique.", "Singular."), etag='"2"')
    third = _remote(site, tmp_path).snapshot()
    assert [headers.get("if-none-match") for _, headers in site.asked] == [None, '"1"', '"1"']
    assert len(first.files) == 5
    assert first.files[0].key.startswith(f"{site.url.removeprefix('http://')}/a.yaml/")
    assert second.files == first.files != third.files


@pytest.mark.parametrize("status", [404, 500])
def test_a_server_that_fails_costs_nothing_that_was_there(
    site: Site, tmp_path: Path, status: int
) -> None:
    site.put("/a.yaml", PETSTORE)
    before = _remote(site, tmp_path).snapshot().files
    site.pages["/a.yaml"] = (status, {}, b"")
    after = _remote(site, tmp_path).snapshot()
    assert after.files == before
    assert [each.reason for each in after.problems] == [f"answered {status}"]


def test_what_can_never_be_fetched_is_told_from_what_may_be_later(
    site: Site, tmp_path: Path
) -> None:
    with pytest.raises(SourceMissing, match="answered 404"):
        _remote(site, tmp_path).snapshot()
    site.pages["/a.yaml"] = (503, {}, b"")
    with pytest.raises(SourceError, match="answered 503") as caught:
        _remote(site, tmp_path).snapshot()
    assert not isinstance(caught.value, SourceMissing)
    with pytest.raises(SourceError, match="can't be fetched"):
        OpenApiCatalog("http://127.0.0.1:1/a.yaml", cache=tmp_path / "cache").snapshot()


def test_a_redirect_is_followed_on_the_same_server_only(site: Site, tmp_path: Path) -> None:
    site.put("/b/real.yaml", PETSTORE)
    site.pages["/a.yaml"] = (302, {"Location": "/b/real.yaml"}, b"")
    assert len(_keys(_remote(site, tmp_path))) == 5
    for elsewhere in (site.url.replace("127.0.0.1", "localhost") + "/b/real.yaml", "file:///etc"):
        site.pages["/c.yaml"] = (302, {"Location": elsewhere}, b"")
        with pytest.raises(SourceMissing, match="another scheme or host"):
            _remote(site, tmp_path, "/c.yaml").snapshot()
    site.pages["/d.yaml"] = (302, {"Location": "/d.yaml"}, b"")
    with pytest.raises(SourceMissing, match="more than 5 redirects"):
        _remote(site, tmp_path, "/d.yaml").snapshot()


def test_a_body_is_bounded_also_behind_its_compression(site: Site, tmp_path: Path) -> None:
    site.put("/a.yaml", gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    with pytest.raises(SourceMissing, match="more than 100000 bytes"):
        _remote(site, tmp_path, max_document_bytes=100_000).snapshot()


def test_a_private_address_is_not_asked_where_that_is_refused(site: Site, tmp_path: Path) -> None:
    site.put("/a.yaml", PETSTORE)
    with pytest.raises(SourceMissing, match=r"private address 127\.0\.0\.1"):
        _remote(site, tmp_path, refuse_private=True).snapshot()
    assert site.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("10.1.2.3", False), ("169.254.169.254", False), ("::1", False),
     ("::ffff:127.0.0.1", False), ("fe80::1%eth0", False), ("2606:4700::1", True),
     ("224.0.0.1", False), ("0.0.0.0", False), ("100.64.0.1", False)],
)  # fmt: skip
def test_a_public_address_is_one_that_everybody_can_reach(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_documents_of_one_server_refer_to_each_other_and_nothing_else_is_fetched(
    site: Site, tmp_path: Path
) -> None:
    site.put(
        "/a.json",
        '{"openapi": "3.0.0", "components": {"schemas": {"A": {"properties": {'
        '"b": {"$ref": "b.json#/components/schemas/B"}, "c": {"$ref": "c.json#/C"}}}}}}',
    )
    site.put("/b.json", '{"openapi": "3.0.0", "components": {"schemas": {"B": {}}}}')
    catalog = OpenApiCatalog(f"{site.url}/a.json", f"{site.url}/b.json", cache=tmp_path / "cache")
    (first, _) = _keys(catalog)
    text = catalog.read(first, max_bytes=999).decode()
    host = site.url.removeprefix("http://")
    assert f"uses @B {host}/b.json/schemas/B.openapi-schema\n" in text
    assert "remote @C c.json#/C\n" in text
    assert {path for path, _ in site.asked} == {"/a.json", "/b.json"}


@pytest.mark.parametrize("query", ["key=s3cret", "v=1&api_key=s3cret", "Access-Token=s3cret",
                                   "X-Amz-Signature=s3cret", "sig=s3cret", "password"])  # fmt: skip
def test_an_address_with_a_credential_is_refused_and_not_repeated(query: str) -> None:
    with pytest.raises(SourceMissing, match="looks like a credential") as caught:
        OpenApiCatalog(f"https://example.com/api.json?{query}")
    assert "s3cret" not in str(caught.value)
    assert OpenApiCatalog("https://example.com/api.json?version=2&lang=en")


def test_what_a_server_redirects_to_is_told_to_nobody(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.put("/real.yaml?token=s3cret", PETSTORE)
    site.pages["/a.yaml"] = (302, {"Location": "/real.yaml?token=s3cret"}, b"")
    catalog = _remote(site, tmp_path)
    assert len(_keys(catalog)) == 5
    site.pages["/real.yaml?token=s3cret"] = (500, {}, b"")
    told = [*_keys(catalog), *_problems(catalog).values(), str(catalog.describe()), caplog.text]
    assert not [each for each in told if "s3cret" in each]
    kept = [path.read_bytes() for path in (tmp_path / "cache").iterdir()]
    assert not [each for each in kept if b"s3cret" in each]


async def test_a_setting_of_the_place_refuses_private_addresses(site: Site, tmp_path: Path) -> None:
    site.put("/a.yaml", PETSTORE)
    strict = Checkouts(root=tmp_path / "checkouts", rules=UrlRules(public_only=True))
    lax = Checkouts(root=tmp_path / "checkouts")
    for checkouts, refuse_private in ((strict, False), (strict, True), (lax, True)):
        catalog = OpenApiCatalog(f"{site.url}/a.yaml", refuse_private=refuse_private)
        with pytest.raises(SourceMissing, match=r"private address 127\.0\.0\.1"):
            async with catalog.brought(checkouts, lambda _: None):
                pass
    assert site.asked == []
    async with OpenApiCatalog(f"{site.url}/a.yaml").brought(lax, lambda _: None) as prepared:
        assert len(prepared.snapshot().files) == 5


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hop looks its name up once, and a name that has come to mean us is not asked."""
    site.put("/b.yaml", PETSTORE)
    site.pages["/a.yaml"] = (302, {"Location": "/b.yaml"}, b"")
    port = int(site.url.rpartition(":")[2])
    answers = ["8.8.8.8", "10.0.0.1", "127.0.0.1"]
    connected: list[tuple[str, int]] = []
    connect = socket.create_connection

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    def connect_here(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        connected.append(address)
        monkeypatch.undo()
        here = connect(("127.0.0.1", port), *arguments, **options)
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return here

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect_here)
    catalog = OpenApiCatalog(
        f"http://rebound.example:{port}/a.yaml", cache=tmp_path / "cache", refuse_private=True
    )
    with pytest.raises(SourceMissing, match=r"private address 10\.0\.0\.1"):
        catalog.snapshot()
    assert connected == [("8.8.8.8", port)]
    assert answers == ["127.0.0.1"]
    ((path, headers),) = site.asked
    assert (path, headers["host"]) == ("/a.yaml", f"rebound.example:{port}")
