//! Receives an answer: page by page, each asked for again a few times where that may help, and
//! handed in as it comes. Nothing is compared before the last one is here; where it does not come,
//! the run fails with the reason and nothing has changed.

use onhand_core::warehouse::{Command, Status, Sync, Trigger};
use onhand_engine::query::SyncFilter;
use tokio::time::sleep;

use super::{Keeper, Trouble};
use crate::adapters::gateways::http::bounded;
use crate::adapters::warehouse::options::Plan;
use crate::adapters::warehouse::row::Row;
use crate::adapters::warehouse::{Failure, Reading, Step};
use crate::limits::{WAREHOUSE_AGAIN_FIRST, WAREHOUSE_STAGE_ROWS, WAREHOUSE_TRIES_MAX};
use crate::workers::effects::pace::backoff;

/// Why an answer was not received.
enum Broken {
    /// There is none that could be used.
    Answer(Failure),
    /// It could not be handed in.
    Hand(Trouble),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Answer(failure)
    }
}

impl From<Trouble> for Broken {
    fn from(trouble: Trouble) -> Self {
        Self::Hand(trouble)
    }
}

impl Keeper {
    /// Asks the warehouse and hands in its answer, or says why there is none.
    pub(super) async fn receive(&self, plan: &Plan, sync: &Sync) -> Result<(), Trouble> {
        let known = self.known_etag(sync).await?;
        match self.take_in(plan, sync, known.as_deref()).await {
            Ok(()) => Ok(()),
            Err(Broken::Answer(failure)) => {
                self.fail(sync, &format!("{}: {failure}", failure.code())).await
            }
            Err(Broken::Hand(trouble)) => Err(trouble),
        }
    }

    /// The tag of the newest answer, if all of it was settled. Who asks for a run by hand wants a
    /// whole one: our figures may have drifted although theirs have not.
    async fn known_etag(&self, sync: &Sync) -> Result<Option<String>, Trouble> {
        if sync.trigger != Trigger::Schedule || sync.only_reports() {
            return Ok(None);
        }
        let before = Some(sync.id.number());
        let filter = SyncFilter { status: Some(Status::Applied) };
        let runs = self.tools.reader.syncs(filter, before, 1).await?.rows;
        let newest = runs.into_iter().next().filter(|newest| newest.source == sync.source);
        Ok(newest.and_then(|newest| newest.etag).map(|etag| etag.as_str().to_owned()))
    }

    async fn take_in(&self, plan: &Plan, sync: &Sync, known: Option<&str>) -> Result<(), Broken> {
        let mut reading = plan.warehouse.read(known);
        let (id, mut staged) = (sync.id, 0_u32);
        loop {
            match self.next(sync, &mut reading).await? {
                Step::Rows(rows) => staged = self.stage(sync, &reading, staged, rows).await?,
                Step::Unchanged => {
                    let etag = bounded(known.unwrap_or_default());
                    self.tell(&*self.submit(Command::Unchanged { id, etag }).await?);
                    return Ok(());
                }
                Step::End => break,
            }
        }
        let etag = reading.etag().map(bounded);
        self.submit(Command::Close { id, rows: staged, etag, cursor: None }).await?;
        Ok(())
    }

    /// Asks for the next page, and again after a while where it may come then. Until the first one
    /// is here it is written down when that is asked for: an answer that does not say when it was
    /// true was so then, and none is of a later time. What others have decided by then is behind
    /// that instant, and what they decide later is not, whatever their clocks say.
    async fn next(&self, sync: &Sync, reading: &mut Reading<'_>) -> Result<Step, Broken> {
        let mut tries = 0;
        loop {
            let now = match reading.as_of() {
                None => self.submit(Command::Ask { id: sync.id }).await?.as_of,
                Some(_) => self.tools.clock.now(),
            };
            let failure = match self.keeping(reading.next(now)).await? {
                Ok(step) => return Ok(step),
                Err(failure) => failure,
            };
            tries += 1;
            let Some(asked) = failure.again().filter(|_| tries < WAREHOUSE_TRIES_MAX) else {
                return Err(failure.into());
            };
            tracing::debug!(%failure, tries, "the warehouse is asked again");
            let wait = asked.max(backoff(tries - 1, WAREHOUSE_AGAIN_FIRST));
            self.keeping(sleep(wait)).await?;
        }
    }

    /// Hands in a page; answers how many rows were handed in by now.
    async fn stage(
        &self,
        sync: &Sync,
        reading: &Reading<'_>,
        mut staged: u32,
        rows: Vec<Row>,
    ) -> Result<u32, Broken> {
        let as_of = reading.as_of().unwrap_or(sync.as_of);
        let mut rows = rows.into_iter().map(|row| row.staged(as_of));
        loop {
            let part: Vec<_> = rows.by_ref().take(WAREHOUSE_STAGE_ROWS).collect();
            if part.is_empty() {
                return Ok(staged);
            }
            let command = Command::Stage { id: sync.id, from_row: staged, rows: part };
            staged = self.submit(command).await?.rows;
        }
    }
}
