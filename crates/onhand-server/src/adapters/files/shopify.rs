//! Shopify's product CSV: the columns of today's template, and those of the years before it. A
//! quantity is only there in shops with one location. Rows that only add a picture have neither SKU
//! nor price.

use super::{Dialect, Field, Meaning};

/// How Shopify writes its products.
pub(crate) static SHOPIFY: Dialect = Dialect {
    name: "shopify",
    sku_column: "SKU",
    columns: &[
        ("url handle", Meaning::Group),
        ("handle", Meaning::Group),
        ("title", Meaning::Is(Field::Name)),
        ("description", Meaning::Is(Field::Description)),
        ("body (html)", Meaning::Is(Field::Description)),
        ("sku", Meaning::Is(Field::Sku)),
        ("variant sku", Meaning::Is(Field::Sku)),
        ("price", Meaning::Is(Field::Price)),
        ("variant price", Meaning::Is(Field::Price)),
        ("inventory quantity", Meaning::Is(Field::OnHand)),
        ("variant inventory qty", Meaning::Is(Field::OnHand)),
        ("option1 value", Meaning::Option(0)),
        ("option2 value", Meaning::Option(1)),
        ("option3 value", Meaning::Option(2)),
        ("status", Meaning::Is(Field::Active)),
        ("published on online store", Meaning::Is(Field::Active)),
        ("published", Meaning::Is(Field::Active)),
    ],
    price_prefixes: &[],
    between_options: None,
    no_option: "Default Title",
    active_words: &["active", "true"],
};
