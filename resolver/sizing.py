"""How many files to visit at once. Knows numbers only."""

_SERIAL_BELOW_FILES = 10
_SERIAL_UP_TO_WIDTH = 2


def visit_concurrency(total: int, width: int, *, envelope: int, cap: int) -> int:
    """How many files to visit at once.

    `total` files whose widest layer holds `width` of them. Below ten files a cold start
    costs more than overlap gains, and at width two or less workers would queue behind
    the head of a chain, so both run serially. Otherwise the smallest of the three
    ceilings wins; it is never below one.
    """
    if total < _SERIAL_BELOW_FILES or width <= _SERIAL_UP_TO_WIDTH:
        return 1
    return max(1, min(envelope, width, cap))


def render_envelope(tabs: int) -> int:
    """How many of a realm's tabs visits may hold: one stays free for nested loads."""
    return max(1, tabs - 1)
