//! What the dashboard knows, gathered with questions that each have a bound, and kept for a moment:
//! however many look at it, it is gathered once, and takes a bounded part of a reader's time. It
//! comes from the store alone, so that a restart and other processes change nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use onhand_core::effects::EffectState;
use onhand_core::jobs::{Consumer, JobState};
use onhand_core::orders::Status;
use onhand_core::warehouse::{Status as SyncStatus, Sync};
use onhand_engine::Reader;
use onhand_engine::query::{
    JobFilter, OrderFilter, ReadError, StockFilter, StockRow, SyncFilter, Trade,
};
use tokio::sync::Mutex;

use super::span::Span;
use crate::app::App;
use crate::limits::{
    DASHBOARD_COUNT_MAX, DASHBOARD_KEPT, DASHBOARD_ORDERS, DASHBOARD_REST, DASHBOARD_ROWS,
};

/// States in which an order waits for something to be done.
const OPEN: [Status; 4] =
    [Status::Pending, Status::Confirmed, Status::Processing, Status::PartiallyFulfilled];

/// How many there are, counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Many {
    pub(super) count: usize,
    /// Whether there are, or may be, more.
    pub(super) or_more: bool,
}

impl Many {
    const fn of(count: usize, next: Option<i64>) -> Self {
        Self { count, or_more: next.is_some() }
    }

    pub(super) fn is_none(self) -> bool {
        self.count == 0 && !self.or_more
    }
}

/// What the dashboard shows.
#[derive(Debug)]
pub(in super::super) struct Figures {
    pub(super) span: Span,
    /// The instants between which the parts of the span are.
    pub(super) bounds: Vec<Timestamp>,
    pub(super) trade: Trade,
    pub(super) open: Vec<(Status, Many)>,
    pub(super) dead_effects: Many,
    pub(super) unmatched: Many,
    pub(super) low: Vec<StockRow>,
    pub(super) low_count: Many,
    pub(super) shortfalls: Many,
    pub(super) held_runs: Many,
    pub(super) last_run: Option<Sync>,
    pub(super) dead_jobs: Many,
    pub(super) consumers: Vec<Consumer>,
    /// Position of the newest event.
    pub(super) position: i64,
    /// Commands that wait for the committer.
    pub(super) waiting: usize,
}

/// The figures of each span, as they were gathered last.
#[derive(Debug, Default)]
pub(in super::super) struct Board([Mutex<Option<Kept>>; 3]);

#[derive(Debug)]
struct Kept {
    figures: Arc<Figures>,
    good_until: Timestamp,
}

impl Board {
    /// The figures of a span. Whoever comes while somebody gathers them waits for those.
    pub(in super::super) async fn figures(
        &self,
        app: &App,
        span: Span,
    ) -> Result<Arc<Figures>, ReadError> {
        let mut place = self.0[span as usize].lock().await;
        let now = app.clock.now();
        if let Some(kept) = place.as_ref().filter(|kept| now < kept.good_until) {
            return Ok(kept.figures.clone());
        }
        let figures = Arc::new(gather(app, span, now).await?);
        let after = app.clock.now();
        let took = Duration::try_from(after.duration_since(now)).unwrap_or_default();
        let good_until = after.saturating_add(DASHBOARD_KEPT.max(took * DASHBOARD_REST));
        let good_until = good_until.unwrap_or(after);
        *place = Some(Kept { figures: figures.clone(), good_until });
        Ok(figures)
    }
}

async fn gather(app: &App, span: Span, now: Timestamp) -> Result<Figures, ReadError> {
    let reader = &app.reader;
    let bounds = span.bounds(now);
    let most = DASHBOARD_COUNT_MAX;
    let trade = reader.trade(bounds.clone(), DASHBOARD_ORDERS).await?;
    let effects = reader.effects(Some(EffectState::Dead), None, most).await?;
    let notices = reader.unmatched_notices(None, most).await?;
    let dead = JobFilter { state: Some(JobState::Dead), queue: None };
    let dead = reader.jobs(dead, None, most).await?;
    let low = StockFilter { below_threshold: true, location_id: None };
    let mut low = reader.stocks(low, None, most).await?;
    let low_count = Many::of(low.rows.len(), low.next);
    low.rows.truncate(DASHBOARD_ROWS);
    let shortfalls = reader.shortfalls(None, most + 1).await?.len();
    let held = SyncFilter { status: Some(SyncStatus::Held) };
    let held = reader.syncs(held, None, most).await?;
    let newest = reader.syncs(SyncFilter::default(), None, 1).await?;
    Ok(Figures {
        span,
        bounds,
        trade,
        open: open(reader).await?,
        dead_effects: Many::of(effects.rows.len(), effects.next),
        unmatched: Many::of(notices.rows.len(), notices.next),
        low: low.rows,
        low_count,
        shortfalls: Many { count: shortfalls.min(most), or_more: shortfalls > most },
        held_runs: Many::of(held.rows.len(), held.next),
        last_run: newest.rows.into_iter().next(),
        dead_jobs: Many::of(dead.rows.len(), dead.next),
        consumers: reader.consumers().await?,
        position: reader.position().await?,
        waiting: app.submit.waiting(),
    })
}

async fn open(reader: &Reader) -> Result<Vec<(Status, Many)>, ReadError> {
    let mut open = Vec::with_capacity(OPEN.len());
    for status in OPEN {
        let filter = OrderFilter { status: Some(status), ..OrderFilter::default() };
        let found = reader.orders(filter, None, DASHBOARD_COUNT_MAX).await?;
        open.push((status, Many::of(found.rows.len(), found.next)));
    }
    Ok(open)
}
