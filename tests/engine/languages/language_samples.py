"""A text in each language that is told by a table, and the trees that it may stand in."""

from typing import NamedTuple


class Sample(NamedTuple):
    """`text` has a blank wherever one may be added; `line_comment` may end any line.

    `other_bodies` offers the same as `text`, each of `other_offers` something else.
    `keys` may or may not be there, `configuration` is.
    """

    key: str
    text: str
    line_comment: str
    other_bodies: str
    other_offers: tuple[str, ...]
    keys: tuple[str, ...] = ()
    configuration: tuple[tuple[str, str], ...] = ()


_GO = """package store

import (
	"example.org/shop/money"
	"strings"
)

type Order struct {
	ID    int
	Price money.Amount
}

func (o *Order) Total( tax int, rest ...string ) ( money.Amount, error ) {
	return o.Price.Times( tax ), nil
}

const Limit = 10
"""

SAMPLES = {
    "go": Sample(
        key="store/order.go",
        text=_GO,
        line_comment="// x",
        other_bodies=_GO.replace("return o.Price.Times( tax ), nil", "panic(1)").replace(
            "rest ...string )", "rest ...string,\n)"
        ),
        other_offers=(
            _GO.replace("tax int", "tax int64"),
            _GO.replace("ID ", "Id "),
            _GO.replace("Limit", "Bound"),
            _GO.replace("o *Order", "o Order"),
        ),
        keys=(
            "store/item.go",
            "store/item_test.go",
            "money/amount.go",
            "money/rate.go",
            "money/README.md",
            "money/amount_test.go",
            "shop/money/amount.go",
            "strings/strings.go",
        ),
        configuration=(("go.mod", "module example.org/shop\n"),),
    ),
}
