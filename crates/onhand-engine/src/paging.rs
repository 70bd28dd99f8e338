//! How a list is cut into pages: by key, one row more than is shown, and where a filter leaves a
//! page short, on below the floor that was looked at. The same in every store.

use crate::limits::{PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::query::Page;
use crate::stored::stored_count;

/// The lowest key that a filtered page looks at, going down from below `before`.
pub(crate) fn scan_floor(before: i64) -> i64 {
    before.saturating_sub(stored_count(SCAN_ROWS_MAX)).max(1)
}

/// Cuts a list that was asked for one row too many, and says where the next page begins.
pub(crate) fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> i64) -> Page<T> {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(key);
    Page { rows, next }
}

/// A page of a list that was filtered: where it is short, it goes on below the floor.
pub(crate) fn filtered_page<T>(
    rows: Vec<T>,
    limit: usize,
    floor: i64,
    key: impl Fn(&T) -> i64,
) -> Page<T> {
    let mut page = page(rows, limit, key);
    if page.next.is_none() && floor > 1 {
        page.next = Some(floor);
    }
    page
}

/// A page of a list of ascending keys that was looked through up to an end: where it is short, it
/// goes on behind that.
pub(crate) fn page_up_to<T>(
    rows: Vec<T>,
    limit: usize,
    end: Option<i64>,
    key: impl Fn(&T) -> i64,
) -> Page<T> {
    let page = page(rows, limit, key);
    Page { next: page.next.or(end), ..page }
}

/// Where a page begins and how many rows to ask for: one more than it shows.
pub(crate) fn bounds(before: Option<i64>, limit: usize) -> [i64; 2] {
    [before.unwrap_or(i64::MAX), stored_count(limit.min(PAGE_ROWS_MAX)) + 1]
}
