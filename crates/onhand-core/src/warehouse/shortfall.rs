//! Shortfalls: units that are promised and that the warehouse does not have. On hand never falls
//! below what is promised, so as long as some are missing the level has exactly what is promised,
//! and [`Level::missing`](crate::inventory::Level) of it are not there: nothing of it can be sold.
//! Whatever would become free, or comes in, fills the gap first. More may be missing than is
//! promised still: then more has left than was known to be there.

use serde::{Deserialize, Serialize};

use super::SyncRow;
use crate::catalog::Product;
use crate::command::Stop;
use crate::draft::Draft;
use crate::ids::{LocationId, ProductId, SyncId};
use crate::inventory::{Move, MovementKind, constant_reason};
use crate::text::{Reference, Sku};
use crate::{Timestamp, Version};

/// An open shortfall of a product at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: Sku,
    /// Where.
    pub location_id: LocationId,
    /// Units that are promised and not there; 0 where an event says that it is closed.
    pub missing: i64,
    /// The run that found it last.
    pub sync_id: SyncId,
    /// The row of it.
    pub row: u32,
    /// When the units were first found to be missing.
    pub since: Timestamp,
    /// When the figure was true that says so now. What fills the gap is dated then: it was missing
    /// already.
    pub as_of: Timestamp,
    /// How often it was changed.
    pub version: Version,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Fills the gap of a level with what has become free, or came in.
pub(crate) fn fill(
    draft: &mut Draft<'_>,
    product: &Product,
    location_id: LocationId,
) -> Result<(), Stop> {
    let level = draft.level(product.id, location_id)?;
    if level.missing == 0 {
        return Ok(());
    }
    let shortfall = draft.shortfall(product.id, location_id)?;
    let filled = level.unreserved().min(level.missing);
    if filled == 0 {
        return Ok(());
    }
    let missing = level.missing - filled;
    let change = Move {
        kind: MovementKind::Counted,
        reason: constant_reason("shortfall"),
        reference: shortfall.as_ref().and_then(|row| reference(row.sync_id, row.row)),
        delta_on_hand: -filled,
        delta_reserved: 0,
        occurred_at: shortfall.as_ref().map(|row| row.as_of),
    };
    draft.post(product, location_id, change)?;
    set_missing(draft, product.id, location_id, missing)?;
    if let Some(mut shortfall) = shortfall {
        shortfall.missing = missing;
        draft.note_filled(shortfall);
    }
    Ok(())
}

/// Nothing is missing any more: it was counted. Answers what was open.
pub(crate) fn close(
    draft: &mut Draft<'_>,
    product_id: ProductId,
    location_id: LocationId,
) -> Result<Option<Shortfall>, Stop> {
    if draft.level(product_id, location_id)?.missing == 0 {
        return Ok(None);
    }
    let before = draft.shortfall(product_id, location_id)?;
    set_missing(draft, product_id, location_id, 0)?;
    if let Some(mut shortfall) = before.clone() {
        shortfall.missing = 0;
        draft.note_filled(shortfall);
    }
    Ok(before)
}

/// Units are missing, and a row of a run says so.
pub(super) fn open(
    draft: &mut Draft<'_>,
    row: &SyncRow,
    product: &Product,
    location_id: LocationId,
    (missing, before): (i64, Option<&Shortfall>),
) -> Result<Shortfall, Stop> {
    set_missing(draft, product.id, location_id, missing)?;
    draft.forget_filled((product.id, location_id));
    let shortfall = Shortfall {
        product_id: product.id,
        sku: product.sku.clone(),
        location_id,
        missing,
        sync_id: row.sync_id,
        row: row.row,
        since: before.map_or(row.as_of, |before| before.since),
        as_of: row.as_of,
        version: before.map_or(0, |before| before.version),
        updated_at: draft.now(),
    };
    Ok(draft.save_shortfall(shortfall))
}

fn set_missing(
    draft: &mut Draft<'_>,
    product_id: ProductId,
    location_id: LocationId,
    missing: i64,
) -> Result<(), Stop> {
    let mut level = draft.level(product_id, location_id)?;
    level.missing = missing;
    level.version += 1;
    level.updated_at = draft.now();
    draft.put_level(level)
}

/// What the movements of a row belong to: `syn_5/17`.
pub(super) fn reference(id: SyncId, row: u32) -> Option<Reference> {
    Reference::new(alloc::format!("{id}/{row}")).ok()
}
