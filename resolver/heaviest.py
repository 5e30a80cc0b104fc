"""The chain that takes longest, when it is known what each row took. Knows nothing of keys."""

from collections.abc import Sequence

from resolver.adjacency import Adjacency
from resolver.layering import Layering


def heaviest_chain(
    dependents: Adjacency, layering: Layering, sequence: Sequence[int], weights: Sequence[float]
) -> list[int]:
    """Rows of which each, or another of its component, waits for the one before it.

    Their weights add up to the most that those of any such chain do. A component is as
    `Readiness` has it: its rows wait together, and whoever waits for one waits for that alone.
    `sequence` holds all rows by height. Of equal chains it is the one that was found first.
    """
    size = len(dependents)
    starts, targets = dependents.starts.data, dependents.targets.data
    components = layering.components.data
    # For each component, at its first row, the sum that leads to it, and by which row.
    floor, before = [0.0] * size, [-1] * size
    heaviest, last = -1.0, -1
    for row in sequence:
        own = components[row]
        weight = floor[own] + weights[row]
        if weight > heaviest:
            heaviest, last = weight, row
        for target in targets[starts[row] : starts[row + 1]].tolist():
            component = components[target]
            if component != own and weight > floor[component]:
                floor[component], before[component] = weight, row
    chain = []
    while last >= 0:
        chain.append(last)
        last = before[components[last]]
    return chain[::-1]
