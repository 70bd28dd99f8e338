//! Bounded texts. Each says at parse time what it refuses, so that a rule never meets an empty
//! name, a control character or a megabyte of reason. Up to 24 bytes lie in the value itself: most
//! are that short, and each order clones a dozen.

use alloc::string::{String, ToString};
use core::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits::{
    GATEWAY_ID_CHARS_MAX, KEY_PREFIX_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX,
    REFERENCE_CHARS_MAX, SKU_CHARS_MAX, TEXT_CHARS_MAX, URL_CHARS_MAX,
};

/// Why a text was refused, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct TextError {
    /// What would have been right.
    pub expected: String,
}

macro_rules! texts {
    ($(
        $(#[$doc:meta])*
        $name:ident: $min:literal..=$max:expr, $what:literal, $allowed:expr;
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(CompactString);

        impl $name {
            /// Checks length and characters.
            ///
            /// # Errors
            /// [`TextError`] with what would have been right.
            pub fn new(text: impl Into<CompactString>) -> Result<Self, TextError> {
                let text = text.into();
                let allowed: fn(char) -> bool = $allowed;
                let length = text.chars().count();
                let fits = ($min..=$max).contains(&length)
                    && text.chars().all(allowed)
                    && text.trim().len() == text.len();
                if fits {
                    Ok(Self(text))
                } else {
                    let max: usize = $max;
                    Err(TextError {
                        expected: alloc::format!(
                            concat!($what, ", {} to {} characters"),
                            $min,
                            max
                        ),
                    })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $name::new(CompactString::deserialize(deserializer)?).map_err(|error| {
                    de::Error::custom(error.to_string())
                })
            }
        }
    )+};
}

texts! {
    /// The shop's own name of what is stocked. Printable ASCII without `/`, so that it fits into a
    /// path.
    Sku: 1..=SKU_CHARS_MAX, "a SKU of printable ASCII characters other than `/`, `?`, `#` and `%`",
        |c| c.is_ascii_graphic() && !"/?#%".contains(c);
    /// A short line of text for people.
    Name: 1..=NAME_CHARS_MAX, "text without control characters or outer spaces",
        |c| !c.is_control();
    /// Longer text for people; may be empty and have line breaks.
    Text: 0..=TEXT_CHARS_MAX, "text without control characters other than line breaks",
        |c| !c.is_control() || c == '\n' || c == '\t' || c == '\r';
    /// The name of something in another system, kept and never read.
    Reference: 1..=REFERENCE_CHARS_MAX, "text without control characters or outer spaces",
        |c| !c.is_control();
    /// Why stock changed: `received`, `cycle_count`, `custom:...`.
    Reason: 1..=REASON_CHARS_MAX,
        "a reason in lower case, like `received` or `custom:window_display`",
        |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:-.".contains(c);
    /// The name that a payment gateway has given to one of its own objects. Nothing that would
    /// end or part a path, so that it can be asked for.
    GatewayId: 1..=GATEWAY_ID_CHARS_MAX, "an id of ASCII letters, digits, `_` and `-`",
        |c| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    /// An address that the server is to call. Whether it may is found out when it does.
    Url: 1..=URL_CHARS_MAX, "a URL of printable ASCII characters",
        |c| c.is_ascii_graphic();
    /// The part of an API key by which people know it, and from which nobody can guess it.
    KeyPrefix: 1..=KEY_PREFIX_CHARS_MAX, "printable ASCII characters",
        |c| c.is_ascii_graphic();
}

/// A text that stands in the program.
pub(crate) fn constant_text(text: &'static str) -> Text {
    match Text::new(text) {
        Ok(text) => text,
        Err(error) => panic!("{text}: {error}"),
    }
}

impl Default for Text {
    /// No text at all, which is lawful.
    fn default() -> Self {
        Self(CompactString::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_would_have_been_right() {
        assert!(Sku::new("ABC-1").is_ok());
        for wrong in ["", "a b", "a/b", "ü", " a", &"x".repeat(65)] {
            let error = Sku::new(wrong).unwrap_err().to_string();
            assert!(error.contains("1 to 64 characters"), "{wrong}: {error}");
        }
        assert!(Name::new("line\nbreak").is_err());
        assert!(Text::new("line\nbreak").is_ok());
    }
}
