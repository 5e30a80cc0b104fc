"""A tree whose files read each other in layers and in a circle, with some that can't be read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

LAYERS: Final = 5
WIDTH: Final = 9

ODD: Final[Mapping[str, bytes]] = {
    "circle/one.py": b"from circle.two import second\n\n\ndef first():\n    return second()\n",
    "circle/two.py": b"from circle.one import first\n\n\ndef second():\n    return first()\n",
    "missing.py": b"from nowhere.at import all_of_it\n\nVALUE = all_of_it()\n",
    "latin.py": b"# caf\xe9\nVALUE = 1\n",
    "picture.bin": b"\0\1\2" * 50,
    "notes.md": b"# Notes\n\nWhat the layers are for.\n",
    "settings.json": b'{"layers": 5, "of": ["a", "b"]}\n',
}


def layered_tree(folder: Path, *, layers: int = LAYERS, width: int = WIDTH) -> Path:
    for layer in range(layers):
        for place in range(width):
            path = folder / f"layer{layer}" / f"part{place}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_module(layer, place, width))
    for key, content in ODD.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


def _module(layer: int, place: int, width: int) -> str:
    below = [f"part{(place + step) % width}" for step in (0, 3)] if layer else []
    imports = "".join(
        f"from layer{layer - 1}.{name} import work_{layer - 1}_{name[4:]}\n" for name in below
    )
    calls = "".join(f"    total += work_{layer - 1}_{name[4:]}(number)\n" for name in below)
    return (
        f'"""Part {place} of layer {layer}."""\n\n{imports}\n\n'
        f"def work_{layer}_{place}(number: int) -> int:\n"
        f'    """Adds up what the layer below makes of a number."""\n'
        f"    total = number * {place + 1}\n{calls}    return total\n"
    )
