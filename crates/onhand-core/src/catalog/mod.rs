//! What is sold: products and the categories they are filed under. Knows nothing of stock, but for
//! the rule that a product with stock cannot be deleted.

mod category;
mod product;
mod refusal;

pub use category::{Category, CategoryPatch, NewCategory};
pub use product::{NewProduct, Product, ProductPatch, ProductRef};
pub use refusal::Refusal;

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::CategoryId;
use crate::{Needs, State, Version};

/// What may be asked of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Adds a product under a SKU that is free.
    CreateProduct(NewProduct),
    /// Changes the named fields of a product.
    UpdateProduct {
        /// Which product.
        product: ProductRef,
        /// Refuse unless the product is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: ProductPatch,
    },
    /// Takes a product out of the catalogue; refused while it has stock.
    DeleteProduct {
        /// Which product.
        product: ProductRef,
        /// Refuse unless the product is at this version.
        expected_version: Option<Version>,
    },
    /// Adds a category.
    CreateCategory(NewCategory),
    /// Changes the named fields of a category.
    UpdateCategory {
        /// Which category.
        id: CategoryId,
        /// Refuse unless the category is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: CategoryPatch,
    },
    /// Deletes a category; refused while products or categories are filed under it.
    DeleteCategory {
        /// Which category.
        id: CategoryId,
        /// Refuse unless the category is at this version.
        expected_version: Option<Version>,
    },
}

impl Command {
    /// The rows that this command names; of products only those that are not known.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::CreateProduct(new) => {
                needs.sku(known, &new.sku);
                needs.categories.extend(new.category_ids.iter().copied());
            }
            Self::UpdateProduct { product, patch, .. } => {
                needs.product(known, product);
                needs.categories.extend(patch.category_ids.iter().flatten().copied());
            }
            Self::DeleteProduct { product, .. } => needs.product(known, product),
            Self::CreateCategory(new) => needs.categories.extend(new.parent_id),
            Self::UpdateCategory { id, patch, .. } => {
                needs.categories.insert(*id);
                needs.categories.extend(patch.parent_id.flatten());
            }
            Self::DeleteCategory { id, .. } => {
                needs.categories.insert(*id);
                needs.category_uses.insert(*id);
            }
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::CreateProduct(new) => product::create(draft, new),
            Self::UpdateProduct { product, expected_version, patch } => {
                product::update(draft, product, *expected_version, patch)
            }
            Self::DeleteProduct { product, expected_version } => {
                product::delete(draft, product, *expected_version)
            }
            Self::CreateCategory(new) => category::create(draft, new),
            Self::UpdateCategory { id, expected_version, patch } => {
                category::update(draft, *id, *expected_version, patch)
            }
            Self::DeleteCategory { id, expected_version } => {
                category::delete(draft, *id, *expected_version)
            }
        }
    }
}
