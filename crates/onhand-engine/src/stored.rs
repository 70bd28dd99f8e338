//! Numbers as stores keep them: 64 bits with a sign.

use onhand_core::Version;

/// Sequence numbers and counts are far below 2^63.
pub(crate) fn stored_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Versions are far below 2^63.
pub(crate) fn stored_version(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
