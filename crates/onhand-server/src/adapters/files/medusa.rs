//! Medusa's product CSV, of both of its generations: a column of prices for each currency, and a
//! variant's title for what tells it from the others.

use super::{Dialect, Field, Meaning};

/// How Medusa writes its products.
pub(crate) static MEDUSA: Dialect = Dialect {
    name: "medusa",
    sku_column: "Variant SKU",
    columns: &[
        ("product id", Meaning::Group),
        ("product handle", Meaning::Group),
        ("product title", Meaning::Is(Field::Name)),
        ("product description", Meaning::Is(Field::Description)),
        ("product status", Meaning::Is(Field::Active)),
        ("variant sku", Meaning::Is(Field::Sku)),
        ("variant title", Meaning::Option(0)),
        ("variant inventory quantity", Meaning::Is(Field::OnHand)),
    ],
    price_prefixes: &["variant price ", "price "],
    between_options: None,
    no_option: "Default variant",
    active_words: &["published"],
};
