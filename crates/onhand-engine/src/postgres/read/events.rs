//! The event log, by position. Batches end in the order of their events, so that none ever becomes
//! visible behind a position that was read.

use super::super::codec::{self, get};
use super::super::error::{Result, corrupt};
use super::super::readers::{Reader, one, row, rows, several};
use super::number;
use crate::limits::SCAN_ROWS_MAX;
use crate::query::{EventRow, Page, ReadError};
use crate::stored::stored_count;

const EVENTS: &str = "SELECT seq, kind, actor, recorded_at, body FROM events WHERE seq > $1 \
     AND seq <= $2 AND ($3::text[] IS NULL OR kind = ANY($3)) ORDER BY seq LIMIT $4";

const FIRST_COMMIT: &str = "SELECT chain FROM batches WHERE last_event > 0 ORDER BY id LIMIT 1";

impl Reader {
    /// Events after a position, oldest first, of all types or of some.
    pub(crate) async fn events(
        &self,
        after: i64,
        kinds: &[String],
        limit: usize,
    ) -> std::result::Result<Page<EventRow>, ReadError> {
        let ceiling = after.saturating_add(stored_count(SCAN_ROWS_MAX));
        let wanted = (!kinds.is_empty()).then_some(kinds);
        several!(self, client => async {
            let values = &[&after as _, &ceiling as _, &wanted as _, &stored_count(limit) as _];
            let found = rows(client, EVENTS, values).await?;
            let rows = found.iter().map(codec::event).collect::<Result<Vec<_>>>()?;
            let newest = number(client, "SELECT coalesce(max(seq), 0) FROM events").await?;
            let looked_at = match rows.last() {
                Some(row) if rows.len() == limit => row.seq,
                Some(_) | None => newest.min(ceiling),
            };
            Ok(Page { rows, next: (looked_at < newest).then_some(looked_at) })
        })
    }

    /// The hash of the first commit that says something.
    pub(crate) async fn first_commit(&self) -> std::result::Result<Option<[u8; 32]>, ReadError> {
        one!(self, client => async {
            let found = row(client, FIRST_COMMIT, &[]).await?;
            let found = found.map(|row| get::<Vec<u8>>(&row, "batches", 0)).transpose()?;
            let hash = |chain: Vec<u8>| chain.try_into().map_err(|_| corrupt("batches", "no hash"));
            found.map(hash).transpose()
        })
    }

    /// Position of the newest event; 0 where there is none.
    pub(crate) async fn position(&self) -> std::result::Result<i64, ReadError> {
        one!(self, client => number(client, "SELECT event - 1 FROM numbering"))
    }
}
