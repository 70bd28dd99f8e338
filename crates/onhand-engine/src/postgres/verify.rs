//! `verify` on PostgreSQL.
use super::OpenError;
use crate::report::Report;
/// Proves a database in one snapshot; works beside running servers.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub async fn verify(_url: &str, _is_full: bool) -> Result<Report, OpenError> {
    Err(OpenError::Schema("not yet".into()))
}
