//! Lists without pages: the newest rows up to a bound, the oldest of them first, and a word on
//! where the others are.

use axum::http::header;
use axum::response::Response;
use onhand_engine::limits::PAGE_ROWS_MAX;
use onhand_engine::query::Page;

use crate::limits::DIALECT_ROWS_MAX;

/// How many rows to ask for at a time.
pub(super) const ROWS: usize = PAGE_ROWS_MAX;

/// A list that is put together page by page.
#[derive(Debug)]
pub(super) struct Whole<T> {
    rows: Vec<T>,
    /// Where the next page begins; of the first page, nowhere.
    pub(super) before: Option<i64>,
    is_whole: bool,
}

impl<T> Whole<T> {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), before: None, is_whole: false }
    }

    /// Whether there is another page to ask for, and room for it.
    pub(super) fn wants_more(&self) -> bool {
        !self.is_whole && self.rows.len() < DIALECT_ROWS_MAX
    }

    /// Takes in the next page.
    pub(super) fn take_in(&mut self, page: Page<T>) {
        self.rows.extend(page.rows);
        self.before = page.next;
        self.is_whole = page.next.is_none();
    }

    /// The rows, the oldest first.
    pub(super) fn oldest_first(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter().rev()
    }

    /// Says in an answer where the rows are that it has no room for: in a list of `/v1`, whose
    /// cursors have this prefix.
    pub(super) fn linked(&self, mut response: Response, list: &str, prefix: &str) -> Response {
        let more = self.before.filter(|_| !self.is_whole);
        let link =
            more.map(|next| format!("<{list}?starting_after={prefix}_{next}>; rel=\"next\""));
        if let Some(link) = link.and_then(|link| link.try_into().ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}
