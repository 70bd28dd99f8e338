//! What is kept of a secret: a hash of it. Neither of the two types can be put into words other
//! than by its accessor, which only stores and the check of a password call: they have no `Display`
//! and no form in JSON, so that no event, reply or log line can carry them by mistake.

use alloc::string::String;
use core::fmt;

use crate::limits::{
    PASSWORD_HASH_CHARS_MAX, PASSWORD_OUTPUT_CHARS_MIN, PASSWORD_SALT_CHARS_MIN, TOKEN_HASH_BYTES,
};
use crate::text::TextError;

/// What a hash of a password begins with.
const ALGORITHM: &str = "argon2id";
const REDACTED: &str = "[redacted]";

/// The hash of a password in the PHC form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<output>`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Checks that it is a hash by Argon2id, with a salt and an output that are long enough.
    ///
    /// # Errors
    /// [`TextError`], which does not repeat it.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        if text.chars().count() <= PASSWORD_HASH_CHARS_MAX && is_phc(&text) {
            Ok(Self(text))
        } else {
            Err(TextError {
                expected: alloc::format!("a hash like `${ALGORITHM}$v=..$m=..$..$..`"),
            })
        }
    }

    /// The hash itself: for a store, and for whoever checks a password.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn is_phc(text: &str) -> bool {
    let mut parts = text.split('$');
    let mut next = || parts.next().unwrap_or_default();
    let is_headed = next().is_empty() && next() == ALGORITHM;
    let has_version = next().strip_prefix("v=").is_some_and(is_number);
    let mut costs = next().split(',');
    let mut cost = |name| costs.next().and_then(|cost: &str| cost.strip_prefix(name));
    let has_costs = ["m=", "t=", "p="].iter().all(|name| cost(*name).is_some_and(is_number));
    let has_costs = has_costs && costs.next().is_none();
    let is_long =
        is_base64(next(), PASSWORD_SALT_CHARS_MIN) && is_base64(next(), PASSWORD_OUTPUT_CHARS_MIN);
    is_headed && has_version && has_costs && is_long && parts.next().is_none()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_base64(text: &str, least: usize) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text.len() >= least && text.bytes().all(is_one)
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The SHA-256 of a refresh token or an API key.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; TOKEN_HASH_BYTES]);

/// Looks at every byte, so that the time it takes says nothing of where two hashes part.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        let differing =
            |all: u8, (one, other): (&u8, &u8)| core::hint::black_box(all | one ^ other);
        self.0.iter().zip(&other.0).fold(0, differing) == 0
    }
}

impl TokenHash {
    /// A hash that was computed.
    pub const fn new(bytes: [u8; TOKEN_HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The hash itself: for a store.
    pub const fn reveal(&self) -> &[u8; TOKEN_HASH_BYTES] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$\
                        b3V0cHV0b3V0cHV0b3V0cHV0b3V0cHV0b3V0cHV0b3U";

    #[test]
    fn secrets_show_nothing_of_themselves() {
        let password = PasswordHash::new(GOOD).unwrap();
        assert_eq!(alloc::format!("{password:?}"), REDACTED);
        assert_eq!(alloc::format!("{:?}", TokenHash::new([7; TOKEN_HASH_BYTES])), REDACTED);
        assert_eq!(password.reveal(), GOOD);
        let wrong = "$argon2id$hunter2";
        let error = alloc::format!("{:?}", PasswordHash::new(wrong).unwrap_err());
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn two_hashes_are_equal_in_every_byte_or_not_at_all() {
        let hash = TokenHash::new([7; TOKEN_HASH_BYTES]);
        for place in 0..TOKEN_HASH_BYTES {
            let mut bytes = *hash.reveal();
            assert_eq!(TokenHash::new(bytes), hash);
            bytes[place] ^= 1;
            assert_ne!(TokenHash::new(bytes), hash, "{place}");
        }
    }

    #[test]
    fn only_a_whole_hash_by_argon2id_is_a_password() {
        assert!(PasswordHash::new(GOOD).is_ok());
        for (part, other) in [
            (GOOD, ""),
            (GOOD, "hunter2"),
            ("$argon2id", "argon2id"),
            ("argon2id", "argon2i"),
            ("argon2id", "2b"),
            ("v=19$", ""),
            ("v=19", "v="),
            ("m=19456,", ""),
            ("t=2", "t=two"),
            ("p=1", "p=1,x=1"),
            ("p=1", "x=1"),
            ("c2FsdHNhbHRzYWx0c2FsdA", "c2FsdA"),
            ("c2FsdHNhbHRzYWx0c2FsdA", ""),
            ("b3V0cHV0b3V0cHV0b3V0cHV0b3V0cHV0b3V0cHV0b3U", "b3V0cHV0"),
            ("b3V0cHV0b3V0cHV0", "b3V0 HV0b3V0cHV0"),
            ("b3V0cHV0b3V0cHV0", "b3V0$HV0b3V0cHV0b3V0cHV0b3V0cHV0"),
            ("b3V0cHV0", &"b3V0".repeat(64)),
        ] {
            let wrong = GOOD.replacen(part, other, 1);
            assert_ne!(wrong, GOOD);
            assert!(PasswordHash::new(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
