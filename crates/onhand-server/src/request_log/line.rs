//! What a line of the request log says, and in which form. All that somebody else has sent passes
//! through `mask.rs`; addresses of clients are told as far as the network that they are in.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderValue, Version};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use onhand_core::Timestamp;
use onhand_core::ids::{ApiKeyId, UserId};
use serde::Serialize;

use super::mask;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The common log format, which every tool reads.
    Common,
    /// An object.
    Json,
}

/// Who has asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Who {
    /// Nobody whom we know, or nobody had to say.
    #[default]
    Nobody,
    /// Somebody who needs no key here.
    Anonymous,
    /// A user.
    User(UserId),
    /// A program with a key.
    Key(ApiKeyId),
}

impl Who {
    fn name(self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Anonymous => Some("anonymous".to_owned()),
            Self::User(id) => Some(id.to_string()),
            Self::Key(id) => Some(id.to_string()),
        }
    }
}

/// A request that has come to its end.
#[derive(Debug, Clone)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// One of those that are known, or `other`.
    pub method: &'static str,
    /// As it was sent, without the query.
    pub path: String,
    /// The template of its route.
    pub route: Option<axum::extract::MatchedPath>,
    /// Of HTTP.
    pub version: Version,
    /// None where the client went away before there was an answer.
    pub status: Option<u16>,
    /// Until the answer had gone.
    pub took: Duration,
    /// Of the answer's body.
    pub bytes: u64,
    /// The id of the request.
    pub id: Option<HeaderValue>,
    /// Who has asked.
    pub who: Who,
    /// From where.
    pub address: IpAddr,
    /// Of which contract the route is.
    pub dialect: Option<&'static str>,
}

#[derive(Serialize)]
struct Shown<'a> {
    time: String,
    method: &'a str,
    path: &'a str,
    route: Option<&'a str>,
    status: Option<u16>,
    duration_ms: f64,
    bytes: u64,
    request_id: Option<&'a str>,
    who: Option<String>,
    address: String,
    dialect: Option<&'a str>,
}

impl Line {
    /// Appends the line, without its end.
    pub(super) fn put(&self, form: Form, text: &mut String) {
        let route = self.route.as_ref().map(axum::extract::MatchedPath::as_str);
        let path = mask::path(&self.path, route);
        match form {
            Form::Common => self.put_common(&path, text),
            Form::Json => self.put_json(&path, route, text),
        }
    }

    fn put_common(&self, path: &str, text: &mut String) {
        let who = self.who.name();
        let who = who.as_deref().unwrap_or("-");
        let at = self.at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let (address, method, version) = (network(self.address), self.method, self.version);
        // A string takes whatever is written to it.
        let _ = write!(text, "{address} - {who} [{at}] \"{method} {path} {version:?}\" ");
        // What nginx writes for a client that went away.
        let _ = write!(text, "{} ", self.status.unwrap_or(499));
        let _ = match self.bytes {
            0 => write!(text, "-"),
            bytes => write!(text, "{bytes}"),
        };
    }

    fn put_json(&self, path: &str, route: Option<&str>, text: &mut String) {
        let id = self.id.as_ref().and_then(|id| id.to_str().ok()).map(mask::id);
        let shown = Shown {
            time: format!("{:.6}", self.at),
            method: self.method,
            path,
            route,
            status: self.status,
            duration_ms: self.took.as_micros() as f64 / 1e3,
            bytes: self.bytes,
            request_id: id,
            who: self.who.name(),
            address: network(self.address).to_string(),
            dialect: self.dialect,
        };
        match serde_json::to_string(&shown) {
            Ok(line) => text.push_str(&line),
            Err(error) => tracing::error!(%error, "a request without words"),
        }
    }
}

/// The network that an address is in: 256 neighbours of IPv4, a site of IPv6. Who exactly it is is
/// nobody's business a week later.
fn network(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    if address.is_loopback() {
        return address;
    }
    match address {
        IpAddr::V4(address) => {
            Ipv4Net::new(address, 24).map_or(IpAddr::V4(address), |net| IpNet::V4(net).network())
        }
        IpAddr::V6(address) => {
            Ipv6Net::new(address, 48).map_or(IpAddr::V6(address), |net| IpNet::V6(net).network())
        }
    }
}

#[cfg(test)]
impl Line {
    /// A request as there are many.
    pub(super) fn example() -> Self {
        Self {
            at: "2026-11-22T05:06:07.000089Z".parse().unwrap(),
            method: "GET",
            path: "/v1/orders/ord_42".to_owned(),
            route: None,
            version: Version::HTTP_11,
            status: Some(200),
            took: Duration::from_micros(1_234),
            bytes: 615,
            id: Some(HeaderValue::from_static("job-7")),
            who: Who::Key(ApiKeyId::new(3).unwrap()),
            address: "203.0.113.77".parse().unwrap(),
            dialect: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, line: &Line) -> String {
        let mut text = String::new();
        line.put(form, &mut text);
        text
    }

    #[test]
    fn a_line_in_both_forms() {
        let line = Line::example();
        let common = "203.0.113.0 - key_3 [22/Nov/2026:05:06:07 +0000] \
                      \"GET /v1/orders/ord_42 HTTP/1.1\" 200 615";
        assert_eq!(written(Form::Common, &line).trim_end(), common);
        let json: serde_json::Value = serde_json::from_str(&written(Form::Json, &line)).unwrap();
        let wanted = serde_json::json!({
            "time": "2026-11-22T05:06:07.000089Z", "method": "GET", "path": "/v1/orders/ord_42",
            "route": null, "status": 200, "duration_ms": 1.234, "bytes": 615,
            "request_id": "job-7", "who": "key_3", "address": "203.0.113.0", "dialect": null
        });
        assert_eq!(json, wanted);
        let gone = Line { status: None, bytes: 0, who: Who::Nobody, id: None, ..line };
        let common = "203.0.113.0 - - [22/Nov/2026:05:06:07 +0000] \
                      \"GET /v1/orders/ord_42 HTTP/1.1\" 499 -";
        assert_eq!(written(Form::Common, &gone).trim_end(), common);
    }

    #[test]
    fn whatever_is_sent_it_is_one_line_without_people_and_secrets() {
        let hostile = [
            "/a\nb",
            "/a\r\nSet-Cookie: x",
            "/\u{1b}[31mred",
            "/\" 200 0 \"",
            "/ann@shop.example",
            "/x/onk_c2VjcmV0_1a2b",
            "/4111111111111111",
        ];
        for path in hostile {
            let id = HeaderValue::from_bytes(path.trim_start_matches('/').as_bytes());
            let line = Line { path: path.to_owned(), id: id.ok(), ..Line::example() };
            for form in [Form::Common, Form::Json] {
                let text = written(form, &line);
                assert!(text.bytes().all(|one| (b' '..=b'~').contains(&one)), "{text:?}");
                for part in ["@", "onk_", "4111", "Cookie", "red", "\" 200 0"] {
                    assert!(!text.contains(part), "{path:?}: {text}");
                }
                let quotes = text.matches('"').count();
                assert!(form == Form::Json || quotes == 2, "{text}");
            }
            let json = written(Form::Json, &line);
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    }

    #[test]
    fn clients_are_known_as_far_as_their_network() {
        for (address, wanted) in [
            ("127.0.0.1", "127.0.0.1"),
            ("203.0.113.77", "203.0.113.0"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::1", "::1"),
        ] {
            assert_eq!(network(address.parse().unwrap()).to_string(), wanted);
        }
    }
}
