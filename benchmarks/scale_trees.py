"""Trees of small Python files that read each other as those of a large program do."""

import random
from collections.abc import Iterator
from pathlib import Path

FILES_IN_A_FOLDER = 50

# One file in so many reads the one behind it, which reads it in turn.
FILES_FOR_A_CYCLE = 500

MOST_READS = 8

TEXT = '''"""Keeps the {word} of record {number}, as {folder} asks for it."""

{imports}

class {name}:
    """What is known of one {word}."""

    def __init__(self, key: str, amount: int = {number}) -> None:
        self.key = key
        self.amount = amount

    def total(self, factor: float) -> float:
        return self.amount * factor + {number}


def {function}(key: str, *, limit: int = {limit}) -> list[{name}]:
    """The first of them, up to `limit`."""
    return [{name}(f"{{key}}-{{each}}") for each in range({reads})]
'''

WORDS = ("invoice", "parcel", "route", "ledger", "tariff", "voucher", "shelf", "harbour", "signal")


def generate(root: Path, files: int, *, seed: int = 1) -> None:
    """`files` modules of about 20 lines in folders of 50.

    How many read a module falls as a power of its age, so that a few are read by very many;
    a module reads up to eight others, most of them two or three. One in 500 is in a cycle.
    """
    chance = random.Random(seed)
    for number in range(files):
        path = root / path_of(number)
        if number % FILES_IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        path.write_text(_text(number, sorted(_reads(number, files, chance))))


def path_of(number: int) -> str:
    return f"{_folder(number)}/m{number}.py"


def _folder(number: int) -> str:
    return f"p{number // FILES_IN_A_FOLDER:05}"


def _reads(number: int, files: int, chance: random.Random) -> set[int]:
    """Older modules, the oldest the likeliest; and now and then the next one."""
    count = min(int(chance.paretovariate(1.2)), MOST_READS)
    found = {int(number * chance.random() ** 3) for _ in range(count)} - {number}
    if number % FILES_FOR_A_CYCLE == 0 and number + 1 < files:
        found.add(number + 1)
    elif number % FILES_FOR_A_CYCLE == 1:
        found.add(number - 1)
    return found


def _text(number: int, reads: list[int]) -> str:
    return TEXT.format(
        number=number,
        folder=_folder(number),
        word=WORDS[number % len(WORDS)],
        name=f"Record{number}",
        function=f"first{number}",
        limit=number % 7 + 1,
        imports="\n".join(_imports(reads)),
        reads="limit" + "".join(f" + len(first{read}(key))" for read in reads[:2]),
    )


def _imports(reads: list[int]) -> Iterator[str]:
    for read in reads:
        yield f"from {_folder(read)}.m{read} import first{read}"
