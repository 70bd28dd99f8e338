//! What somebody may do, as a set of scopes. `admin` contains every other one: that rule is in
//! [`Scopes::reach`] and nowhere else.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// One right. In the order of their texts, which is that of a set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scope {$(
            $(#[$doc])*
            #[serde(rename = $text)]
            $name,
        )+}

        impl Scope {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stored and shown name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Reads the name back.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|scope| scope.as_str() == name)
            }
        }
    };
}

scopes! {
    /// Everything.
    Admin = "admin",
    /// Looking at products and categories.
    CatalogRead = "catalog:read",
    /// Changing products and categories.
    CatalogWrite = "catalog:write",
    /// Reading the event log.
    EventsRead = "events:read",
    /// Placing, seeing and cancelling one's own orders, and nobody else's.
    OrdersOwn = "orders:own",
    /// Looking at everybody's orders.
    OrdersRead = "orders:read",
    /// Placing and moving everybody's orders.
    OrdersWrite = "orders:write",
    /// Looking at payments.
    PaymentsRead = "payments:read",
    /// Capturing and refunding.
    PaymentsWrite = "payments:write",
    /// Looking at stock, ledger and reservations.
    StockRead = "stock:read",
    /// Changing stock, locations and reservations.
    StockWrite = "stock:write",
    /// Saying where events are sent.
    WebhooksWrite = "webhooks:write",
}

impl Scope {
    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A text that is no list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no scope, expected scopes like `orders:read orders:write`")]
pub struct ParseScopesError {
    /// The first word that is none.
    pub found: String,
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// The set of these.
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < scopes.len() {
            bits |= scopes[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// What the set comes to: the one place that knows that `admin` contains the others.
    const fn reach(self) -> u16 {
        if self.0 & Scope::Admin.bit() == 0 { self.0 } else { u16::MAX }
    }

    /// Whether the set lets somebody do this.
    pub const fn contains(self, scope: Scope) -> bool {
        self.reach() & scope.bit() != 0
    }

    /// Whether the set lets somebody do all that another one does.
    pub const fn is_superset_of(self, other: Self) -> bool {
        other.0 & !self.reach() == 0
    }

    /// Whether the set names this scope itself.
    pub const fn names(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set names no scope.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes that the set names, in the order of their texts.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.names(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The stored form: the texts, with a space between them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{}", scope.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ParseScopesError;

    fn from_str(text: &str) -> Result<Self, ParseScopesError> {
        text.split_ascii_whitespace()
            .map(|name| {
                Scope::from_name(name).ok_or_else(|| ParseScopesError { found: name.into() })
            })
            .collect()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Scope>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn scopes_are_in_the_order_of_their_texts_and_have_a_bit_each() {
        assert!(Scope::ALL.is_sorted_by(|one, next| one.as_str() < next.as_str()));
        let all: Scopes = Scope::ALL.iter().copied().collect();
        assert_eq!(all.iter().count(), Scope::ALL.len());
        for scope in Scope::ALL {
            assert_eq!(Scope::from_name(scope.as_str()), Some(*scope));
        }
    }

    #[test]
    fn admin_contains_every_scope_and_no_other_contains_a_second() {
        for held in Scope::ALL {
            for wanted in Scope::ALL {
                let (held, wanted) = (Scopes::of(&[*held]), *wanted);
                let lets = held == Scopes::of(&[wanted]) || held == Scopes::of(&[Scope::Admin]);
                assert_eq!(held.contains(wanted), lets, "{held:?} {wanted:?}");
                assert_eq!(held.is_superset_of(Scopes::of(&[wanted])), lets, "{held:?}");
            }
            assert!(Scopes::of(&[*held]).is_superset_of(Scopes::NONE));
            assert!(!Scopes::NONE.contains(*held));
        }
    }

    /// The scopes of a text, their texts in order, and their form in JSON.
    fn check(text: &str, stored: &str, json: &str) {
        let scopes: Scopes = text.parse().unwrap();
        assert_eq!(scopes.to_string(), stored);
        assert_eq!(serde_json::to_string(&scopes).unwrap(), json);
        assert_eq!(serde_json::from_str::<Scopes>(json).unwrap(), scopes);
        assert_eq!(stored.parse(), Ok(scopes));
    }

    #[test]
    fn a_set_is_a_sorted_list_of_texts() {
        check("", "", "[]");
        check("admin", "admin", r#"["admin"]"#);
        let sorted = r#"["catalog:read","orders:own","stock:write"]"#;
        check(
            "stock:write  orders:own catalog:read orders:own",
            &sorted.replace(['[', ']', '"'], "").replace(',', " "),
            sorted,
        );
        for (wrong, found) in [
            ("orders", "orders"),
            ("orders:read,orders:write", "orders:read,orders:write"),
            ("ADMIN", "ADMIN"),
            ("orders:own x y", "x"),
        ] {
            assert_eq!(
                wrong.parse::<Scopes>(),
                Err(ParseScopesError { found: found.into() }),
                "{wrong}"
            );
        }
        assert!(serde_json::from_str::<Scopes>(r#"["everything"]"#).is_err());
    }
}
