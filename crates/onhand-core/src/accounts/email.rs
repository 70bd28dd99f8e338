//! An e-mail address, in the one form in which it is kept and compared: without outer spaces and in
//! lower case, so that nobody has two accounts by a capital letter. Whether mail arrives there is
//! not known here.

use alloc::string::ToString;
use core::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits::{EMAIL_CHARS_MAX, EMAIL_LOCAL_CHARS_MAX};
use crate::text::TextError;

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(CompactString);

impl Email {
    /// Takes an address as people write it.
    ///
    /// # Errors
    /// [`TextError`] with what would have been right.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let text = text.trim().to_lowercase();
        let is_address = text.chars().count() <= EMAIL_CHARS_MAX
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && text.split_once('@').is_some_and(|(local, domain)| {
                (1..=EMAIL_LOCAL_CHARS_MAX).contains(&local.chars().count()) && is_domain(domain)
            });
        if is_address {
            Ok(Self(text.into()))
        } else {
            Err(TextError {
                expected: alloc::format!(
                    "an e-mail address like `ada@example.com`, at most {EMAIL_CHARS_MAX} characters"
                ),
            })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name with a dot, or that of this machine.
fn is_domain(domain: &str) -> bool {
    let has_parts = domain.contains('.') && domain.split('.').all(|part| !part.is_empty());
    !domain.contains('@') && (has_parts || domain == "localhost")
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        Self::new(&text).map_err(|error| de::Error::custom(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: Option<&str>) {
        let email = Email::new(text);
        assert_eq!(email.as_ref().ok().map(Email::as_str), wanted, "{text:?}");
        if let Ok(email) = email {
            assert_eq!(Email::new(email.as_str()), Ok(email), "it is kept as it is compared");
        }
    }

    #[test]
    fn an_address_has_one_form() {
        check("ada@example.com", Some("ada@example.com"));
        check("  Ada@Example.COM\n", Some("ada@example.com"));
        check("ADA+shop@localhost", Some("ada+shop@localhost"));
        check("ÄDA@bücher.example", Some("äda@bücher.example"));
        check(&alloc::format!("{}@x.yz", "a".repeat(64)), Some(&*("a".repeat(64) + "@x.yz")));
        let longest = alloc::format!("a@{}.com", "b".repeat(248));
        check(&longest, Some(&*longest));
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@.com",
            "ada@example.",
            "ada@exa..mple",
            "ada@host@example.com",
            "a da@example.com",
            "ada@exam\u{a0}ple.com",
            "ada@exam\u{7}ple.com",
            "ada\n@example.com",
            &alloc::format!("{}@x.yz", "a".repeat(65)),
            &alloc::format!("a@{}.com", "b".repeat(249)),
        ] {
            check(wrong, None);
        }
    }
}
