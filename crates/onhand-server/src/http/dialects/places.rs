//! Which dialects are spoken, and where: what is configured, as the HTTP side is told.

use std::net::SocketAddr;

use onhand_core::money::Currency;

use super::Dialect;

/// Where a dialect is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Nowhere.
    #[default]
    Off,
    /// At the root of the main listener.
    Main,
    /// On a listener of its own.
    Alone(SocketAddr),
}

/// Who may use the dialects whose contract knows no credentials, without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anonymous {
    /// Nobody: they need an API key.
    #[default]
    Nobody,
    /// Whoever is on this machine.
    Here,
    /// Everybody who can reach the server.
    Everybody,
}

/// Which dialects are spoken, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialects {
    /// Where, in the order of [`Dialect::ALL`].
    pub places: [Place; Dialect::ALL.len()],
    /// Sends the status that the original sends, where that is another one.
    pub has_literal_status: bool,
    /// Who needs no key.
    pub anonymous: Anonymous,
    /// In which currency amounts are that come without one; rupees when absent.
    pub currency: Option<Currency>,
}

impl Dialects {
    /// Where each is spoken.
    pub fn iter(&self) -> impl Iterator<Item = (Dialect, Place)> {
        Dialect::ALL.into_iter().zip(self.places)
    }

    /// Those that share the main listener.
    pub fn on_main(&self) -> impl Iterator<Item = Dialect> {
        self.iter().filter(|(_, place)| *place == Place::Main).map(|(dialect, _)| dialect)
    }

    /// Those that have a listener of their own, with its address.
    pub fn alone(&self) -> impl Iterator<Item = (Dialect, SocketAddr)> {
        self.iter().filter_map(|(dialect, place)| match place {
            Place::Alone(address) => Some((dialect, address)),
            Place::Off | Place::Main => None,
        })
    }

    /// In which currency amounts are that come without one.
    ///
    /// # Panics
    /// Never: rupees are a currency.
    pub fn currency(&self) -> Currency {
        self.currency.unwrap_or_else(|| match "INR".parse() {
            Ok(rupees) => rupees,
            Err(error) => panic!("INR: {error}"),
        })
    }

    /// Who may use this one without a key.
    pub fn anonymous_in(&self, dialect: Dialect) -> Anonymous {
        if dialect.is_keyless() { self.anonymous } else { Anonymous::Nobody }
    }
}
