//! Passwords: made into Argon2id hashes and compared with them, on threads of their own. One
//! comparison takes 19 MiB and tens of milliseconds, so that a few hundred logins at once would
//! take the machine from the orders: there are as many threads as cores, they yield to everything
//! else, few callers wait for them, and the rest is told to come back. Nobody learns from the time
//! that an answer takes whether an account exists.

mod hash;
mod pool;
mod rules;

use std::num::NonZeroUsize;
use std::sync::Arc;

use zeroize::Zeroizing;

pub use hash::needs_upgrade;
pub use rules::PasswordRefusal;

use crate::limits::{PASSWORD_QUEUE_MAX, PASSWORD_RETRY_AFTER_SECS};
use pool::{Pool, Turned};

/// Why a password was neither set nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It is not a good one.
    #[error(transparent)]
    Refused(#[from] PasswordRefusal),
    /// Too many callers are waiting.
    #[error("too many logins at once; try again in {retry_after_secs} seconds")]
    Busy {
        /// When it is worth another try.
        retry_after_secs: u32,
    },
    /// Nothing can be hashed.
    #[error("cannot hash a password")]
    Hash(#[from] argon2::password_hash::Error),
    /// The system has no random bytes to give.
    #[error("no random bytes")]
    Random(#[from] getrandom::Error),
    /// The threads cannot be started.
    #[error("cannot start the threads that hash passwords")]
    Threads(#[from] std::io::Error),
    /// A thread gave up on the way; it is in the log.
    #[error("hashing a password was broken off")]
    BrokenOff,
}

impl From<Turned> for PasswordError {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Away => Self::Busy { retry_after_secs: PASSWORD_RETRY_AFTER_SECS },
            Turned::BrokenOff => Self::BrokenOff,
        }
    }
}

/// The hash of a password that everybody knows: no rule is asked, and the caller waits. For demo
/// data.
///
/// # Errors
/// [`PasswordError`] when nothing can be hashed.
pub fn hash_known(password: &str) -> Result<String, PasswordError> {
    hash::hash(password.as_bytes())
}

/// Sets and compares passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
    /// The hash that is compared where there is no account; nobody knows its password.
    nobody: Arc<str>,
}

impl Passwords {
    /// Starts a thread for each core.
    ///
    /// # Errors
    /// [`PasswordError`] when the system gives no threads or no random bytes.
    pub fn start() -> Result<Self, PasswordError> {
        Self::with_threads(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    fn with_threads(threads: NonZeroUsize) -> Result<Self, PasswordError> {
        let nobody = hash::of_nobody()?.into();
        let pool = Pool::start("passwords", threads, PASSWORD_QUEUE_MAX)?;
        Ok(Self { pool: Arc::new(pool), nobody })
    }

    /// The hash to store for a new password of the account with this e-mail address.
    ///
    /// # Errors
    /// [`PasswordError::Refused`] for a bad password, [`PasswordError::Busy`] under load.
    pub async fn hash(
        &self,
        password: Zeroizing<String>,
        email: &str,
    ) -> Result<String, PasswordError> {
        let email = email.to_owned();
        self.pool
            .run(move || {
                let password = rules::accept(&password, &email)?;
                hash::hash(password.as_bytes())
            })
            .await?
    }

    /// Whether this is the password of the stored hash. Without an account there is none: then the
    /// answer is no, after the same work.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] under load.
    pub async fn verify(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        // Longer than any that was ever accepted: wrong for every account, and known at once.
        let Some(password) = rules::normalised(&password) else { return Ok(false) };
        let nobody = self.nobody.clone();
        let is_right = self.pool.run(move || {
            let stored = stored.filter(|stored| {
                let is_readable = hash::is_readable(stored);
                if !is_readable {
                    tracing::warn!("a stored password hash cannot be read: it opens nothing");
                }
                is_readable
            });
            let hash = stored.as_deref().unwrap_or(&nobody);
            hash::is_of(hash, password.as_bytes()) && stored.is_some()
        });
        Ok(is_right.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &str = "ann@shop.example";

    fn password(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::start().unwrap();
        let longest = "ab cd€fg ".repeat(15).chars().take(128).collect::<String>();
        for (set, tried, wanted) in [
            ("tomatoes & 7 bees", "tomatoes & 7 bees", true),
            ("tomatoes & 7 bees", "tomatoes & 7 Bees", false),
            ("tomatoes & 7 bees", "", false),
            ("tomatoes & 7 bees", "tomatoes & 7 bees ", false),
            // Composed and decomposed, full-width and plain: one password.
            ("caf\u{e9} a la creme", "cafe\u{301} a la creme", true),
            ("\u{ff54}\u{ff4f}matoes & 7 bees", "tomatoes & 7 bees", true),
            (&longest, &longest, true),
            (&longest, &format!("{longest}x"), false),
            (&longest, &longest.chars().take(127).collect::<String>(), false),
            (&longest, &"x".repeat(1 << 20), false),
        ] {
            let hash = passwords.hash(password(set), EMAIL).await.unwrap();
            assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
            let verified = passwords.verify(password(tried), Some(hash)).await.unwrap();
            assert_eq!(verified, wanted, "{set} {tried}");
        }
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let passwords = Passwords::start().unwrap();
        let mut hashes = Vec::new();
        for _ in 0..2 {
            hashes.push(passwords.hash(password("tomatoes & 7 bees"), EMAIL).await.unwrap());
        }
        assert_ne!(hashes[0], hashes[1]);
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_costs_as_much() {
        let passwords = Passwords::start().unwrap();
        assert!(!needs_upgrade(&passwords.nobody));
        for stored in [None, Some("$2b$12$abcdefghijklmnopqrstuv"), Some(""), Some("$argon2id$")] {
            let tried = passwords.verify(password("tomatoes & 7 bees"), stored.map(str::to_owned));
            assert!(!tried.await.unwrap(), "{stored:?}");
        }
    }

    #[tokio::test]
    async fn a_bad_password_is_refused() {
        let passwords = Passwords::start().unwrap();
        let refused = passwords.hash(password("password"), EMAIL).await;
        let refused = matches!(refused, Err(PasswordError::Refused(PasswordRefusal::Common)));
        assert!(refused);
    }
}
