"""An incremental pass is exactly a fresh one: any edits, any cancellations, any two engines."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from incremental_laboratory import Laboratory, opened
from tree_contents import KEYS, MAX_FILE_BYTES
from tree_edits import Append, Delete, Edit, Link, ReverseLines, ShiftLines, Write, edits
from tree_sequences import Cancel, EditDuring, Index, IndexTwice, Sequence, Tree, sequences, trees

from engine import Engine

log = logging.getLogger(__name__)

LONG_SEQUENCES = 2500


@pytest.fixture(scope="module")
def machine_dsn(portal: BlockingPortal, server_dsn: str) -> Iterator[str]:
    """A database for all sequences of this file: making one takes longer than a sequence."""
    name = f"machine_{uuid4().hex}"
    portal.call(_execute, server_dsn, f'CREATE DATABASE "{name}"')
    yield server_dsn.replace("@/widthwise?", f"@/{name}?")
    portal.call(_execute, server_dsn, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def laboratory(
    portal: BlockingPortal, machine_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("machine")
    with portal.wrap_async_context_manager(Laboratory.open(machine_dsn, folder)) as opened:
        yield opened


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def python(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


USES_F_OF_A = python("from a import f", "f()")
USES_F_OF_PKG = python("from pkg import f", "f()")


@pytest.mark.parametrize(
    "sequence",
    [
        Sequence(
            (("a.py", python("def f(): ...", "def f(x): ...")), ("b.py", USES_F_OF_A)),
            (ReverseLines(0),),
        ),
        Sequence(
            (
                ("main.py", USES_F_OF_PKG),
                ("pkg/__init__.py", python("from .a import *", "from .b import *")),
                ("pkg/a.py", python("def f(): ...")),
                ("pkg/b.py", python("def f(x): ...")),
            ),
            (ReverseLines(1),),
        ),
    ],
    ids=["of definitions", "of re-exports"],
)
def test_the_order_that_decides_what_a_name_means_is_part_of_the_definition(
    laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(laboratory.run, sequence)


def test_a_file_that_cannot_be_read_is_told_to_old_and_new_readers_alike(
    laboratory: Laboratory, portal: BlockingPortal
) -> None:
    tree = (("a.py", b"x = '\xff'\n"), ("c.py", USES_F_OF_A))
    portal.call(laboratory.run, Sequence(tree, (Write("b.py", USES_F_OF_A), IndexTwice())))


@pytest.mark.parametrize(
    "sequence",
    [
        Sequence(
            (("a.py", python("def f(): ...")), ("b.py", USES_F_OF_A)), (Link("a.py", "/etc/hosts"),)
        ),
        Sequence(
            (("b.py", USES_F_OF_A),),
            (Link("a.py", "nowhere"), Index(), Write("a.py", python("def f(): ..."))),
        ),
    ],
    ids=["a file", "no file"],
)
def test_a_link_out_of_the_tree_is_to_its_readers_as_if_nothing_were_there(
    laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(laboratory.run, sequence)


def test_what_is_too_large_is_taken_over_from_a_cancelled_pass_at_its_size_alone(
    laboratory: Laboratory, portal: BlockingPortal
) -> None:
    before = laboratory.tally["cancelled passes"]
    tree = (("a.py", b"x" * (MAX_FILE_BYTES + 1)),)
    for at in range(20, 120, 20):
        steps = (Write("b.py", tree[0][1]), Cancel(at), Append(1, b"x"))
        portal.call(laboratory.run, Sequence(tree, steps))
    assert laboratory.tally["cancelled passes"] - before >= 3


def test_what_a_cancelled_pass_resolved_is_not_read_after_its_files_are_gone(
    laboratory: Laboratory, portal: BlockingPortal
) -> None:
    before = laboratory.tally["cancelled passes"]
    tree = (("main.py", USES_F_OF_PKG), ("pkg/__init__.py", python("from .b import *")))
    for at in range(20, 120, 20):
        steps = (Write("pkg/b.py", python("def f(x): ...")), Cancel(at), Delete(2), Append(0, b"f"))
        portal.call(laboratory.run, Sequence(tree, steps))
    assert laboratory.tally["cancelled passes"] - before >= 3


MAPPED = b'{"compilerOptions": {"baseUrl": ".", "paths": {"@lib/*": ["web/*"]}}}'


def test_configuration_that_was_another_during_a_pass_and_is_itself_again(
    laboratory: Laboratory, portal: BlockingPortal
) -> None:
    tree = (
        ("tsconfig.json", MAPPED),
        ("web/a.ts", b"export function f() {}\n"),
        ("web/b.ts", b"import { f } from '@lib/a'\nf()\n"),
    )
    for at in range(0, 60, 12):
        steps = (ShiftLines(2), EditDuring(Write("tsconfig.json", b"{}"), at, undone=True))
        portal.call(laboratory.run, Sequence(tree, steps))


def test_configuration_that_is_too_large_is_read_by_nobody(
    laboratory: Laboratory, portal: BlockingPortal
) -> None:
    padding = b" " * MAX_FILE_BYTES
    tree = (
        ("tsconfig.json", MAPPED),
        ("web/a.ts", b"export function f() {}\n"),
        ("web/b.ts", b"import { f } from '@lib/a'\nf()\n"),
        ("web/tsconfig.json", b'{"extends": "../tsconfig.json"}'),
    )
    steps = (
        Write("web/tsconfig.json", b"{}" + padding),
        Index(),
        Write("web/tsconfig.json", b'{"extends": "../tsconfig.json"}' + padding),
    )
    portal.call(laboratory.run, Sequence(tree, steps))


usual = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@usual
@given(sequence=sequences())
def test_each_pass_leaves_what_a_fresh_one_would(
    laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(laboratory.run, sequence)


@pytest.mark.long
@settings(usual, max_examples=LONG_SEQUENCES)
@given(sequence=sequences())
def test_each_of_thousands_of_passes_leaves_what_a_fresh_one_would(
    laboratory: Laboratory, portal: BlockingPortal, sequence: Sequence
) -> None:
    portal.call(laboratory.run, sequence)
    if laboratory.tally["sequences"] % 100 == 0:
        log.warning("%s", dict(sorted(laboratory.tally.items())))


@pytest.fixture(scope="module")
def capped(
    portal: BlockingPortal, machine_dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Engine]]:
    """Engines that visit so many files at once, and no render pool that holds them back."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        yield {
            cap: stack.enter_context(
                portal.wrap_async_context_manager(
                    opened(machine_dsn, home, index_concurrency=cap, prerender_tabs=32)
                )
            )
            for cap in (1, 2, 4, 16)
        }


@settings(usual, max_examples=6)
@given(tree=trees(least=11, most=12), edited=st.lists(edits(KEYS), min_size=1, max_size=8))
def test_any_number_of_visits_at_once_leaves_the_same_rows(
    laboratory: Laboratory,
    capped: dict[int, Engine],
    portal: BlockingPortal,
    tree: Tree,
    edited: list[Edit],
) -> None:
    portal.call(laboratory.compare, capped, tree, edited)


@pytest.mark.long
@settings(usual, max_examples=LONG_SEQUENCES // 10)
@given(tree=trees(least=14, most=30), edited=st.lists(edits(KEYS), min_size=1, max_size=8))
def test_any_number_of_visits_at_once_leaves_the_same_rows_of_many_trees(
    laboratory: Laboratory,
    capped: dict[int, Engine],
    portal: BlockingPortal,
    tree: Tree,
    edited: list[Edit],
) -> None:
    portal.call(laboratory.compare, capped, tree, edited)
