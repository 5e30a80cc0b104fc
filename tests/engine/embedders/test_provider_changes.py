"""Engines whose vectors come from a provider: that changes its model, is down, or lies."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from live_trees import write_tree
from provider_dialects import Asked, dialects
from starlette.responses import JSONResponse, Response

from engine import (
    Engine,
    FailureKind,
    Folder,
    Isolation,
    Job,
    JobState,
    PassFailed,
    Settings,
    Work,
)
from engine.embedders import EmbedderUnavailable

PATIENCE_SECONDS = 60.0
"""What a test waits for takes seconds; this only turns a standstill into a failure."""

KEY = "sk-0123456789abcdefSECRET"
FILES: dict[str, str | bytes | None] = {
    "refunds.md": "# Refunds\n\nA refund takes three days.\n",
    "user.py": "class User:\n    def greet(self, name: str) -> str:\n        return name\n",
    "copy/user.py": "class User:\n    def greet(self, name: str) -> str:\n        return name\n",
}
QUESTION = "refund days"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


@asynccontextmanager
async def engine_at(
    dsn: str, home: Path, url: str, *, work: Work = Work.ANY, **options: Any
) -> AsyncIterator[Engine]:
    usual = {
        "embedder": "openai",
        "embed_url": f"{url}/v1",
        "embed_model": "m",
        "isolation": Isolation.INLINE,
        "worker_processes": 1,
        "max_attempts": 1,
        "reconcile_seconds": 3600,
    }
    async with Engine.open(Settings(dsn=dsn, home=home, **usual | options), work=work) as engine:
        yield engine


async def indexed(engine: Engine, root: Path, name: str = "r") -> None:
    realm = await engine.add_realm(name, Folder(root))
    with anyio.fail_after(PATIENCE_SECONDS):
        await (await realm.index()).finished()


async def fetched(dsn: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def makers_of_vectors(dsn: str) -> list[str]:
    """The fingerprints of the embedders whose vectors readers can see."""
    return await fetched(
        dsn,
        "SELECT DISTINCT fingerprint FROM entries JOIN chunks USING (version)"
        " JOIN embedders ON embedders.id = embedder_id",
    )


async def similarities(engine: Engine) -> list[float | None]:
    hits = await engine.search(QUESTION, realm="r")
    assert hits[0].path == "refunds.md", "its words alone find it"
    return [hit.similarity for hit in hits]


CHANGES: dict[str, dict[str, Any]] = {
    "model": {"embed_model": "reversed"},
    "size": {"embed_dimension": 64},
    "phrasing": {"embed_document_prefix": "passage: "},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_after_a_change_all_is_embedded_again_and_the_old_vectors_serve_until_then(
    dsn: str, root: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    gate = anyio.Event()

    async with dialects() as provider:
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        texts = sorted(provider.texts[1:])
        old = await makers_of_vectors(dsn)
        async with (
            engine_at(dsn, tmp_path, provider.url, work=Work.NONE) as before,
            engine_at(dsn, tmp_path, provider.url, reconcile_seconds=0.2, **change) as after,
        ):
            served = await similarities(before)
            assert None not in served
            asked_before = len(provider.asked)

            async def stall(asked: Asked) -> None:
                if asked.texts != [QUESTION]:
                    await gate.wait()

            provider.before = stall
            with anyio.fail_after(PATIENCE_SECONDS):
                while len(provider.asked) == asked_before:  # noqa: ASYNC110 - it tells of no event
                    await anyio.sleep(0.01)
            assert await similarities(before) == served
            # The one hit that has the words, and nothing that is compared with another's.
            assert await similarities(after) == [None]
            assert await makers_of_vectors(dsn) == old
            gate.set()
            assert len(await until_others_are_seen(dsn, old)) == 1
            assert None not in await similarities(after)
            assert await similarities(before) == [None]
    sent = [text for each in provider.asked[asked_before:] for text in each.texts]
    prefix = change.get("embed_document_prefix", "")
    assert sorted(text for text in sent if text != QUESTION) == [prefix + each for each in texts]


async def until_others_are_seen(dsn: str, old: list[str]) -> list[str]:
    with anyio.fail_after(PATIENCE_SECONDS):
        while (new := await makers_of_vectors(dsn)) == old:  # noqa: ASYNC110 - a row
            await anyio.sleep(0.01)
    return new


async def test_another_model_under_the_same_name_is_noticed_at_the_next_start(
    dsn: str, root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with dialects() as provider:
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        (first,) = await makers_of_vectors(dsn)
        documents = sorted(provider.texts[1:])
        provider.asked.clear()
        provider.lie = lambda rows: [row[::-1] for row in rows]

        async with engine_at(dsn, tmp_path, provider.url, reconcile_seconds=0.2) as engine:
            assert await until_others_are_seen(dsn, [first]) == [f"{first}#2"]
            assert None not in await similarities(engine)
        assert "another model under the same name" in caplog.text
        assert sorted(set(provider.texts[1:]) - {QUESTION}) == documents

        provider.asked.clear()
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        assert len(provider.asked) == 1, "the same model again is asked for its sample alone"
        async with engine_at(dsn, tmp_path, provider.url, work=Work.NONE) as engine:
            assert None not in await similarities(engine)


async def test_vectors_that_differ_a_little_each_time_are_of_one_model(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with dialects() as provider:
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        asked = len(provider.asked)
        provider.lie = lambda rows: [[each + 1e-3 for each in row] for row in rows]
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
            assert None not in await similarities(engine)
        assert len(provider.asked) == asked + 2, "its sample and the question"


async def test_a_provider_that_is_down_counts_as_what_it_was_the_last_time(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with dialects() as provider:
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        provider.lie = lambda rows: [row[::-1] for row in rows]
        async with engine_at(dsn, tmp_path, provider.url) as engine:
            await indexed(engine, root)
        (second,) = await makers_of_vectors(dsn)
        assert second.endswith("#2")
    port = int(provider.url.rpartition(":")[2])
    async with engine_at(dsn, tmp_path, provider.url) as engine:
        async with dialects(port) as again:
            again.lie = provider.lie
            assert None not in await similarities(engine)
        await indexed(engine, root)
    assert await makers_of_vectors(dsn) == [second]


async def test_the_same_text_in_two_files_and_two_realms_is_sent_once(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with dialects() as provider, engine_at(dsn, tmp_path, provider.url) as engine:
        await indexed(engine, root)
        await indexed(engine, root, "other")
        asked = len(provider.asked)
        async with engine_at(dsn, tmp_path, provider.url, work=Work.NONE) as other:
            assert (await other.status("r")).realm.generation == 1
        assert len(provider.asked) == asked, "who only looks costs nothing"
    documents = provider.texts[1:]
    assert len(set(documents)) == len(documents)


async def test_of_a_batch_with_a_vector_of_no_use_nothing_is_stored(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with dialects() as provider, engine_at(dsn, tmp_path, provider.url) as engine:
        provider.lie = lambda rows: [*rows[:-1], [0.0] * 256]
        job = await (await engine.add_realm("r", Folder(root))).index()
        with anyio.fail_after(PATIENCE_SECONDS), pytest.raises(PassFailed, match="is zero"):
            await job.finished()
        assert await fetched(dsn, "SELECT embedding FROM chunks") == []
        assert await fetched(dsn, "SELECT embedding FROM waiting_vectors") == []
        provider.lie = lambda rows: rows
        await indexed(engine, root)
        assert None not in await similarities(engine)


async def test_a_server_comes_up_while_its_provider_is_down_and_searches_by_words(
    dsn: str, root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with dialects() as provider, engine_at(dsn, tmp_path, provider.url) as engine:
        await indexed(engine, root)
        assert engine.search_problem == ""
    port = int(provider.url.rpartition(":")[2])
    async with engine_at(dsn, tmp_path, provider.url) as engine:
        assert "the embedder does not answer" in caplog.text
        assert await similarities(engine) == [None]
        assert "EmbedderUnavailable" in engine.search_problem
        assert "searching by words alone" in caplog.text
        async with dialects(port):
            assert None not in await similarities(engine)
            assert engine.search_problem == ""


async def test_a_provider_that_was_never_heard_of_must_be_there_for_those_who_index(
    dsn: str, root: Path, tmp_path: Path
) -> None:
    async with dialects() as provider, engine_at(dsn, tmp_path, provider.url) as engine:
        await indexed(engine, root)
    with pytest.raises(EmbedderUnavailable, match="127"):
        async with engine_at(dsn, tmp_path, provider.url, embed_model="other"):
            pass
    async with engine_at(
        dsn, tmp_path, provider.url, embed_model="other", work=Work.NONE
    ) as engine:
        assert await similarities(engine) == [None]
    async with engine_at(
        dsn, tmp_path, provider.url, embed_model="other", embed_dimension=64
    ) as engine:
        assert await similarities(engine) == [None]


def commands_that_run() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(found)


async def everything_stored(dsn: str) -> str:
    names = await fetched(
        dsn,
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    return "\n".join(
        [row for name in names for row in await fetched(dsn, f"SELECT t::text FROM {name} t")]
    )


async def ended(job: Job) -> Job:
    with anyio.fail_after(PATIENCE_SECONDS), pytest.raises(PassFailed):
        await job.finished()
    return await job.refresh()


async def test_a_process_of_its_own_has_the_key_from_the_environment_and_nobody_sees_it(
    dsn: str,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WIDTHWISE_EMBED_KEY", KEY)
    reached, gate = anyio.Event(), anyio.Event()
    accepted = [KEY]

    async def check(asked: Asked) -> Response | None:
        if asked.authorization != f"Bearer {accepted[0]}":
            return JSONResponse({"error": f"wrong key {asked.authorization}"}, 401)
        if len(asked.texts) > 1:
            reached.set()
            await gate.wait()
        return None

    async with dialects() as provider:
        provider.before = check
        async with engine_at(dsn, tmp_path, provider.url, isolation=Isolation.PROCESS) as engine:
            realm = await engine.add_realm("r", Folder(root))
            job = await realm.index()
            with anyio.fail_after(PATIENCE_SECONDS):
                await reached.wait()
                commands = commands_that_run()
                gate.set()
                assert (await job.finished()).files == 3
            assert None not in await similarities(engine)
            accepted[0] = "another"
            write_tree(root, {"new.md": "# News\n"})
            denied = await ended(await realm.index())
            assert await similarities(engine) == [None]
            problem = engine.search_problem
        stored = await everything_stored(dsn)
    assert (denied.state, denied.error_kind) == (JobState.FAILED, FailureKind.PERMANENT)
    assert "look at WIDTHWISE_EMBED_KEY" in str(denied.error)
    assert "worker_process" in commands
    shown = str(Settings.from_environment().table())
    assert "('embed_key', 'WIDTHWISE_EMBED_KEY', '(set)')" in shown
    assert os.environ["WIDTHWISE_EMBED_KEY"] == KEY
    for text in (commands, stored, caplog.text, str(denied.error), problem, shown):
        assert text
        assert KEY not in text


async def test_the_address_of_a_provider_is_shown_without_its_secrets() -> None:
    settings = Settings(embed_url="https://user:hunter2@h:8/v1?key=hunter2")
    assert "hunter2" not in repr(settings) + str(settings.table())
    assert "https://h:8/v1" in str(settings.table())
