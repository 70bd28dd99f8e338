//! How dialects are configured: which are spoken, where, and what their clients need. Refuses what
//! would let strangers in, in words for the operator.

use std::net::{Ipv4Addr, SocketAddr};

use onhand_core::money::{Currency, ParseCurrencyError};

use super::{Anonymous, Dialect, Dialects, Place};
use crate::edge::is_local;

/// Where clients of `flow` look for it: its paths are those of `storefront`.
const FLOW_PORT: u16 = 3008;

/// Which contracts of other systems are spoken.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Dialects")]
pub struct DialectOptions {
    /// Which contract of another system is spoken, and where: storefront, stock, oms, processing or
    /// flow, then `=on`, `=off` or an address of its own to listen on. All are on but flow, which
    /// listens on 127.0.0.1:3008 when it is, as it is with --demo. May be repeated.
    #[arg(
        long = "dialect",
        value_name = "NAME=PLACE",
        env = "ONHAND_DIALECTS",
        value_delimiter = ',',
        value_parser = choice
    )]
    dialects: Vec<(Dialect, Choice)>,
    /// Answer a dialect's failures with the status that the original sends, even where it is wrong.
    #[arg(long, env = "ONHAND_DIALECTS_LITERAL_STATUS")]
    dialects_literal_status: bool,
    /// Let everybody use storefront, stock and flow without a key, as their contracts have it.
    #[arg(long, env = "ONHAND_DIALECTS_ANONYMOUS")]
    dialects_anonymous: bool,
    /// Let them do so from other machines, too.
    #[arg(long, env = "ONHAND_DIALECTS_ANONYMOUS_IS_EXPOSED", requires = "dialects_anonymous")]
    dialects_anonymous_is_exposed: bool,
    /// The currency of amounts that a dialect's client sends: an ISO 4217 code.
    #[arg(
        long,
        value_name = "CODE",
        env = "ONHAND_DIALECTS_CURRENCY",
        default_value = "INR",
        value_parser = currency
    )]
    dialects_currency: Currency,
}

/// What is said of a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    On,
    Off,
    At(SocketAddr),
}

fn choice(text: &str) -> Result<(Dialect, Choice), String> {
    let names = || Dialect::ALL.map(Dialect::as_str).join(", ");
    let (name, place) = text.split_once('=').unwrap_or((text, "on"));
    let dialect = Dialect::from_name(name);
    let dialect = dialect.ok_or_else(|| format!("`{name}` is none of {}", names()))?;
    let choice = match place {
        "on" => Choice::On,
        "off" => Choice::Off,
        address => Choice::At(address.parse().map_err(|_| {
            format!("`{address}` is neither `on` nor `off` nor an address like 127.0.0.1:3008")
        })?),
    };
    Ok((dialect, choice))
}

fn currency(text: &str) -> Result<Currency, ParseCurrencyError> {
    text.parse()
}

/// Why dialects cannot be spoken as it is configured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialectsError {
    /// Strangers could change stock.
    #[error(
        "--dialects-anonymous lets everybody who reaches {1} use the dialect `{0}` without a key: \
         say --dialects-anonymous-is-exposed if that is meant, or listen on 127.0.0.1"
    )]
    Exposed(&'static str, SocketAddr),
    /// Which of the two is meant?
    #[error("--dialect says two things of `{0}`")]
    Twice(&'static str),
}

impl DialectOptions {
    /// Puts the options together, for a server that listens on `listen`.
    ///
    /// # Errors
    /// When they contradict each other, or let strangers in.
    pub fn read(&self, listen: SocketAddr, is_demo: bool) -> Result<Dialects, DialectsError> {
        let mut places = [Place::Off; Dialect::ALL.len()];
        for (dialect, place) in Dialect::ALL.into_iter().zip(&mut places) {
            *place = self.place(dialect, listen, is_demo)?;
        }
        let anonymous = self.anonymous(&places, listen, is_demo)?;
        Ok(Dialects {
            places,
            has_literal_status: self.dialects_literal_status,
            anonymous,
            currency: Some(self.dialects_currency),
        })
    }

    fn place(
        &self,
        dialect: Dialect,
        listen: SocketAddr,
        is_demo: bool,
    ) -> Result<Place, DialectsError> {
        let mut said = self.dialects.iter().filter(|(named, _)| *named == dialect);
        let choice = said.next().map(|(_, choice)| *choice);
        if said.next().is_some() {
            return Err(DialectsError::Twice(dialect.as_str()));
        }
        // A port of its own may be somebody else's: nobody gets one who has not asked.
        let by_itself = if dialect != Dialect::Flow || is_demo { Choice::On } else { Choice::Off };
        Ok(match choice.unwrap_or(by_itself) {
            Choice::Off => Place::Off,
            Choice::At(address) => Place::Alone(address),
            Choice::On if dialect == Dialect::Flow => {
                // Whoever takes any free port, as tests do, takes any here.
                let port = if listen.port() == 0 { 0 } else { FLOW_PORT };
                Place::Alone((Ipv4Addr::LOCALHOST, port).into())
            }
            Choice::On => Place::Main,
        })
    }

    /// Who needs no key. The demo asks nobody for one who is on this machine, as long as nobody
    /// else can reach it.
    fn anonymous(
        &self,
        places: &[Place; Dialect::ALL.len()],
        listen: SocketAddr,
        is_demo: bool,
    ) -> Result<Anonymous, DialectsError> {
        let address = |place: &Place| match place {
            Place::Off => None,
            Place::Main => Some(listen),
            Place::Alone(address) => Some(*address),
        };
        let keyless = Dialect::ALL.into_iter().zip(places).filter(|(one, _)| one.is_keyless());
        let mut addresses = keyless.filter_map(|(one, place)| Some((one, address(place)?)));
        let exposed = addresses.find(|(_, address)| !is_local(address));
        match (self.dialects_anonymous, self.dialects_anonymous_is_exposed, exposed) {
            (true, true, _) => Ok(Anonymous::Everybody),
            (true, false, None) => Ok(Anonymous::Here),
            (true, false, Some((dialect, at))) => Err(DialectsError::Exposed(dialect.as_str(), at)),
            (false, _, None) if is_demo => Ok(Anonymous::Here),
            (false, _, _) => Ok(Anonymous::Nobody),
        }
    }
}

impl Dialects {
    /// Warns of what is only fit for a machine that one trusts; at every start.
    pub fn warn(&self) {
        let open = self.iter().filter(|(one, place)| *place != Place::Off && one.is_keyless());
        let open: Vec<_> = open.map(|(dialect, _)| dialect.as_str()).collect();
        let whoever = match self.anonymous {
            Anonymous::Nobody => return,
            Anonymous::Here => "whoever is on this machine",
            Anonymous::Everybody => "everybody who reaches this server",
        };
        if !open.is_empty() {
            tracing::warn!(dialects = open.join(", "), "{whoever} may change orders and stock");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: DialectOptions,
    }

    fn read(listen: &str, is_demo: bool, arguments: &str) -> Result<Dialects, String> {
        let words = ["onhand"].into_iter().chain(arguments.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let read = line.options.read(listen.parse().unwrap(), is_demo);
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn flow_takes_a_port_when_it_is_asked_for() {
        let at = |text: &str| Place::Alone(text.parse().unwrap());
        for (listen, is_demo, arguments, stock, flow) in [
            ("127.0.0.1:3000", false, "", Place::Main, Place::Off),
            ("127.0.0.1:3000", true, "", Place::Main, at("127.0.0.1:3008")),
            ("127.0.0.1:0", true, "", Place::Main, at("127.0.0.1:0")),
            ("127.0.0.1:3000", false, "--dialect flow", Place::Main, at("127.0.0.1:3008")),
            ("127.0.0.1:3000", true, "--dialect flow=off,stock=off", Place::Off, Place::Off),
            ("127.0.0.1:3000", false, "--dialect stock=[::1]:9", at("[::1]:9"), Place::Off),
        ] {
            let places = read(listen, is_demo, arguments).unwrap().places;
            let found = (places[Dialect::Stock as usize], places[Dialect::Flow as usize]);
            assert_eq!(found, (stock, flow), "{arguments}");
        }
        for wrong in ["nope=on", "stock=maybe", "stock=80", "stock=on,stock=off"] {
            assert!(read("127.0.0.1:3000", false, &format!("--dialect {wrong}")).is_err());
        }
    }

    #[test]
    fn strangers_need_a_key_unless_somebody_says_so_twice() {
        const OPEN: &str = "--dialects-anonymous";
        const EXPOSED: &str = "--dialects-anonymous --dialects-anonymous-is-exposed";
        for (listen, is_demo, arguments, wanted) in [
            ("127.0.0.1:0", false, "", Some(Anonymous::Nobody)),
            ("127.0.0.1:0", true, "", Some(Anonymous::Here)),
            ("0.0.0.0:0", true, "", Some(Anonymous::Nobody)),
            ("127.0.0.1:0", true, "--dialect flow=0.0.0.0:1", Some(Anonymous::Nobody)),
            ("127.0.0.1:0", false, OPEN, Some(Anonymous::Here)),
            ("0.0.0.0:0", false, OPEN, None),
            ("0.0.0.0:0", true, OPEN, None),
            ("0.0.0.0:0", false, EXPOSED, Some(Anonymous::Everybody)),
            ("127.0.0.1:0", false, "--dialects-anonymous-is-exposed", None),
        ] {
            let found = read(listen, is_demo, arguments).ok().map(|read| read.anonymous);
            assert_eq!(found, wanted, "{listen} {is_demo} {arguments}");
        }
    }
}
