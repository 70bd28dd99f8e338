//! The lawful noes of the catalogue, in the order in which they are looked for.

use serde::{Deserialize, Serialize};

use crate::ids::{CategoryId, ProductId};
use crate::text::Sku;

/// Why the catalogue refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No product has this SKU.
    UnknownSku {
        /// As it was sent.
        sku: Sku,
    },
    /// No product has this id.
    UnknownProduct {
        /// As it was sent.
        product_id: ProductId,
    },
    /// No category has this id.
    UnknownCategory {
        /// As it was sent.
        category_id: CategoryId,
    },
    /// Another product has the SKU.
    SkuTaken {
        /// The SKU.
        sku: Sku,
        /// Who has it.
        product_id: ProductId,
    },
    /// The product still has stock.
    ProductInUse {
        /// The product's SKU.
        sku: Sku,
        /// Units that are physically there.
        on_hand: i64,
        /// Units promised.
        reserved: i64,
    },
    /// Products or categories are still filed under the category.
    CategoryInUse {
        /// The category.
        category_id: CategoryId,
        /// How many refer to it.
        uses: u64,
    },
    /// A category cannot be its own ancestor.
    CategoryCycle {
        /// The category.
        category_id: CategoryId,
    },
}
