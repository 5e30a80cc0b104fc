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

_RUST = """use crate::money::{ self, Amount as A };
use super::rates::*;
mod items;

#[derive( Debug )]
pub struct Order<'a> {
    pub id: u32,
    price: &'a A,
}

impl<'a> Order<'a> {
    pub fn total( &self, tax: u32 ) -> Option<( A, u8 )> {
        crate::log::note( tax );
        None
    }
}

pub trait Priced: Clone {
    const FREE: bool = false;
    fn price( &self ) -> A;
}

enum State { Open, Closed( u8 ) }
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
    "rust": Sample(
        key="src/store/order.rs",
        text=_RUST,
        line_comment="// x",
        other_bodies=_RUST.replace("None\n", "Some((A, 1))\n").replace(
            "tax: u32 )", "tax: u32,\n)"
        ),
        other_offers=(
            _RUST.replace("tax: u32", "tax: u64"),
            _RUST.replace("id:", "number:"),
            _RUST.replace("pub fn", "fn"),
            _RUST.replace("Closed( u8 )", "Closed"),
            _RUST.replace("Debug", "Clone"),
            _RUST.replace("bool", "u8"),
        ),
        keys=(
            "src/lib.rs",
            "src/main.rs",
            "src/money.rs",
            "src/money/mod.rs",
            "src/money/amount.rs",
            "src/store.rs",
            "src/store/mod.rs",
            "src/store/rates.rs",
            "src/store/order/items.rs",
            "src/store/order/items/mod.rs",
            "src/log.rs",
            "src/log/note.rs",
        ),
        configuration=(("Cargo.toml", '[package]\nname = "shop"\n'),),
    ),
}
