"""Which keys a change invalidates: themselves, and whatever reaches them."""

from collections.abc import Collection

from resolver.interned import Interned
from resolver.keys import Key
from resolver.patched import Patched
from resolver.reach import reach


def invalidated(interned: Interned, names: Collection[Key]) -> set[Key]:
    """By walking arrays: for large answers."""
    reached = reach(interned.probed_by, interned.find_all(names))
    return set(interned.index.keys[reached[reached < len(interned.index)]].tolist())


def invalidated_few(
    patched: Patched, names: Collection[Key], *, most_edges: int
) -> set[Key] | None:
    """By walking one by one: for small answers. Gives up after `most_edges`."""
    numbers = map(patched.find, names)
    seen = {number for number in numbers if number is not None}
    left = list(seen)
    while left:
        name = left.pop()
        most_edges -= patched.namer_count(name)
        if most_edges < 0:
            return None
        fresh = [file for file in patched.probed_by(name) if file not in seen]
        seen.update(fresh)
        left.extend(fresh)
    return {patched.name(number) for number in seen if patched.is_key(number)}
