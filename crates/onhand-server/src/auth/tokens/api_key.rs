//! API keys: `onk_`, 256 random bits and a checksum. The prefix lets scanners of repositories and
//! logs find keys that got out; the checksum tells a mistyped or invented key from a real one
//! before anything is looked up. It keeps nobody from inventing a key with a right checksum.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{BASE62, TokenHash, base62, hash_of};
use crate::auth::secrets::random_bytes;

const PREFIX: &str = "onk_";
const RANDOM_BYTES: usize = 32;
/// Of that many bytes in base 62.
const RANDOM_CHARS: usize = 43;
/// Of 4 bytes in base 62.
const CHECKSUM_CHARS: usize = 6;
const SHOWN_CHARS: usize = 12;

/// A key of the one form that there is.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKey").field(&self.shown()).finish()
    }
}

impl ApiKey {
    /// A key of random bytes.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self::of(random_bytes::<RANDOM_BYTES>()?))
    }

    /// Whether a text claims to be a key.
    pub fn may_be(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// What would be stored and looked up of a text, if it is a key.
    pub fn hash_of(text: &str) -> TokenHash {
        hash_of(text)
    }

    /// Reads a key; `None` for everything that cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let (random, checksum) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_digit = |byte: u8| BASE62.contains(&byte);
        let is_ours = random.len() == RANDOM_CHARS
            && random.bytes().all(is_digit)
            && checksum == checksum_of(random);
        is_ours.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// What its owner recognises it by: the first 12 characters, 47 bits of 256.
    pub fn shown(&self) -> &str {
        self.0.get(..SHOWN_CHARS).unwrap_or_default()
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> TokenHash {
        hash_of(&self.0)
    }

    /// The text for its owner, who sees it once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn of(random: Zeroizing<[u8; RANDOM_BYTES]>) -> Self {
        let random = Zeroizing::new(base62(random, RANDOM_CHARS));
        let checksum = checksum_of(&random);
        Self(Zeroizing::new(format!("{PREFIX}{}_{checksum}", *random)))
    }
}

/// The first 32 bits of a hash.
fn checksum_of(random: &str) -> String {
    let hash = Sha256::digest(random.as_bytes());
    let mut first = [0; 4];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    base62(first, CHECKSUM_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(key.expose().len(), 54);
        let read = ApiKey::parse(key.expose()).unwrap();
        assert_eq!((read.expose(), read.hash()), (key.expose(), key.hash()));
        assert_eq!(read.shown(), &key.expose()[..12]);
        assert_ne!(ApiKey::generate().unwrap().hash(), key.hash());
    }

    #[test]
    fn the_form_of_a_key_stays_what_it_is() {
        let key = ApiKey::of(Zeroizing::new([0; 32]));
        assert_eq!(key.expose(), format!("onk_{}_3O9xIA", "0".repeat(43)));
        assert_eq!(format!("{key:?}"), "ApiKey(\"onk_00000000\")");
    }

    #[test]
    fn a_key_with_a_slip_is_refused_before_it_is_looked_up() {
        let key = ApiKey::of(Zeroizing::new([7; 32]));
        let good = key.expose();
        for at in 0..good.len() {
            for other in ['0', 'z', '_', '-', 'ß'] {
                let mut slip: Vec<char> = good.chars().collect();
                if slip[at] != other {
                    slip[at] = other;
                    let slip: String = slip.iter().collect();
                    assert!(ApiKey::parse(&slip).is_none(), "{slip}");
                }
            }
            let mut swapped: Vec<char> = good.chars().collect();
            swapped.swap(at, (at + 1) % good.len());
            let swapped: String = swapped.iter().collect();
            assert!(swapped == good || ApiKey::parse(&swapped).is_none(), "{swapped}");
            assert!(ApiKey::parse(&good[..at]).is_none());
        }
        for bad in [format!("{good}0"), format!(" {good}"), good.to_uppercase(), good.repeat(9)] {
            assert!(ApiKey::parse(&bad).is_none(), "{bad}");
        }
    }
}
