//! A product: what is sold under one SKU, at one price. The SKU never changes; orders keep a
//! snapshot of name and price, so that a change here never changes what somebody bought.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{CategoryId, ProductId};
use crate::text::{Name, Sku, Text};
use crate::{Money, Timestamp, Version};

/// A product as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// The shop's own name for it; never changes.
    pub sku: Sku,
    /// For people.
    pub name: Name,
    /// For people; may be empty.
    pub description: Text,
    /// Price of one unit.
    pub price: Money,
    /// Categories it is filed under, ascending.
    pub category_ids: Vec<CategoryId>,
    /// Whether it can be ordered.
    pub active: bool,
    /// How often it was changed.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was taken out of the catalogue.
    pub deleted_at: Option<Timestamp>,
}

/// Names a product by id or by SKU.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProductRef {
    /// By id.
    Id(ProductId),
    /// By SKU.
    Sku(Sku),
}

impl ProductRef {
    /// The refusal that says that nothing has this name.
    pub fn unknown(&self) -> Refusal {
        match self {
            Self::Id(id) => Refusal::UnknownProduct { product_id: *id },
            Self::Sku(sku) => Refusal::UnknownSku { sku: sku.clone() },
        }
    }
}

/// A product to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewProduct {
    /// The shop's own name for it.
    pub sku: Sku,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Text,
    /// Price of one unit; must be [`Money::is_price`].
    pub price: Money,
    /// Categories to file it under.
    pub category_ids: Vec<CategoryId>,
    /// Whether it can be ordered at once.
    pub active: bool,
}

/// The fields of a product to change; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProductPatch {
    /// New name.
    pub name: Option<Name>,
    /// New description.
    pub description: Option<Text>,
    /// New price.
    pub price: Option<Money>,
    /// New set of categories.
    pub category_ids: Option<Vec<CategoryId>>,
    /// Whether it can be ordered.
    pub active: Option<bool>,
}

pub(super) fn create(draft: &mut Draft<'_>, new: &NewProduct) -> Result<Reply, Stop> {
    if let Some(product) = draft.find_product(&ProductRef::Sku(new.sku.clone()))? {
        let (sku, product_id) = (new.sku.clone(), product.id);
        return Err(Refusal::SkuTaken { sku, product_id }.into());
    }
    let category_ids = known_categories(draft, &new.category_ids)?;
    let now = draft.now();
    let product = Arc::new(Product {
        id: draft.next_product_id(),
        sku: new.sku.clone(),
        name: new.name.clone(),
        description: new.description.clone(),
        price: new.price,
        category_ids,
        active: new.active,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    });
    draft.put_product(product.clone());
    draft.emit("product.created", EventBody::Product(product.clone()));
    Ok(Reply::Product(product))
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    reference: &ProductRef,
    expected_version: Option<Version>,
    patch: &ProductPatch,
) -> Result<Reply, Stop> {
    let mut product = (*draft.product(reference)?).clone();
    draft.expect_version(expected_version, product.version)?;
    if let Some(name) = &patch.name {
        product.name = name.clone();
    }
    if let Some(description) = &patch.description {
        product.description = description.clone();
    }
    if let Some(price) = patch.price {
        product.price = price;
    }
    if let Some(category_ids) = &patch.category_ids {
        product.category_ids = known_categories(draft, category_ids)?;
    }
    if let Some(active) = patch.active {
        product.active = active;
    }
    save(draft, product, "product.updated")
}

pub(super) fn delete(
    draft: &mut Draft<'_>,
    reference: &ProductRef,
    expected_version: Option<Version>,
) -> Result<Reply, Stop> {
    let mut product = (*draft.product(reference)?).clone();
    draft.expect_version(expected_version, product.version)?;
    let levels = draft.levels(product.id)?;
    let on_hand: i64 = levels.iter().map(|level| level.on_hand).sum();
    let reserved: i64 = levels.iter().map(|level| level.reserved).sum();
    if on_hand != 0 || reserved != 0 {
        return Err(Refusal::ProductInUse { sku: product.sku, on_hand, reserved }.into());
    }
    product.deleted_at = Some(draft.now());
    product.active = false;
    save(draft, product, "product.deleted")
}

fn save(draft: &mut Draft<'_>, mut product: Product, event: &'static str) -> Result<Reply, Stop> {
    product.version += 1;
    product.updated_at = draft.now();
    let product = Arc::new(product);
    draft.put_product(product.clone());
    draft.emit(event, EventBody::Product(product.clone()));
    Ok(Reply::Product(product))
}

/// The same categories, ascending and without repeats; refused when one is unknown.
fn known_categories(draft: &Draft<'_>, ids: &[CategoryId]) -> Result<Vec<CategoryId>, Stop> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    for id in &ids {
        draft.category(*id)?;
    }
    Ok(ids)
}
