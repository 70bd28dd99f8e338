//! Who writes to whom: addresses, the names in front of them, and the domain that messages are
//! named after. What is in here has no character that could end a line of a header or a command, so
//! that nobody can smuggle in a header or a recipient by what he is called.

use std::fmt;
use std::str::FromStr;

use onhand_core::limits::{EMAIL_CHARS_MAX, NAME_CHARS_MAX};
use reqwest::Url;

use crate::limits::MAIL_DOMAIN_CHARS_MAX;

/// Why something cannot be written into a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A line break or another control character.
    #[error("there is a line break or another control character in the {0}")]
    Control(&'static str),
    /// It is too long.
    #[error("the {what} has more than {most} characters")]
    TooLong {
        /// What is.
        what: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// It is no address.
    #[error("expected an e-mail address like `orders@example.com`")]
    NoAddress,
    /// It is no domain.
    #[error("expected a domain like `shop.example.com`")]
    NoDomain,
    /// Something is wrong with the brackets.
    #[error("expected `orders@example.com` or `Name <orders@example.com>`")]
    NoMailbox,
}

/// Refuses what would end the line that it is written into, or is longer than it may be.
pub(super) fn check_line(text: &str, what: &'static str, most: usize) -> Result<(), AddressError> {
    // Line and paragraph separators end lines for some programs that show mail.
    if text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
        return Err(AddressError::Control(what));
    }
    if text.chars().count() > most { Err(AddressError::TooLong { what, most }) } else { Ok(()) }
}

/// An e-mail address that can be sent to. Its domain is in ASCII, however it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(lettre::Address);

impl Address {
    /// Takes an address as people write it, without a name.
    ///
    /// # Errors
    /// [`AddressError`]. Quoted local parts are refused, too: they may hold brackets and spaces,
    /// and no provider of mail hands them out.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        check_line(text, "address", EMAIL_CHARS_MAX)?;
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAddress)?;
        if local.chars().any(|c| c.is_whitespace() || "\"<>()[],:;\\@".contains(c)) {
            return Err(AddressError::NoAddress);
        }
        let domain = Domain::new(domain).map_err(|_| AddressError::NoAddress)?;
        let address = lettre::Address::new(local, domain.as_str());
        address.map(Self).map_err(|_| AddressError::NoAddress)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Whether every server of mail can be told of it.
    pub(super) fn is_ascii(&self) -> bool {
        self.as_str().is_ascii()
    }

    /// What follows the `@`.
    pub fn domain(&self) -> Domain {
        Domain(self.0.domain().to_owned())
    }

    pub(super) fn to_lettre(&self) -> lettre::Address {
        self.0.clone()
    }
}

/// A domain, in ASCII and lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// Takes a domain as people write it.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn new(text: &str) -> Result<Self, AddressError> {
        check_line(text, "domain", EMAIL_CHARS_MAX)?;
        // Whatever could make more of a URL than its host.
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || "/?#@:\\[]%".contains(c)) {
            return Err(AddressError::NoDomain);
        }
        let url = Url::parse(&format!("http://{text}/")).map_err(|_| AddressError::NoDomain)?;
        let host = url.host_str().ok_or(AddressError::NoDomain)?;
        let is_label = |label: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (1..=63).contains(&label.len()) && label.chars().all(allowed)
        };
        if !host.split('.').all(is_label) || host.parse::<std::net::IpAddr>().is_ok() {
            return Err(AddressError::NoDomain);
        }
        check_line(host, "domain", MAIL_DOMAIN_CHARS_MAX)?;
        Ok(Self(host.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::new(text)
    }
}

/// An address, and the name of whoever it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

impl Mailbox {
    /// An address with a name.
    ///
    /// # Errors
    /// [`AddressError`] when the name has a line break or another control character, or is too
    /// long.
    pub fn named(name: &str, address: Address) -> Result<Self, AddressError> {
        check_line(name, "name", NAME_CHARS_MAX)?;
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok(Self { name, address })
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn to_lettre(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.clone(), self.address.to_lettre())
    }
}

impl From<Address> for Mailbox {
    fn from(address: Address) -> Self {
        Self { name: None, address }
    }
}

/// As operators write it: `orders@example.com`, or `The Shop <orders@example.com>`.
impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches(' ');
        let Some((name, rest)) = text.split_once('<') else {
            return Address::new(text).map(Self::from);
        };
        let address = rest.strip_suffix('>').ok_or(AddressError::NoMailbox)?;
        Self::named(name.trim_matches([' ', '"']), Address::new(address)?)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address.as_str()),
            None => f.write_str(self.address.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: Result<&str, AddressError>) {
        let address = Address::new(text);
        assert_eq!(address.as_ref().map(Address::as_str), wanted.as_ref().copied(), "{text:?}");
    }

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        check("ada@example.com", Ok("ada@example.com"));
        check("ada+shop@localhost", Ok("ada+shop@localhost"));
        check("o'neill@example.com", Ok("o'neill@example.com"));
        check("ada@Bücher.example", Ok("ada@xn--bcher-kva.example"));
        check("ädä@example.com", Ok("ädä@example.com"));
    }

    #[test]
    fn an_address_cannot_hold_a_header_or_a_second_recipient() {
        for wrong in [
            "ada@example.com\r\nBcc: eve@example.com",
            "ada\n@example.com",
            "ada@example.com\r",
            "ada\0@example.com",
            "ada@exam\u{85}ple.com",
        ] {
            check(wrong, Err(AddressError::Control("address")));
        }
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example..com",
            "ada@example.com>",
            "ada@example.com> BODY=8BITMIME",
            "ada@example.com, eve@example.com",
            "ada@eve@example.com",
            "\"ada>\"@example.com",
            "a da@example.com",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "ada@example.com:25",
            "ada@example.com/x",
        ] {
            check(wrong, Err(AddressError::NoAddress));
        }
        let long = format!("{}@example.com", "a".repeat(EMAIL_CHARS_MAX));
        check(&long, Err(AddressError::TooLong { what: "address", most: EMAIL_CHARS_MAX }));
    }

    #[test]
    fn a_mailbox_is_written_with_or_without_a_name() {
        fn check(text: &str, wanted: Result<&str, AddressError>) {
            let mailbox = text.parse::<Mailbox>().map(|mailbox| mailbox.to_string());
            assert_eq!(mailbox, wanted.map(str::to_owned), "{text:?}");
        }
        check("a@b.example", Ok("a@b.example"));
        check("The Shop <a@b.example>", Ok("The Shop <a@b.example>"));
        check("\"The Shop\" <a@b.example>", Ok("The Shop <a@b.example>"));
        check("<a@b.example>", Ok("a@b.example"));
        check("Shop <a@b.example", Err(AddressError::NoMailbox));
        check("Shop <a@b.example> x", Err(AddressError::NoMailbox));
        check("Shop <a>", Err(AddressError::NoAddress));
        check("Shop\r\nBcc: e@x.example <a@b.example>", Err(AddressError::Control("name")));
        check("Shop\u{2028}x <a@b.example>", Err(AddressError::Control("name")));
    }

    #[test]
    fn a_domain_is_one_host() {
        for (text, wanted) in
            [("shop.example", Some("shop.example")), ("SHOP.example", Some("shop.example"))]
        {
            assert_eq!(Domain::new(text).as_ref().ok().map(Domain::as_str), wanted);
        }
        for wrong in ["", "a b", "a/b", "user@host", "shop.example:25", "10.0.0.1", "a..b", "a>b"] {
            assert!(Domain::new(wrong).is_err(), "{wrong}");
        }
    }
}
