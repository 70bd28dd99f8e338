//! What waits, is dead or is missing: read from the database every few seconds by one task, so that
//! neither a scrape nor a viewer ever asks the database for anything.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use onhand_core::Timestamp;
use onhand_core::warehouse::{Status, Sync};
use onhand_engine::query::ReadError;
use onhand_engine::reader::backlog::{Backlog, QueueBacklog};
use tokio::time::{MissedTickBehavior, interval};

use super::families as f;
use super::sheet::Sheet;
use super::work::queue_name;
use crate::app::App;
use crate::limits::SOUNDING_EVERY;

/// What waited at an instant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sounding {
    /// When.
    pub at: Timestamp,
    /// What.
    pub backlog: Arc<Backlog>,
}

/// Looks again and again, until it is stopped. What cannot be read stays as it was, and grows old.
pub(super) async fn sound(app: App) {
    let mut ticks = interval(SOUNDING_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_known = true;
    loop {
        ticks.tick().await;
        match app.reader.backlog().await {
            Ok(backlog) => {
                let sounding = Sounding { at: app.clock.now(), backlog: Arc::new(backlog) };
                let held = app.metrics.sounding.lock();
                *held.unwrap_or_else(PoisonError::into_inner) = Some(sounding);
                is_known = true;
            }
            Err(ReadError::Stopping) => return,
            Err(error) => {
                if std::mem::take(&mut is_known) {
                    tracing::warn!(%error, "what waits cannot be counted: the figures grow old");
                }
            }
        }
    }
}

/// For how long something has been due; nothing of what is not.
fn overdue(due: Option<Timestamp>, now: Timestamp) -> f64 {
    due.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0))
}

/// The queues as they are shown: all endpoints are one.
#[derive(Debug, Default)]
struct Shown {
    open: u64,
    dead: u64,
    lag: u64,
    overdue: f64,
}

impl Sounding {
    pub(super) fn put(&self, now: Timestamp, sheet: &mut Sheet) {
        let age = now.duration_since(self.at).as_secs_f64().max(0.0);
        sheet.level(&f::BACKLOG_AGE, &[], age);
        let backlog = &*self.backlog;
        sheet.level(&f::POSITION, &[], backlog.position as f64);
        for (part, bytes) in &backlog.bytes {
            sheet.level(&f::STORE_SIZE, &[("part", *part)], *bytes as f64);
        }
        sheet.level(&f::EFFECTS_WAITING, &[], backlog.effects_waiting as f64);
        sheet.level(&f::EFFECTS_OVERDUE, &[], overdue(backlog.effects_due, now));
        sheet.level(&f::EFFECTS_DEAD, &[], backlog.effects_dead as f64);
        sheet.level(&f::NOTICES_UNMATCHED, &[], backlog.notices_unmatched as f64);
        sheet.level(&f::SHORTFALLS, &[], backlog.shortfalls as f64);
        sheet.level(&f::SYNCS_HELD, &[], backlog.syncs_held as f64);
        for (queue, shown) in self.queues(now) {
            let labels = [("queue", queue)];
            sheet.level(&f::JOBS_OPEN, &labels, shown.open as f64);
            sheet.level(&f::JOBS_OVERDUE, &labels, shown.overdue);
            sheet.level(&f::JOBS_DEAD, &labels, shown.dead as f64);
            sheet.level(&f::QUEUE_LAG, &labels, shown.lag as f64);
        }
        let last = backlog.last_sync.as_ref();
        let runs = last.map_or(0, |sync| u64::try_from(sync.id.number()).unwrap_or_default());
        sheet.count(&f::SYNCS, &[], runs);
        if let Some(sync) = last {
            put_sync(sync, sheet);
        }
    }

    fn queues(&self, now: Timestamp) -> BTreeMap<&'static str, Shown> {
        let mut shown: BTreeMap<&'static str, Shown> = BTreeMap::new();
        for QueueBacklog { queue, cursor, open, due, dead } in &self.backlog.queues {
            let lag = u64::try_from(self.backlog.position - cursor).unwrap_or_default();
            let one = shown.entry(queue_name(*queue)).or_default();
            one.open += open;
            one.dead += dead;
            one.lag = one.lag.max(lag);
            one.overdue = one.overdue.max(overdue(*due, now));
        }
        shown
    }
}

fn put_sync(sync: &Sync, sheet: &mut Sheet) {
    for status in Status::ALL {
        let level = if *status == sync.status { 1.0 } else { 0.0 };
        sheet.level(&f::SYNC_STATUS, &[("status", status.as_str())], level);
    }
    for (action, rows) in &sync.counts {
        sheet.level(&f::SYNC_ROWS, &[("action", action.as_str())], *rows as f64);
    }
    sheet.level(&f::SYNC_DRIFT, &[], sync.drift_units as f64);
    sheet.level(&f::SYNC_AS_OF, &[], sync.as_of.as_millisecond() as f64 / 1_000.0);
}
