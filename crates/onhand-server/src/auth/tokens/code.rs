//! The code that the first administrator types in: printed once where the server runs, so that
//! whoever can read its output, and nobody from outside, becomes administrator. It is stored as a
//! hash and good for one use; both are up to the caller.

use std::fmt;

use zeroize::Zeroizing;

use super::{TokenHash, hash_of, is_same_hash};
use crate::auth::secrets::random_bytes;

/// Digits and letters without those that look like others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// At five bits each, 100 bits.
const CHARS: usize = 20;
const GROUP_CHARS: usize = 4;
/// Most bytes that are looked at when a code was typed in: room for separators of any kind.
const TYPED_BYTES_MAX: usize = 64;
/// Keeps the hash of a code from being the hash of anything else.
const PURPOSE: &str = "onhand first administrator ";

/// A code, in the form in which it is hashed.
#[derive(Clone)]
pub struct FirstAdminCode(Zeroizing<String>);

impl fmt::Debug for FirstAdminCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstAdminCode(..)")
    }
}

impl FirstAdminCode {
    /// A code of random bits.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let random = random_bytes::<CHARS>()?;
        // 256 is a multiple of 32: every character is as likely as every other.
        let chars = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Ok(Self(Zeroizing::new(chars.collect())))
    }

    /// The code in groups, to be read and typed.
    pub fn shown(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(CHARS + CHARS / GROUP_CHARS));
        for (at, char) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP_CHARS == 0 {
                shown.push('-');
            }
            shown.push(char);
        }
        shown
    }

    /// What is stored.
    pub fn hash(&self) -> TokenHash {
        let text = Zeroizing::new(format!("{PURPOSE}{}", *self.0));
        hash_of(&text)
    }
}

/// Whether what somebody typed in is the code of this hash; case, separators and the confusion of
/// similar characters do not matter.
pub fn is_first_admin_code(typed: &str, hash: &TokenHash) -> bool {
    let code = FirstAdminCode(Zeroizing::new(normalised(typed)));
    is_same_hash(&code.hash(), hash)
}

fn normalised(typed: &str) -> String {
    let chars = typed.bytes().take(TYPED_BYTES_MAX).filter(|byte| !b" -\t\r\n".contains(byte));
    let meant = chars.map(|byte| match byte.to_ascii_uppercase() {
        b'O' => '0',
        b'I' | b'L' => '1',
        other => char::from(other),
    });
    meant.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_shown_in_groups_and_accepted_as_people_type() {
        let code = FirstAdminCode(Zeroizing::new("0123456789ABCDEFGHJK".to_owned()));
        assert_eq!(*code.shown(), "0123-4567-89AB-CDEF-GHJK");
        assert_eq!(format!("{code:?}"), "FirstAdminCode(..)");
        let hash = code.hash();
        for (typed, wanted) in [
            ("0123-4567-89AB-CDEF-GHJK", true),
            (" 0123456789abcdefghjk\n", true),
            ("O123 4567 89AB CDEF GHJK", true),
            ("oi23-4567-89ab-cdef-ghjk", true),
            ("0l23-4567-89ab-cdef-ghjk", true),
            ("0123-4567-89AB-CDEF-GHJ", false),
            ("0123-4567-89AB-CDEF-GHJKK", false),
            ("1123-4567-89AB-CDEF-GHJK", false),
            ("", false),
        ] {
            assert_eq!(is_first_admin_code(typed, &hash), wanted, "{typed}");
        }
        let padded = format!("{}{}", "-".repeat(TYPED_BYTES_MAX), *code.shown());
        assert!(!is_first_admin_code(&padded, &hash));
    }

    #[test]
    fn generated_codes_differ_and_use_the_whole_alphabet() {
        let codes: Vec<_> = (0..64).map(|_| FirstAdminCode::generate().unwrap()).collect();
        let mut hashes: Vec<TokenHash> = codes.iter().map(FirstAdminCode::hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), codes.len());
        let all: String = codes.iter().map(|code| code.0.as_str()).collect();
        assert_eq!(all.len(), 64 * CHARS);
        for wanted in ALPHABET {
            // Of 1,280 characters none is missing by chance more often than once in 10^16.
            assert!(all.bytes().any(|byte| byte == *wanted), "{}", char::from(*wanted));
        }
        for code in &codes {
            assert!(is_first_admin_code(&code.shown(), &code.hash()));
        }
    }
}
