//! Whether secrets are worth their name. In production a weak one keeps the server from starting;
//! elsewhere it is a warning.

use std::collections::BTreeSet;

use super::Secret;
use crate::limits::{SECRET_BYTES_MIN, SECRET_VARIETY_MIN};

/// Parts of what stands in examples, tutorials and first drafts, in small letters and with nothing
/// between the words. One in a million random secrets contains one of them.
const PLACEHOLDERS: &[&str] = &[
    "secret",
    "changeme",
    "changeit",
    "changethis",
    "replaceme",
    "replacethis",
    "password",
    "placeholder",
    "example",
    "default",
    "insecure",
    "development",
    "yourjwt",
    "yourkey",
    "jwttoken",
    "privatekey",
    "keyboardcat",
    "qwerty",
    "letmein",
    "abcdefgh",
    "01234567",
    "12345678",
    "deadbeef",
    "testtest",
    "loremipsum",
];

/// Whether people rely on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Production {
    /// They do.
    Yes,
    /// A demo, a test, a developer's machine.
    No,
}

/// The secrets of each kind that were configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Configured<'a> {
    /// Those that sign and verify access tokens.
    pub access: &'a [Secret],
    /// Those that refresh tokens follow from; none when they are derived from the first ones.
    pub refresh: &'a [Secret],
    /// Those that others sign their calls to us with.
    pub webhooks: &'a [Secret],
}

/// What is wrong with a secret, without saying what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It can be guessed.
    #[error("the {kind} secret has {bytes} bytes, expected at least {SECRET_BYTES_MIN}")]
    Short {
        /// Of what kind it is.
        kind: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// Everybody knows it.
    #[error("the {kind} secret is a placeholder: it contains `{placeholder}`")]
    Placeholder {
        /// Of what kind it is.
        kind: &'static str,
        /// What gives it away.
        placeholder: &'static str,
    },
    /// It is long and yet can be guessed.
    #[error("the {kind} secret repeats itself")]
    Repetitive {
        /// Of what kind it is.
        kind: &'static str,
    },
    /// Whoever knows the one knows the other.
    #[error("the {kind} secret is also the {other} secret")]
    Shared {
        /// Of what kind it is.
        kind: &'static str,
        /// What else it is.
        other: &'static str,
    },
}

/// Looks at all secrets. In production the list is an error; elsewhere it is what to warn of.
///
/// # Errors
/// What is wrong, in production.
pub fn check(
    production: Production,
    configured: Configured<'_>,
) -> Result<Vec<Weakness>, Vec<Weakness>> {
    let Configured { access, refresh, webhooks } = configured;
    let kinds = [("access", access), ("refresh", refresh)];
    let mut found: Vec<Weakness> = kinds
        .iter()
        .flat_map(|(kind, secrets)| secrets.iter().filter_map(|secret| weakness(kind, secret)))
        .collect();
    for (kind, secrets, other, others) in [
        ("access", access, "refresh", refresh),
        ("access", access, "webhook", webhooks),
        ("refresh", refresh, "webhook", webhooks),
    ] {
        if secrets.iter().any(|secret| others.contains(secret)) {
            found.push(Weakness::Shared { kind, other });
        }
    }
    match production {
        Production::Yes if !found.is_empty() => Err(found),
        Production::Yes | Production::No => Ok(found),
    }
}

/// The first thing that is wrong with a secret.
fn weakness(kind: &'static str, secret: &Secret) -> Option<Weakness> {
    let bytes = secret.expose();
    let placeholder = PLACEHOLDERS.iter().find(|placeholder| contains(bytes, placeholder));
    if let Some(placeholder) = placeholder {
        return Some(Weakness::Placeholder { kind, placeholder });
    }
    if bytes.len() < SECRET_BYTES_MIN {
        return Some(Weakness::Short { kind, bytes: bytes.len() });
    }
    let different: BTreeSet<&u8> = bytes.iter().collect();
    let is_repetitive = different.len() < SECRET_VARIETY_MIN || has_period(bytes);
    is_repetitive.then_some(Weakness::Repetitive { kind })
}

/// Whether a placeholder is in it, whatever its case and what stands between its words.
fn contains(bytes: &[u8], placeholder: &str) -> bool {
    let letters = bytes.iter().filter(|byte| !b"_-. ".contains(byte));
    let letters: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    letters.windows(placeholder.len()).any(|part| part == placeholder.as_bytes())
}

/// Whether it is a shorter text several times over.
fn has_period(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2)
        .any(|period| bytes.iter().skip(period).eq(bytes.iter().take(bytes.len() - period)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "f3c1a97be0d2486594fb70e1853d2c6a";
    const GOOD_TOO: &str = "Zk9vQ2x1bWJ1c19hbmRfd2lubmVyc18x";

    #[test]
    fn weak_secrets_are_refused_in_production_and_named_elsewhere() {
        fn check(secret: &str, wanted: Option<Weakness>) {
            let secrets = [Secret::new(secret)];
            let configured = Configured { access: &secrets, ..Configured::default() };
            let wanted: Vec<Weakness> = wanted.into_iter().collect();
            let refused = super::check(Production::Yes, configured);
            assert_eq!(refused.err().unwrap_or_default(), wanted, "{secret}");
            assert_eq!(super::check(Production::No, configured), Ok(wanted), "{secret}");
        }
        let placeholder = |placeholder| Some(Weakness::Placeholder { kind: "access", placeholder });
        let short = |bytes| Some(Weakness::Short { kind: "access", bytes });
        let repetitive = Some(Weakness::Repetitive { kind: "access" });
        check(GOOD, None);
        check(GOOD_TOO, None);
        check("", short(0));
        check("f3c1a97be0d2486594fb70e1853d2c6", short(31));
        check("your_jwt_secret_key", placeholder("secret"));
        check("SECRET", placeholder("secret"));
        check("Change-Me please, this is a very long sentence", placeholder("changeme"));
        check("your.jwt.key.your.jwt.key.your.jwt.key", placeholder("yourjwt"));
        check("f3c1a97be0d2486594fb70e1853d2c6apassword", placeholder("password"));
        check("12345678987654321234567898765432", placeholder("12345678"));
        check(&"x".repeat(64), repetitive);
        check(&"01".repeat(32), repetitive);
        check("abcde".repeat(8).as_str(), repetitive);
        check("f3c1a97be0d24865f3c1a97be0d24865", repetitive);
        check("f3c1a97be0d24865f3c1a97be0d24865f3c1", repetitive);
        check("f3c1a97be0d24865f3c1a97be0d24866", None);
    }

    #[test]
    fn secrets_are_not_shared() {
        fn check(access: &[&str], refresh: &[&str], webhooks: &[&str], wanted: &[(&str, &str)]) {
            let secrets = |texts: &[&str]| texts.iter().map(|text| Secret::new(*text)).collect();
            let all: [Vec<Secret>; 3] = [access, refresh, webhooks].map(secrets);
            let configured = Configured { access: &all[0], refresh: &all[1], webhooks: &all[2] };
            let found = super::check(Production::No, configured).unwrap();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            let wanted = wanted.iter();
            let wanted: Vec<String> = wanted
                .map(|(kind, other)| format!("the {kind} secret is also the {other} secret"))
                .collect();
            assert_eq!(found, wanted);
        }
        check(&[GOOD], &[GOOD_TOO], &["whatever"], &[]);
        check(&[GOOD], &[], &[], &[]);
        check(&[GOOD], &[GOOD], &[], &[("access", "refresh")]);
        check(&[GOOD_TOO, GOOD], &[GOOD], &[], &[("access", "refresh")]);
        check(&[GOOD], &[], &[GOOD], &[("access", "webhook")]);
        check(&[], &[GOOD], &["x", GOOD], &[("refresh", "webhook")]);
    }
}
