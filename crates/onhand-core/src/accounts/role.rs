//! What kind of account somebody has, and which scopes are lawful for it.

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::scope::{Scope, Scopes};

/// What kind of account somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Works in the shop, with the scopes that were given.
    Operator,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Operator, Self::Admin];

    /// The stored and shown name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads the stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What somebody with this role may do unless something else is said.
    pub const fn scopes(self) -> Scopes {
        match self {
            Self::Customer => Scopes::of(&[Scope::OrdersOwn]),
            Self::Operator => Scopes::of(&[
                Scope::CatalogRead,
                Scope::CatalogWrite,
                Scope::EventsRead,
                Scope::OrdersRead,
                Scope::OrdersWrite,
                Scope::PaymentsRead,
                Scope::PaymentsWrite,
                Scope::StockRead,
                Scope::StockWrite,
            ]),
            Self::Admin => Scopes::of(&[Scope::Admin]),
        }
    }
}

/// The scopes of an account: those that are asked for, where they are lawful for the role, and its
/// own when none are. Only an operator's can be chosen; what a customer or an admin may do is the
/// role.
///
/// # Errors
/// [`Refusal::UnlawfulScopes`].
pub fn scopes_of_role(role: Role, asked: Option<Scopes>) -> Result<Scopes, Refusal> {
    let Some(scopes) = asked else {
        return Ok(role.scopes());
    };
    let is_lawful = match role {
        Role::Customer | Role::Admin => scopes == role.scopes(),
        Role::Operator => !scopes.names(Scope::Admin) && !scopes.names(Scope::OrdersOwn),
    };
    if is_lawful { Ok(scopes) } else { Err(Refusal::UnlawfulScopes { role: Some(role), scopes }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scopes that a role gets when these are asked for; none where they are refused.
    fn check(role: Role, asked: Option<&str>, wanted: Option<&str>) {
        let asked = asked.map(|text| text.parse().unwrap());
        let scopes = scopes_of_role(role, asked);
        let wanted: Option<Scopes> = wanted.map(|text| text.parse().unwrap());
        assert_eq!(scopes.as_ref().ok(), wanted.as_ref(), "{role:?} {asked:?}");
        if let Err(refusal) = scopes {
            assert_eq!(refusal.code(), "unlawful_scopes");
        }
    }

    #[test]
    fn only_an_operators_scopes_can_be_chosen() {
        use Role::{Admin, Customer, Operator};
        let works = "catalog:read catalog:write stock:read stock:write orders:read orders:write \
                     payments:read payments:write events:read";
        check(Customer, None, Some("orders:own"));
        check(Customer, Some("orders:own"), Some("orders:own"));
        check(Customer, Some(""), None);
        check(Customer, Some("orders:own orders:read"), None);
        check(Customer, Some("admin"), None);
        check(Operator, None, Some(works));
        check(Operator, Some(""), Some(""));
        check(Operator, Some("webhooks:write"), Some("webhooks:write"));
        check(Operator, Some("orders:read orders:own"), None);
        check(Operator, Some("orders:read admin"), None);
        check(Admin, None, Some("admin"));
        check(Admin, Some("admin"), Some("admin"));
        check(Admin, Some(""), None);
        check(Admin, Some("admin orders:read"), None);
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
    }
}
