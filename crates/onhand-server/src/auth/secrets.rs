//! Secrets: where they come from and whether they are any good. They are wiped from memory when
//! they are dropped and cannot be printed; whoever needs the bytes says `expose`. A secret is never
//! taken from the command line, where every process of the machine could read it.

mod file;
mod weakness;

use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use file::SecretError;
pub use weakness::{Configured, Production, Weakness, check};

use crate::limits::SECRETS_MAX;

/// Bytes that nobody else may know.
///
/// ```
/// use onhand_server::auth::secrets::Secret;
/// assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Compares in constant time.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Secret {
    /// Takes these bytes for a secret, whatever they are worth; see [`check`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A name for the secret that says nothing about it: the first 8 hexadecimal digits of its hash
    /// hashed once more, because the hash of a weak secret alone can be looked up.
    pub fn key_id(&self) -> String {
        let hash = Sha256::digest(Sha256::digest(self.expose()));
        hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// HMAC-SHA256 under this secret.
    pub fn mac(&self) -> Hmac<Sha256> {
        match Hmac::new_from_slice(self.expose()) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of every length"),
        }
    }

    /// A secret for one purpose that follows from this one and leads back to nothing.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let mac = self.mac().chain_update("onhand derived ").chain_update(purpose);
        Self::new(mac.finalize().into_bytes().to_vec())
    }
}

/// Where secrets of one kind come from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The value of a variable of the environment, or of a setting.
    Text(&'a Secret),
    /// A file that somebody provides, such as a container's secret.
    File(&'a Path),
    /// Nothing is configured: the file `onhand-secret` in the folder of the database, made at the
    /// first start.
    DataFolder(&'a Path),
}

/// Reads the secrets of one kind. Several are separated by white space, the newest first: it signs,
/// all of them verify.
///
/// # Errors
/// [`SecretError`] when there is none or too many, or the file cannot be had or is open to others.
pub fn read(source: Source<'_>) -> Result<Vec<Secret>, SecretError> {
    match source {
        Source::Text(text) => split(text),
        Source::File(path) => split(&file::read_provided(path)?),
        Source::DataFolder(folder) => split(&file::read_or_create(folder)?),
    }
}

/// Reads a file that somebody provides, as a whole.
///
/// # Errors
/// [`SecretError`] when the file cannot be had or is open to others.
pub fn read_whole(path: &Path) -> Result<Secret, SecretError> {
    file::read_provided(path)
}

fn split(text: &Secret) -> Result<Vec<Secret>, SecretError> {
    let words = text.expose().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let secrets: Vec<Secret> = words.map(Secret::new).collect();
    match secrets.len() {
        0 => Err(SecretError::None),
        1..=SECRETS_MAX => Ok(secrets),
        many => Err(SecretError::TooMany { many }),
    }
}

/// Random bytes of the operating system. Everything here that nobody may guess is made of them.
///
/// # Errors
/// When the system has none to give.
pub fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        let secret = Secret::new("canary");
        let shown = format!("{secret:?} {:?}", Source::Text(&secret));
        assert_eq!(shown, "Secret(..) Text(Secret(..))");
    }

    #[test]
    fn several_secrets_are_separated_by_white_space() {
        fn check(text: &str, wanted: Result<&[&str], SecretError>) {
            let read = read(Source::Text(&Secret::new(text)));
            let wanted = wanted.map(|words| words.iter().map(|word| Secret::new(*word)).collect());
            assert_eq!(read.map_err(|error| error.to_string()), {
                let wanted: Result<Vec<Secret>, SecretError> = wanted;
                wanted.map_err(|error| error.to_string())
            });
        }
        check("one", Ok(&["one"]));
        check(" new\told\n", Ok(&["new", "old"]));
        check("a b c d", Ok(&["a", "b", "c", "d"]));
        check("a b c d e", Err(SecretError::TooMany { many: 5 }));
        check(" \n", Err(SecretError::None));
    }

    #[test]
    fn the_name_of_a_secret_is_not_its_hash() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef");
        let hash = Sha256::digest(secret.expose());
        let once: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(secret.key_id().len(), 8);
        assert_ne!(secret.key_id(), once);
        assert_eq!(secret.key_id(), secret.clone().key_id());
        assert_ne!(secret.key_id(), Secret::new("other").key_id());
    }

    #[test]
    fn derived_secrets_differ_by_purpose_and_by_origin() {
        let secret = Secret::new("one");
        assert_eq!(secret.derive("a"), secret.derive("a"));
        assert_eq!(secret.derive("a").expose().len(), 32);
        for other in [secret.derive("b"), Secret::new("two").derive("a"), secret.clone()] {
            assert_ne!(secret.derive("a"), other);
        }
    }

    #[test]
    fn random_bytes_do_not_repeat() {
        assert_ne!(*random_bytes::<32>().unwrap(), *random_bytes::<32>().unwrap());
    }
}
