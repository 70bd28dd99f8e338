//! Numbers as stores keep them: 64 bits with a sign; and instants as documents have them.

use onhand_core::{Timestamp, Version};

/// Characters of an instant in RFC 3339 up to its seconds.
const SECOND_CHARS: usize = "2026-11-21T05:48:16".len();

/// Sequence numbers and counts are far below 2^63.
pub(crate) fn stored_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Versions are far below 2^63.
pub(crate) fn stored_version(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// An instant as documents have it, up to its seconds: in UTC these sort as text.
pub(crate) fn to_second(at: Timestamp) -> String {
    at.to_string().chars().take(SECOND_CHARS).collect()
}
