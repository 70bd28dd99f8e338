//! What a caller shows instead of a password: access tokens, refresh tokens, API keys and the code
//! of the first administrator. Each kind has its own shape, so that none can be used as another,
//! and all but the first are stored as hashes only.

pub mod access;
pub mod api_key;
pub mod code;
pub mod refresh;

use onhand_core::ids::ID_MAX;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is stored of a token and looked up by it. A token has at least 80 random bits, so that
/// nothing slow is needed to keep it from being guessed.
pub type TokenHash = [u8; 32];

/// Whether two hashes are the same, in a time that does not tell how much of them is.
pub fn is_same_hash(left: &TokenHash, right: &TokenHash) -> bool {
    left.ct_eq(right).into()
}

fn hash_of(text: &str) -> TokenHash {
    Sha256::digest(text.as_bytes()).into()
}

/// The digits 0-9, A-Z and a-z: selected by a double click, safe in a URL.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last `digits` digits of a number to the base 62. Those of 32 bytes are 43, of 4 bytes 6.
fn base62(mut number: impl AsMut<[u8]>, digits: usize) -> String {
    let number = number.as_mut();
    let mut text: Vec<char> = Vec::with_capacity(digits);
    for _ in 0..digits {
        let mut remainder = 0_u16;
        for byte in number.iter_mut() {
            let dividend = remainder * 256 + u16::from(*byte);
            // Below 256, because the remainder is below 62.
            [_, *byte] = (dividend / 62).to_be_bytes();
            remainder = dividend % 62;
        }
        text.push(char::from(BASE62[usize::from(remainder)]));
    }
    text.iter().rev().collect()
}

/// The number of an id in its one spelling: `usr_5`, and neither `usr_05` nor `usr_+5`.
fn numbered(prefix: &str, text: &str) -> Option<i64> {
    let digits = text.strip_prefix(prefix)?.strip_prefix('_')?;
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|number| (1..=ID_MAX).contains(number))?;
    canonical.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_compared_to_the_last_bit() {
        let hash = hash_of("a");
        let mut other = hash;
        assert!(is_same_hash(&hash, &other));
        other[31] ^= 1;
        assert!(!is_same_hash(&hash, &other));
    }

    #[test]
    fn base_62_keeps_every_bit() {
        for (number, text) in [
            ([0, 0, 0, 0], "000000"),
            ([0, 0, 0, 61], "00000z"),
            ([0, 0, 0, 62], "000010"),
            ([0, 0, 1, 0], "000048"),
            ([255; 4], "4gfFC3"),
        ] {
            assert_eq!(base62(number, 6), text);
        }
    }

    #[test]
    fn no_32_bytes_are_too_large_for_43_digits() {
        assert_eq!(base62([0; 32], 43), "0".repeat(43));
        // With one more digit in front, that one is 0: nothing was cut off.
        assert_eq!(base62([255; 32], 44), format!("0{}", base62([255; 32], 43)));
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(numbered("usr", "usr_5"), Some(5));
        assert_eq!(numbered("usr", "usr_9007199254740991"), Some(ID_MAX));
        for wrong in [
            "",
            "5",
            "usr",
            "usr_",
            "usr5",
            "usr_0",
            "usr_05",
            "usr_-5",
            "usr_+5",
            "usr_5 ",
            "usr_٥",
            "ses_5",
            "USR_5",
            "usr_9007199254740992",
            "usr_99999999999999999999",
        ] {
            assert_eq!(numbered("usr", wrong), None, "{wrong}");
        }
    }
}
