//! The form that all lists have.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = List)]
pub struct List<T> {
    /// Always `list`.
    #[schema(pattern = "^list$")]
    pub object: &'static str,
    /// The list that this is a page of.
    pub url: String,
    /// Whether there is more behind it.
    pub has_more: bool,
    /// What to send as `starting_after` for the next page.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The rows.
    pub data: Vec<T>,
}

/// A list that is always shown whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WholeList)]
pub struct WholeList<T> {
    #[schema(pattern = "^list$")]
    object: &'static str,
    /// The list.
    url: String,
    /// Always `false`: there are no pages.
    has_more: bool,
    /// All rows.
    data: Vec<T>,
}

impl<T> WholeList<T> {
    /// The list at a URL.
    pub fn new(url: impl Into<String>, data: Vec<T>) -> Self {
        Self { object: "list", url: url.into(), has_more: false, data }
    }
}
