//! What is promised of the two logs: the chain that is stored with each batch is the hash over what
//! the batch added to them. The hashes of many batches grow side by side, so that each log is read
//! in one go, and of its rows one at a time is in memory.

use onhand_core::inventory::Movement;

use super::{Evidence, Offenders, StoredEvent};
use crate::chain::{Chain, FIRST_LINK};
use crate::report::Check;
use crate::stored::stored_count;

/// Batches whose hashes grow side by side.
const TOGETHER_MAX: i64 = 4_096;

/// A batch's row as it is stored.
#[derive(Clone)]
pub(crate) struct BatchRow {
    pub(crate) id: i64,
    pub(crate) last_event: i64,
    pub(crate) last_movement: i64,
    pub(crate) chain: Vec<u8>,
}

/// Positions of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) after: i64,
    pub(crate) to: i64,
}

/// Batches in their order, and the hash over each as it grows.
pub(crate) struct Links {
    links: Vec<Link>,
    /// The batch that the next movement belongs to, and the next event.
    movements_at: usize,
    events_at: usize,
}

struct Link {
    batch: BatchRow,
    chain: Chain,
    unreadable: Option<String>,
}

impl Links {
    /// Before anything was shown. A chain is that of the batch before as it is stored: one that is
    /// wrong is then named, and not every batch behind it.
    fn after(stored: &[u8], batches: Vec<BatchRow>) -> Self {
        let mut stored = stored.to_vec();
        let mut links = Vec::with_capacity(batches.len());
        for batch in batches {
            let previous = stored.as_slice().try_into().unwrap_or(FIRST_LINK);
            stored.clone_from(&batch.chain);
            links.push(Link { batch, chain: Chain::after(&previous), unreadable: None });
        }
        Self { links, movements_at: 0, events_at: 0 }
    }

    /// Shows a row of the ledger, or why it cannot be read.
    pub(crate) fn movement(&mut self, seq: i64, row: Result<Movement, String>) {
        let at = &mut self.movements_at;
        let Some(link) = next(&mut self.links, at, |batch| batch.last_movement >= seq) else {
            return;
        };
        match row {
            Ok(movement) => link.chain.movement(&movement),
            Err(reason) => link.unreadable = Some(format!("movement {seq}: {reason}")),
        }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, event: &StoredEvent<'_>) {
        let at = &mut self.events_at;
        let Some(link) = next(&mut self.links, at, |batch| batch.last_event >= event.seq) else {
            return;
        };
        link.chain.event(event);
    }

    /// Holds the hashes against what is stored.
    fn compare(self, found: &mut Offenders) {
        for Link { batch, chain, unreadable } in self.links {
            if let Some(reason) = unreadable {
                found.add(format!("batch {}: {reason}", batch.id));
            } else if chain.finish().as_slice() != batch.chain {
                found.add(format!("batch {}", batch.id));
            }
        }
    }
}

/// The first batch from here on that reaches far enough.
fn next<'a>(
    links: &'a mut [Link],
    at: &mut usize,
    reaches: impl Fn(&BatchRow) -> bool,
) -> Option<&'a mut Link> {
    *at += links.get(*at..)?.iter().position(|link| reaches(&link.batch))?;
    links.get_mut(*at)
}

/// Takes the hash over both logs again.
pub(super) async fn prove<E: Evidence>(
    evidence: &mut E,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let (mut found, mut looked_at, mut reached) = (Offenders::default(), 0, nothing());
    loop {
        let batches = evidence.batches(reached.id, TOGETHER_MAX).await?;
        if batches.is_empty() {
            break;
        }
        looked_at += stored_count(batches.len());
        reached = go_over(evidence, reached, batches, &mut found).await?;
    }
    checks.push(found.into_check("I25", PROMISE, looked_at));
    Ok(())
}

/// Takes the hash over some batches after one again, so that they have about so many rows.
pub(super) async fn some<E: Evidence>(
    evidence: &mut E,
    after: i64,
    most: i64,
    checks: &mut Vec<Check>,
) -> Result<(i64, Option<i64>), E::Error> {
    // The one that was reached comes first, for its ends and its chain.
    let from = if after == 0 { after } else { after - 1 };
    let mut batches = evidence.batches(from, most.min(TOGETHER_MAX)).await?;
    let is_all = stored_count(batches.len()) < most.min(TOGETHER_MAX);
    let mut reached = nothing();
    if after != 0 && !batches.is_empty() {
        // Where it is gone since, another promise is broken: dense batches.
        reached = batches.remove(0);
    }
    // Small batches many together, large ones few.
    let ends = (reached.last_event, reached.last_movement);
    let rows = |batch: &BatchRow| {
        let new = (batch.last_event.wrapping_sub(ends.0), batch.last_movement.wrapping_sub(ends.1));
        new.0.saturating_add(new.1)
    };
    let fit = batches.partition_point(|batch| rows(batch) <= most).max(1);
    let is_cut = fit < batches.len();
    batches.truncate(fit);
    let Some(last) = batches.last() else { return Ok((0, None)) };
    let (last, looked_at) = (last.id, rows(last));
    let mut found = Offenders::default();
    go_over(evidence, reached, batches, &mut found).await?;
    checks.push(found.into_check("I25", PROMISE, looked_at));
    Ok((looked_at, (is_cut || !is_all).then_some(last)))
}

const PROMISE: &str = "both logs are chained by a hash per batch";

/// Before the first batch.
fn nothing() -> BatchRow {
    BatchRow { id: 0, last_event: 0, last_movement: 0, chain: FIRST_LINK.to_vec() }
}

/// Takes the hash over batches behind one again. Answers the last of them.
async fn go_over<E: Evidence>(
    evidence: &mut E,
    mut reached: BatchRow,
    batches: Vec<BatchRow>,
    found: &mut Offenders,
) -> Result<BatchRow, E::Error> {
    // Where the ends of batches are wrong, each is looked at by itself: so it is named, and not
    // its neighbours.
    let first = batches.first();
    let is_sound =
        batches.is_sorted_by(follows) && first.is_none_or(|first| follows(&reached, first));
    let together = if is_sound { batches.len() } else { 1 };
    let mut batches = batches.into_iter();
    loop {
        let batches: Vec<BatchRow> = batches.by_ref().take(together).collect();
        let Some(last) = batches.last().cloned() else { return Ok(reached) };
        let ledger = Span { after: reached.last_movement, to: last.last_movement };
        let log = Span { after: reached.last_event, to: last.last_event };
        let mut links = Links::after(&reached.chain, batches);
        evidence.ledger(ledger, &mut links).await?;
        evidence.log(log, &mut links).await?;
        links.compare(found);
        reached = last;
    }
}

/// Whether a batch ends where the one before ends, or later.
fn follows(before: &BatchRow, batch: &BatchRow) -> bool {
    before.last_event <= batch.last_event && before.last_movement <= batch.last_movement
}
