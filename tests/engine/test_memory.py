"""Limits for memory, and families of processes that go over them."""

import subprocess
import sys
import threading
import time
from pathlib import PurePosixPath

import pytest

from engine import memory
from engine.memory import MIB, hold_to_limit, limit_bytes, limit_files, resident_bytes

# It holds little itself; what it starts takes 64 MiB.
PARENT = """
import subprocess, sys
child = "block = bytearray(b'x' * (64 << 20)); print(len(block), flush=True); input()"
subprocess.run([sys.executable, "-c", child])
"""


@pytest.mark.parametrize(
    ("asked", "machine", "groups", "limit"),
    [
        (None, 1_000, (), 500),
        (None, 1_000, (400,), 200),
        (None, 1_000, (2**63 - 4_096, 600), 300),
        (300, 1_000, (400,), 300 * MIB),
    ],
)
def test_the_limit_is_what_is_asked_for_or_half_of_what_is_allowed(
    asked: int | None, machine: int, groups: tuple[int, ...], limit: int
) -> None:
    assert limit_bytes(asked, machine=machine, groups=groups) == limit


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", ["memory.max"]),
        ("0::/a/b\n", ["a/b/memory.max", "a/memory.max", "memory.max"]),
        (
            "5:cpu,memory:/pod\n4:devices:/pod\n",
            ["memory/pod/memory.limit_in_bytes", "memory/memory.limit_in_bytes"],
        ),
        ("1:name=systemd:/a:b\n", []),
    ],
)
def test_a_limit_may_stand_in_any_group_above(membership: str, files: list[str]) -> None:
    assert limit_files(membership) == [PurePosixPath(file) for file in files]


@pytest.fixture
def family() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{64 * MIB}\n"
        yield process
        memory.kill_group(process.pid)


@pytest.mark.parametrize("kernel_lists_children", [True, False])
def test_memory_is_that_of_the_descendants_too(
    family: "subprocess.Popen[str]",
    kernel_lists_children: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kernel_lists_children and not memory.KERNEL_LISTS_CHILDREN:
        pytest.skip("this kernel keeps no list of children")
    monkeypatch.setattr(memory, "KERNEL_LISTS_CHILDREN", kernel_lists_children)
    assert 64 * MIB < resident_bytes(family.pid) < 200 * MIB


def test_a_family_over_its_limit_is_killed_to_the_last(family: "subprocess.Popen[str]") -> None:
    assert hold_to_limit(family.pid, 32 * MIB, done=threading.Event()) > 64 * MIB
    assert family.wait(10) == -9
    assert family.stdout is not None
    # The grandchild has the other end of this pipe too.
    assert family.stdout.read() == ""


def test_who_keeps_to_the_limit_is_left_alone(family: "subprocess.Popen[str]") -> None:
    done = threading.Event()
    threading.Timer(1.0, done.set).start()
    began = time.monotonic()
    assert hold_to_limit(family.pid, 1_000 * MIB, done=done) == 0
    assert time.monotonic() - began >= 1.0
    assert family.poll() is None


def test_a_process_that_is_gone_holds_nothing(family: "subprocess.Popen[str]") -> None:
    family.kill()
    family.wait()
    assert resident_bytes(family.pid) == 0
