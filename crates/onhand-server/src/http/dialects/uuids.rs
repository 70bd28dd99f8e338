//! UUIDs of rows that have numbers: each row has one, always the same, and no two have one.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// The UUID of what has these numbers among its kind.
pub(super) fn of(kind: &str, numbers: &[i64]) -> Uuid {
    let mut hasher = Sha256::new();
    hasher.update(kind.as_bytes());
    for number in numbers {
        hasher.update([0]);
        hasher.update(number.to_be_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    // Version 8: made as its maker likes.
    Builder::from_custom_bytes(std::array::from_fn(|at| digest[at])).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_and_keeps_it() {
        let all = [of("user", &[1]), of("user", &[2]), of("order", &[1]), of("order", &[1, 2])];
        for (at, uuid) in all.iter().enumerate() {
            assert_eq!(uuid.get_version_num(), 8);
            assert!(all[..at].iter().all(|other| other != uuid), "{uuid}");
        }
        assert_eq!(of("user", &[1]).to_string(), of("user", &[1]).to_string());
    }
}
