//! Products and categories as `/v1` shows them.

use onhand_core::catalog::{Category, Product};
use onhand_core::{Currency, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Shown, ShownCategory, ShownProduct, values};

/// An amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": 49900, "currency": "INR"}))]
pub struct Money {
    /// Minor units: paise, cents.
    #[schema(value_type = values::Amount)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(value_type = values::Currency)]
    pub currency: Currency,
}

impl From<onhand_core::Money> for Money {
    fn from(money: onhand_core::Money) -> Self {
        Self { amount: money.amount, currency: money.currency }
    }
}

impl From<Money> for onhand_core::Money {
    fn from(money: Money) -> Self {
        Self::new(money.amount, money.currency)
    }
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product, example = json!({
    "id": "prd_7", "object": "product", "sku": "TEA-1", "name": "Green tea",
    "description": "From the first harvest.", "price": {"amount": 49900, "currency": "INR"},
    "category_ids": ["cat_3"], "active": true, "version": 1,
    "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct ProductView<'a> {
    /// Its id.
    #[schema(value_type = values::ProductId)]
    id: ShownProduct,
    #[schema(pattern = "^product$")]
    object: &'static str,
    /// The shop's own name for it; never changes.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// For people.
    #[schema(value_type = values::Name)]
    name: &'a str,
    /// For people; may be empty.
    #[schema(value_type = values::Text)]
    description: &'a str,
    /// Price of one unit.
    price: Money,
    /// Categories it is filed under, ascending.
    #[schema(value_type = Vec<values::CategoryId>)]
    category_ids: Vec<ShownCategory>,
    /// Whether it can be ordered.
    active: bool,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was created.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> ProductView<'a> {
    /// The view of a product.
    pub fn of(row: &'a Product) -> Self {
        Self {
            id: Shown(row.id),
            object: "product",
            sku: row.sku.as_str(),
            name: row.name.as_str(),
            description: row.description.as_str(),
            price: row.price.into(),
            category_ids: row.category_ids.iter().map(|id| Shown(*id)).collect(),
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Category, example = json!({
    "id": "cat_3", "object": "category", "name": "Tea", "parent_id": null, "version": 1,
    "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct CategoryView<'a> {
    /// Its id.
    #[schema(value_type = values::CategoryId)]
    id: ShownCategory,
    #[schema(pattern = "^category$")]
    object: &'static str,
    /// For people.
    #[schema(value_type = values::Name)]
    name: &'a str,
    /// The category above it; `null` for a root.
    #[schema(value_type = Option<values::CategoryId>, required)]
    parent_id: Option<ShownCategory>,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was created.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> CategoryView<'a> {
    /// The view of a category.
    pub fn of(row: &'a Category) -> Self {
        Self {
            id: Shown(row.id),
            object: "category",
            name: row.name.as_str(),
            parent_id: row.parent_id.map(Shown),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
