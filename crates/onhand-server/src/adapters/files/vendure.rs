//! Vendure's product CSV: a row without a name is a further variant of the product above it.

use super::{Dialect, Field, Meaning};

/// How Vendure writes its products.
pub(crate) static VENDURE: Dialect = Dialect {
    name: "vendure",
    sku_column: "sku",
    columns: &[
        ("name", Meaning::Is(Field::Name)),
        ("description", Meaning::Is(Field::Description)),
        ("sku", Meaning::Is(Field::Sku)),
        ("price", Meaning::Is(Field::Price)),
        ("stockonhand", Meaning::Is(Field::OnHand)),
        ("optionvalues", Meaning::Option(0)),
        ("enabled", Meaning::Is(Field::Active)),
    ],
    price_prefixes: &[],
    between_options: Some('|'),
    no_option: "",
    active_words: &["true"],
};
