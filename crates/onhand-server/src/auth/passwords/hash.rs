//! Argon2id and the form in which its hashes are stored. Only `pool.rs` has threads to run this
//! on.

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, Version};

use super::PasswordError;
use crate::auth::secrets::random_bytes;
use crate::limits::{
    PASSWORD_LANES, PASSWORD_MEMORY_KIB, PASSWORD_MEMORY_KIB_MAX, PASSWORD_PASSES,
    PASSWORD_PASSES_MAX,
};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The hash to store, with a salt of its own.
pub(super) fn hash(password: &[u8]) -> Result<String, PasswordError> {
    let salt = random_bytes::<SALT_BYTES>()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
    Ok(argon2.hash_password_with_salt(password, salt.as_slice())?.to_string())
}

/// A hash that takes as much work to compare with as any that is stored now, and is of no password
/// that anybody knows. Nothing is computed for it: a start should not cost what a login costs.
pub(super) fn of_nobody() -> Result<String, PasswordError> {
    let (salt, output) = (random_bytes::<SALT_BYTES>()?, random_bytes::<HASH_BYTES>()?);
    let error = argon2::password_hash::Error::from;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params()?)?,
        salt: Some(Salt::new(salt.as_slice()).map_err(error)?),
        hash: Some(Output::new(output.as_slice()).map_err(error)?),
    };
    Ok(hash.to_string())
}

fn params() -> Result<Params, argon2::password_hash::Error> {
    Ok(Params::new(PASSWORD_MEMORY_KIB, PASSWORD_PASSES, PASSWORD_LANES, Some(HASH_BYTES))?)
}

/// Whether this is the password of a hash; compared in constant time.
pub(super) fn is_of(stored: &str, password: &[u8]) -> bool {
    // The parameters are those of the hash, not the default ones.
    parsed(stored)
        .is_some_and(|(hash, _)| Argon2::default().verify_password(password, &hash).is_ok())
}

/// Whether a password can be compared with it: a hash of ours that does not ask for more than any
/// that we ever make.
pub(super) fn is_readable(stored: &str) -> bool {
    parsed(stored).is_some()
}

/// Whether a stored hash should be replaced at the next login, when the password is at hand: it was
/// made with less work than today's, or with something else.
pub fn needs_upgrade(stored: &str) -> bool {
    parsed(stored).is_none_or(|(hash, params)| {
        params.m_cost() < PASSWORD_MEMORY_KIB
            || params.t_cost() < PASSWORD_PASSES
            || params.p_cost() < PASSWORD_LANES
            || hash.version != Some(u32::from(Version::V0x13))
            || hash.hash.is_none_or(|output| output.len() < HASH_BYTES)
            || hash.salt.is_none_or(|salt| salt.len() < SALT_BYTES)
    })
}

fn parsed(stored: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let is_ours = hash.algorithm == ARGON2ID_IDENT
        && hash.hash.is_some()
        && params.m_cost() <= PASSWORD_MEMORY_KIB_MAX
        && params.t_cost() <= PASSWORD_PASSES_MAX;
    is_ours.then_some((hash, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "password" and "somesalt", as the reference implementation makes it.
    const REFERENCE: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                             CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const SALT: &str = "c29tZXNhbHRzb21lc2FsdA";
    const OUTPUT: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn the_hash_of_the_reference_is_understood() {
        assert!(is_of(REFERENCE, b"password"));
        assert!(!is_of(REFERENCE, b"Password"));
    }

    #[test]
    fn the_hash_of_nobody_looks_like_any_other() {
        let (nobody, somebody) = (of_nobody().unwrap(), hash(b"tomatoes & 7 bees").unwrap());
        let shape = |hash: &str| {
            let parts: Vec<_> = hash.split('$').map(str::to_owned).collect();
            (parts[..4].to_vec(), parts[4].len(), parts[5].len(), parts.len())
        };
        assert_eq!(shape(&nobody), shape(&somebody));
        assert!(is_readable(&nobody) && !needs_upgrade(&nobody));
        assert!(!is_of(&nobody, b"tomatoes & 7 bees"));
        assert_ne!(nobody, of_nobody().unwrap());
    }

    #[test]
    fn a_hash_of_less_work_is_replaced() {
        assert!(!needs_upgrade(&hash(b"tomatoes & 7 bees").unwrap()));
        for (start, salt, output, wanted) in [
            ("$argon2id$v=19$m=19456,t=2,p=1", SALT, OUTPUT, false),
            ("$argon2id$v=19$m=47104,t=3,p=2", SALT, OUTPUT, false),
            ("$argon2id$v=19$m=19455,t=2,p=1", SALT, OUTPUT, true),
            ("$argon2id$v=19$m=47104,t=1,p=1", SALT, OUTPUT, true),
            ("$argon2id$v=16$m=19456,t=2,p=1", SALT, OUTPUT, true),
            ("$argon2i$v=19$m=19456,t=2,p=1", SALT, OUTPUT, true),
            ("$argon2d$v=19$m=19456,t=2,p=1", SALT, OUTPUT, true),
            ("$argon2id$v=19$m=19456,t=2,p=1", "c29tZXNhbHQ", OUTPUT, true),
            ("$argon2id$v=19$m=19456,t=2,p=1", SALT, "CTFhFdXPJO1aFaMaO6Mm5Q", true),
            ("$2b$12", "abcdefghijklmnopqrstuv", "x", true),
        ] {
            assert_eq!(needs_upgrade(&format!("{start}${salt}${output}")), wanted, "{start}");
        }
        assert!(needs_upgrade("") && needs_upgrade("password"));
    }

    #[test]
    fn a_hash_cannot_ask_for_all_the_memory() {
        for (params, wanted) in [
            ("m=262144,t=2,p=1", true),
            ("m=262145,t=2,p=1", false),
            ("m=4294967295,t=2,p=1", false),
            ("m=19456,t=16,p=1", true),
            ("m=19456,t=17,p=1", false),
        ] {
            let stored = format!("$argon2id$v=19${params}${SALT}${OUTPUT}");
            assert_eq!(is_readable(&stored), wanted, "{params}");
        }
        for stored in [format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}"), "$argon2id".to_owned()] {
            assert!(!is_readable(&stored), "{stored}");
        }
    }
}
