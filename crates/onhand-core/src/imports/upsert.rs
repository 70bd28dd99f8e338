//! What one row changes, by the rules of the catalogue and the inventory: none of them is here.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use super::take::short;
use super::{Difference, FieldDifference, Import, LocationRef, ProductRow, Refusal, Row, StockRow};
use crate::Money;
use crate::catalog::{self, NewProduct, Product, ProductPatch, ProductRef};
use crate::command::Stop;
use crate::draft::Draft;
use crate::ids::{CategoryId, ImportId, LocationId};
use crate::inventory::{self, Count, LevelPolicy};
use crate::text::{Name, Reference};

/// What was done for a row.
pub(super) struct Done {
    /// What is different now.
    pub(super) difference: Difference,
    /// Whether it made a movement.
    pub(super) is_counted: bool,
}

/// Figures of a row, and where.
struct Figures<'a> {
    location: Option<&'a LocationRef>,
    on_hand: Option<i64>,
    safety_stock: Option<i64>,
    low_stock_threshold: Option<i64>,
}

pub(super) fn upsert(
    draft: &mut Draft<'_>,
    import: &Import,
    line: u64,
    row: &Row,
) -> Result<Done, Stop> {
    let sku = row.sku().clone();
    let mut difference = Difference { line, sku, is_new: false, fields: Vec::new() };
    let figures = match row {
        Row::Product(row) => {
            product(draft, row, &mut difference)?;
            Figures {
                location: row.location.as_ref(),
                on_hand: row.on_hand,
                safety_stock: None,
                low_stock_threshold: None,
            }
        }
        Row::Stock(StockRow { location, on_hand, safety_stock, low_stock_threshold, .. }) => {
            Figures {
                location: location.as_ref(),
                on_hand: *on_hand,
                safety_stock: *safety_stock,
                low_stock_threshold: *low_stock_threshold,
            }
        }
    };
    let is_counted = stock(draft, import, row, &figures, &mut difference)?;
    Ok(Done { difference, is_counted })
}

fn product(
    draft: &mut Draft<'_>,
    row: &ProductRow,
    difference: &mut Difference,
) -> Result<(), Stop> {
    let reference = ProductRef::Sku(row.sku.clone());
    let Some(before) = draft.find_product(&reference)? else {
        let new = new_product(row)?;
        difference.is_new = true;
        told_of_new(&new, difference);
        return catalog::Command::CreateProduct(new).decide(draft).map(|_| ());
    };
    let patch = differing(row, &before, difference);
    if patch == ProductPatch::default() {
        return Ok(());
    }
    let command =
        catalog::Command::UpdateProduct { product: reference, expected_version: None, patch };
    command.decide(draft).map(|_| ())
}

fn new_product(row: &ProductRow) -> Result<NewProduct, Refusal> {
    let missing =
        |field| Refusal::NewProductIncomplete { sku: row.sku.clone(), field: constant_name(field) };
    Ok(NewProduct {
        sku: row.sku.clone(),
        name: row.name.clone().ok_or_else(|| missing("name"))?,
        description: row.description.clone().unwrap_or_default(),
        price: row.price.ok_or_else(|| missing("price"))?,
        category_ids: row.category_ids.clone().unwrap_or_default(),
        active: row.active.unwrap_or(true),
    })
}

/// The fields of a row that are not as they are stored.
fn differing(row: &ProductRow, before: &Product, difference: &mut Difference) -> ProductPatch {
    let mut patch = ProductPatch::default();
    let mut tell = |field: &str, from: String, to: String| {
        difference.fields.push(FieldDifference { field: field.into(), from: Some(from), to });
    };
    if let Some(name) = row.name.as_ref().filter(|name| **name != before.name) {
        tell("name", short(before.name.as_str()), short(name.as_str()));
        patch.name = Some(name.clone());
    }
    if let Some(text) = row.description.as_ref().filter(|text| **text != before.description) {
        tell("description", short(before.description.as_str()), short(text.as_str()));
        patch.description = Some(text.clone());
    }
    if let Some(price) = row.price.filter(|price| *price != before.price) {
        tell("price", price_in_words(before.price), price_in_words(price));
        patch.price = Some(price);
    }
    if let Some(ids) = &row.category_ids {
        let mut ids = ids.clone();
        ids.sort_unstable();
        ids.dedup();
        if ids != before.category_ids {
            tell("category_ids", listed(&before.category_ids), listed(&ids));
            patch.category_ids = Some(ids);
        }
    }
    if let Some(active) = row.active.filter(|active| *active != before.active) {
        tell("active", before.active.to_string(), active.to_string());
        patch.active = Some(active);
    }
    patch
}

fn told_of_new(new: &NewProduct, difference: &mut Difference) {
    let mut tell = |field: &str, to: String| {
        difference.fields.push(FieldDifference { field: field.into(), from: None, to });
    };
    tell("name", short(new.name.as_str()));
    tell("price", price_in_words(new.price));
}

/// Counts and sets what is not as it is stored; answers whether a movement was made.
fn stock(
    draft: &mut Draft<'_>,
    import: &Import,
    row: &Row,
    figures: &Figures<'_>,
    difference: &mut Difference,
) -> Result<bool, Stop> {
    let Figures { location, on_hand, safety_stock, low_stock_threshold } = figures;
    let product = draft.product(&row.product())?;
    if on_hand.is_none() && safety_stock.is_none() && low_stock_threshold.is_none() {
        return Ok(false);
    }
    let location_id = location_of(draft, import, *location)?;
    let level = draft.level(product.id, location_id)?;
    let mut tell = |field: &str, from: i64, to: i64| {
        let (from, to) = (Some(from.to_string()), to.to_string());
        difference.fields.push(FieldDifference { field: field.into(), from, to });
    };
    let safety_stock = safety_stock.filter(|units| *units != level.safety_stock);
    let threshold = low_stock_threshold.filter(|units| *units != level.low_stock_threshold);
    let counted = on_hand.filter(|units| *units != level.on_hand);
    if let Some(counted) = counted {
        tell("on_hand", level.on_hand, counted);
        let count = Count {
            product: row.product(),
            location_id: Some(location_id),
            counted,
            change_from_quantity: None,
            reason: inventory::constant_reason("import"),
            reference: Some(reference_of(import.id)),
            occurred_at: None,
        };
        inventory::Command::Count(count).decide(draft)?;
    }
    if safety_stock.is_some() || threshold.is_some() {
        safety_stock.iter().for_each(|units| tell("safety_stock", level.safety_stock, *units));
        threshold
            .iter()
            .for_each(|units| tell("low_stock_threshold", level.low_stock_threshold, *units));
        let policy = LevelPolicy {
            product: row.product(),
            location_id: Some(location_id),
            expected_version: None,
            safety_stock,
            low_stock_threshold: threshold,
        };
        inventory::Command::SetLevelPolicy(policy).decide(draft)?;
    }
    Ok(counted.is_some())
}

/// The location that a row names, else the import, else the first active one by priority.
fn location_of(
    draft: &Draft<'_>,
    import: &Import,
    named: Option<&LocationRef>,
) -> Result<LocationId, Stop> {
    let id = match named {
        Some(LocationRef::Id(id)) => Some(*id),
        Some(LocationRef::Code(code)) => {
            let known = draft.locations()?.iter().find(|location| location.code == *code);
            let unknown = || Refusal::UnknownLocationCode { location_code: code.clone() };
            Some(known.ok_or_else(unknown)?.id)
        }
        None => import.plan.location_id,
    };
    inventory::target_location(draft, id)
}

/// What the movements of an import belong to.
///
/// # Panics
/// When the text of an id is no reference: a mistake in this crate.
fn reference_of(id: ImportId) -> Reference {
    match Reference::new(id.to_string()) {
        Ok(reference) => reference,
        Err(error) => panic!("{id}: {error}"),
    }
}

/// A name that stands in the program.
fn constant_name(name: &'static str) -> Name {
    match Name::new(name) {
        Ok(name) => name,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn price_in_words(price: Money) -> String {
    alloc::format!("{} {}", price.amount, price.currency)
}

fn listed(ids: &[CategoryId]) -> String {
    let mut words = String::new();
    for id in ids {
        let gap = if words.is_empty() { "" } else { " " };
        let _ = write!(words, "{gap}{id}");
    }
    short(&words)
}
