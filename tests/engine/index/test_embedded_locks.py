"""Locks that the kernel counts."""

import os
from pathlib import Path

import pytest

from engine.index.embedded.file_lock import FileLock, is_held


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


def test_shared_ones_go_together_and_exclude_an_exclusive_one(path: Path) -> None:
    one, other, writer = FileLock(path), FileLock(path), FileLock(path)
    assert one.try_shared()
    assert other.try_shared()
    assert not writer.try_exclusive()
    one.close()
    assert not writer.try_exclusive()
    other.close()
    assert writer.try_exclusive()
    writer.close()


def test_looking_whether_it_is_held_does_not_hold_it(path: Path) -> None:
    assert not is_held(path)
    lock = FileLock(path)
    assert lock.try_exclusive()
    assert is_held(path)
    lock.close()
    assert not is_held(path)


def test_closing_twice_leaves_alone_who_got_the_number(path: Path) -> None:
    lock = FileLock(path)
    lock.close()
    file = path.open()
    lock.close()
    assert os.fstat(file.fileno())
    file.close()


def test_it_is_not_passed_to_programs(path: Path) -> None:
    lock = FileLock(path)
    assert not os.get_inheritable(lock.fileno())
    lock.close()


def test_who_inherits_it_on_purpose_keeps_it_after_the_giver_let_go(path: Path) -> None:
    giver = FileLock(path)
    assert giver.try_exclusive()
    heir = FileLock.inherited(os.dup(giver.fileno()))
    giver.close()
    assert is_held(path)
    heir.close()
    assert not is_held(path)
