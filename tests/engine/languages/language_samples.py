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

_C = """#include "order.h"
#include <shop/money.h>
#include <stdio.h>

typedef struct order {
    int id; char *name;
} order_t;

enum state { OPEN, CLOSED = 2 };

static const int limit = 10;

int order_total( const order_t *o, int tax ) {
    return o->id * tax;
}

#define TWICE( x ) (2 * (x))
"""

_CPP = """#include "order.hpp"
#include "../money/amount.hpp"

namespace shop {

template<typename T> class Order : public Base<T> {
public:
    explicit Order( int id ) : id_( id ) {}
    virtual Amount total( int tax ) const;
    int id_ = 0;
};

Amount Order<int>::total( int tax ) const {
    return Amount{ tax };
}

}
"""

_JAVA = """package org.shop.store;

import org.shop.money.Amount;
import org.shop.rates.*;
import static org.shop.text.Words.plural;

public class Order<T extends Item> extends Priced implements Comparable<Order<T>> {
    private int secret = 1;
    protected int id = 7, number;

    public Order( int id ) {
        this.id = id;
    }

    public <K> Amount total( int tax, String... notes ) throws Unpayable {
        return Rates.of( tax );
    }

    enum State { OPEN( 1 ), CLOSED( 2 ); }
}
"""

_CSHARP = """using System;
using Shop.Money;
using Acme.Text;
using static Shop.Money.Rounding;
using Note = Acme.Text.Words;

namespace Shop.Store {
    [Serializable]
    public class Order<T> : Priced, IOrder where T : Item {
        private int secret = 1;
        public int Id { get; set; } = 7;
        protected int left = 1, right;

        public Order( int id ) : base( id ) {
            Id = id;
        }

        public virtual Amount Total( int tax, string note = "" ) {
            return Rates.Of( tax );
        }
    }

    enum State { Open, Closed = 2 }
}
"""

_RUBY = """require "money/amount"
require_relative "item"

module Shop
  class Order < Priced
    attr_reader :id, :name
    LIMIT = 10

    def total( tax, note: nil )
      rates( tax )
    end

    def self.open( id ) = new( id )
  end
end
"""

_PHP = """<?php
namespace Shop\\Store;

use Shop\\Money\\{Amount, Rate as R};
require __DIR__ . '/../log.php';

abstract class Order extends Priced implements HasId {
    use Named;
    private int $secret = 1;
    protected ?int $id = 7;
    const LIMIT = 10;

    public function total( int $tax, Item ...$rest ): Amount {
        return \\Shop\\Rates\\Table::of( $tax );
    }
}

function note( string $text ) {
    echo $text;
}
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
    "c": Sample(
        key="src/order.c",
        text=_C,
        line_comment="// x",
        other_bodies=_C.replace("o->id * tax", "0").replace("limit = 10", "limit = 20"),
        other_offers=(
            _C.replace("int tax", "long tax"),
            _C.replace("char *name", "char name[8]"),
            _C.replace("CLOSED", "DONE"),
            _C.replace("TWICE( x )", "TWICE( x, y )"),
        ),
        keys=(
            *("src/order.h", "order.h", "include/order.h", "src/shop/money.h", "shop/money.h"),
            *("include/shop/money.h", "src/include/shop/money.h", "stdio.h", "include/stdio.h"),
        ),
    ),
    "cpp": Sample(
        key="src/order.cpp",
        text=_CPP,
        line_comment="// x",
        other_bodies=_CPP.replace("Amount{ tax }", "Amount{}").replace("id_( id )", "id_( 1 )"),
        other_offers=(
            _CPP.replace("virtual ", ""),
            _CPP.replace("typename T", "typename U"),
            _CPP.replace("public Base", "private Base"),
            _CPP.replace("explicit ", ""),
            _CPP.replace("namespace shop", "namespace store"),
        ),
        keys=("src/order.hpp", "order.hpp", "money/amount.hpp", "include/order.hpp", "amount.hpp"),
    ),
    "java": Sample(
        key="src/test/java/org/shop/store/Order.java",
        text=_JAVA,
        line_comment="// x",
        other_bodies=_JAVA.replace("Rates.of( tax )", "null")
        .replace("secret", "hidden")
        .replace("id = 7", "id = 8"),
        other_offers=(
            _JAVA.replace("int tax", "long tax"),
            _JAVA.replace("throws Unpayable", ""),
            _JAVA.replace("CLOSED", "DONE"),
            _JAVA.replace("extends Priced", ""),
            _JAVA.replace("protected", "private"),
        ),
        keys=(
            *(
                "src/test/java/org/shop/money/Amount.java",
                "src/main/java/org/shop/money/Amount.java",
            ),
            *("src/main/java/org/shop/rates/Rates.java", "src/main/java/org/shop/store/Rates.java"),
            *("src/main/java/org/shop/text/Words.java", "src/main/java/org/shop/store/Priced.java"),
            *("src/main/java/org/shop/store/Order.java", "org/shop/store/Item.java"),
            *("src/main/java/org/shop/rates/Item.java", "src/test/java/org/shop/store/Item.java"),
        ),
    ),
    "csharp": Sample(
        key="Store/Order.cs",
        text=_CSHARP,
        line_comment="// x",
        other_bodies=_CSHARP.replace("Rates.Of( tax )", "null")
        .replace("secret", "hidden")
        .replace("base( id )", "base( 1 )"),
        other_offers=(
            _CSHARP.replace("int tax", "long tax"),
            _CSHARP.replace("set; ", ""),
            _CSHARP.replace("Closed", "Done"),
            _CSHARP.replace("where T : Item", ""),
            _CSHARP.replace("protected", "private"),
        ),
        keys=(
            *("Store/Order.cs", "Store/Priced.cs", "Store/IOrder.Part.cs", "Shop/Store/Item.cs"),
            *("Money/Amount.cs", "Shop/Money/Amount.cs", "Shop.Money/Rates.cs", "Rates.cs"),
            *("Money/Rounding.cs", "src/Acme.Text/Words.cs", "Acme/Text/Words.cs", "Item.cs"),
            *("Store/IOrder.cs", "Store/Acme.Text/Words.cs", "Store/SerializableAttribute.cs"),
            "Other/Rates.cs",
        ),
    ),
    "ruby": Sample(
        key="lib/shop/order.rb",
        text=_RUBY,
        line_comment="# x",
        other_bodies=_RUBY.replace("rates( tax )", "nil").replace("new( id )", "nil"),
        other_offers=(
            _RUBY.replace("note: nil", "note:"),
            _RUBY.replace(":name", ":title"),
            _RUBY.replace("< Priced", ""),
            _RUBY.replace("LIMIT", "BOUND"),
            _RUBY.replace("module Shop", "module Store"),
        ),
        keys=(
            *("lib/shop/item.rb", "lib/item.rb", "lib/money/amount.rb", "money/amount.rb"),
            *("app/money/amount.rb", "lib/shop/lib/money/amount.rb", "test/money/amount.rb"),
        ),
    ),
    "php": Sample(
        key="src/Store/Order.php",
        text=_PHP,
        line_comment="// x",
        other_bodies=_PHP.replace("echo $text", "return").replace("secret = 1", "hidden"),
        other_offers=(
            _PHP.replace("int $tax", "float $tax"),
            _PHP.replace("protected ?int", "public ?int"),
            _PHP.replace("LIMIT", "BOUND"),
            _PHP.replace("implements HasId", ""),
            _PHP.replace("function note", "function log"),
        ),
        keys=(
            *("src/Money/Amount.php", "src/Money/Rate.php", "src/Store/Priced.php", "src/log.php"),
            *("src/Store/Item.php", "lib/Store/Item.php", "lib/Money/Amount.php", "log.php"),
            *("src/Store/Named.php", "src/Rates/Table.php", "src/Store/Table.php"),
        ),
        configuration=(
            (
                "composer.json",
                '{"autoload": {"psr-4": {"Shop\\\\": ["src/", "lib"]}, "files": ["x"]}}',
            ),
        ),
    ),
}
