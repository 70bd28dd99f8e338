//! Secrets that lie in the database: sealed, so that a copy of it gives nothing away. The key
//! follows from the secret of the server (`ONHAND_TOKEN_SECRET`), by purpose; what was sealed
//! under an earlier one is opened as long as that one is configured, too.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::secrets::{Secret, random_bytes};

/// Seals and opens secrets of one purpose. Cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<Vec<LessSafeKey>>);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Why a secret is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system has no random bytes.
    #[error("no random bytes")]
    Random,
    /// It was sealed under a secret that is not configured here, or altered.
    #[error("the secret of this server does not open it: is ONHAND_TOKEN_SECRET another one?")]
    Unopened,
}

impl Sealer {
    /// Of the server's secrets, the newest first, for one purpose.
    pub fn new(secrets: &[Secret], purpose: &str) -> Self {
        let key = |secret: &Secret| {
            let derived = secret.derive(purpose);
            UnboundKey::new(&CHACHA20_POLY1305, derived.expose()).ok().map(LessSafeKey::new)
        };
        Self(Arc::new(secrets.iter().filter_map(key).collect()))
    }

    /// Seals a secret under the newest of the server's, for one place: what is moved to another
    /// one does not open.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn seal(&self, secret: &[u8], place: &str) -> Result<String, SealError> {
        let nonce = random_bytes::<{ NONCE_LEN }>().map_err(|_| SealError::Random)?;
        let key = self.0.first().ok_or(SealError::Unopened)?;
        let mut sealed = Zeroizing::new(secret.to_vec());
        let unique = Nonce::assume_unique_for_key(*nonce);
        key.seal_in_place_append_tag(unique, Aad::from(place), &mut *sealed)
            .map_err(|_| SealError::Random)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(STANDARD_NO_PAD.encode(bytes))
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// When no secret of the server opens it.
    pub fn open(&self, sealed: &str, place: &str) -> Result<Secret, SealError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| SealError::Unopened)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Unopened)?;
        for key in self.0.iter() {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Unopened)?;
            let mut opened = Zeroizing::new(text.to_vec());
            if let Ok(secret) = key.open_in_place(nonce, Aad::from(place), &mut opened) {
                return Ok(Secret::new(secret.to_vec()));
            }
        }
        Err(SealError::Unopened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_here_and_nowhere_else() {
        let (old, new) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let before = Sealer::new(std::slice::from_ref(&old), "webhooks");
        let sealed = before.seal(b"hunter2", "a").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_ne!(sealed, before.seal(b"hunter2", "a").unwrap());
        let both = Sealer::new(&[new.clone(), old.clone()], "webhooks");
        for sealer in [&before, &both] {
            assert_eq!(sealer.open(&sealed, "a"), Ok(Secret::new("hunter2")));
            assert_eq!(sealer.open(&sealed, "b"), Err(SealError::Unopened));
        }
        for stranger in [Sealer::new(&[new], "webhooks"), Sealer::new(&[old], "other")] {
            assert_eq!(stranger.open(&sealed, "a"), Err(SealError::Unopened));
        }
        let altered = format!("A{}", &sealed[1..]);
        let altered = if altered == sealed { format!("B{}", &sealed[1..]) } else { altered };
        for wrong in ["", "AAAA", altered.as_str(), "not base64!"] {
            assert_eq!(both.open(wrong, "a"), Err(SealError::Unopened), "{wrong}");
        }
    }
}
