//! What is promised of accounts: a user, a session, a key is what its events left. Rows and events
//! are each put into one line of words, in which everything stands that the log tells; the line of
//! the newest event is then held against that of the row. Who goes through the log, and for which
//! numbers at a time, is in `follow.rs`.

use std::collections::BTreeMap;

use onhand_core::Timestamp;
use onhand_core::events::EventBody;

use super::{Evidence, Offenders, Span};
use crate::report::Check;
use crate::stored::stored_version;

/// What a kind of row says of itself.
struct Kind {
    prefix: &'static str,
    /// Of the types of its events, up to the dot.
    events: &'static str,
    /// The largest number that a row has.
    newest: &'static str,
    /// Number, nothing, and the line of each row.
    rows: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        prefix: "usr",
        events: "user",
        newest: "SELECT coalesce(max(id), 0) FROM users",
        rows: "SELECT id, '', role || '/' || scopes || '/' \
             || CASE WHEN disabled THEN 'disabled' ELSE 'enabled' END || '/' || version \
             FROM users WHERE id > $1 AND id <= $2",
    },
    Kind {
        prefix: "ses",
        events: "session",
        newest: "SELECT coalesce(max(id), 0) FROM sessions",
        rows: "SELECT id, '', 'of usr_' || user_id || '/' || coalesce(ended_because, 'open') \
             FROM sessions WHERE id > $1 AND id <= $2",
    },
    Kind {
        prefix: "key",
        events: "api_key",
        newest: "SELECT coalesce(max(id), 0) FROM api_keys",
        rows: "SELECT id, '', prefix || '/' || scopes || '/' \
             || coalesce(cast(expires_at AS text), 'for ever') || '/' \
             || CASE WHEN revoked_at IS NULL THEN 'good' ELSE 'revoked' END \
             FROM api_keys WHERE id > $1 AND id <= $2",
    },
];

/// Each of these took something away.
const TAKES_RIGHTS: [&str; 3] = ["user.password_changed", "user.sessions_ended", "api_key.revoked"];
/// How often something was, and once more.
const RIGHTS: &str = "SELECT coalesce(max(rights), 0) FROM numbering";

/// What is known of one row.
#[derive(Debug, Default)]
struct Told {
    row: Option<String>,
    /// What its newest event left.
    left: Option<String>,
    events: i64,
    fault: Option<String>,
}

impl Told {
    /// Goes over an event.
    fn event(&mut self, number: i64, kind: &str, body: &str) {
        self.events += 1;
        match line(kind, body, number, self.events) {
            Ok(line) => self.left = Some(line),
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    fn fault(self) -> Option<String> {
        match (self.fault, self.row, self.left) {
            (Some(fault), _, _) => Some(fault),
            (None, row, left) if row == left => None,
            (None, Some(row), Some(left)) => Some(format!("is {row}, and its events left {left}")),
            (None, Some(_), None) => Some("has no event".into()),
            (None, None, _) => Some("has events and is not there".into()),
        }
    }
}

/// The line of what an event left; it is the `nth` of its row.
fn line(kind: &str, body: &str, number: i64, nth: i64) -> Result<String, String> {
    let wrong = |what: &str| format!("`{kind}` as event {nth} of its own: {what}");
    let is_first = matches!(kind, "user.registered" | "session.started" | "api_key.created");
    if is_first != (nth == 1) {
        return Err(wrong("it is made first, and once"));
    }
    let body: EventBody = serde_json::from_str(body).map_err(|error| wrong(&error.to_string()))?;
    let (id, line) = match body {
        EventBody::User(user) => {
            if stored_version(user.version) != nth {
                return Err(wrong("a version is missing"));
            }
            let state = if user.disabled { "disabled" } else { "enabled" };
            let (role, scopes) = (user.role.as_str(), user.scopes);
            (user.id.number(), format!("{role}/{scopes}/{state}/{}", user.version))
        }
        EventBody::Session(session) => {
            if is_first != session.because.is_none() || nth > 2 {
                return Err(wrong("it ends once, and for a reason"));
            }
            let state = session.because.map_or("open", |reason| reason.as_str());
            (session.id.number(), format!("of {}/{state}", session.user_id))
        }
        EventBody::ApiKey(key) => {
            let state = if is_first { "good" } else { "revoked" };
            let (prefix, scopes) = (key.prefix, key.scopes);
            let ends = key.expires_at.map(Timestamp::as_microsecond);
            let ends = ends.map_or_else(|| "for ever".to_owned(), |ends| ends.to_string());
            (key.id.number(), format!("{prefix}/{scopes}/{ends}/{state}"))
        }
        EventBody::Product(_)
        | EventBody::Sync(_)
        | EventBody::Shortfall(_)
        | EventBody::Category(_)
        | EventBody::Location(_)
        | EventBody::Stock(_)
        | EventBody::Level { .. }
        | EventBody::Reservations(_)
        | EventBody::Order(_)
        | EventBody::Endpoint(_)
        | EventBody::Import(_) => return Err(wrong("it is about something else")),
        EventBody::DeadLetter(_) | EventBody::Proof(_) => {
            return Err(wrong("it is about something else"));
        }
    };
    if id == number { Ok(line) } else { Err(wrong("it is about another one")) }
}

/// Accounts as the log has left them so far, by kind and number.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    told: [BTreeMap<i64, Told>; 3],
    /// The largest number that an event is about.
    newest: i64,
    /// How often something was taken away from somebody.
    rights: i64,
}

impl Accounts {
    /// Goes over an event: its type, and the number that it is about.
    pub(super) fn event(&mut self, window: Span, (kind, subject): (&str, &str), body: &str) {
        let of = kind.split('.').next();
        let Some(at) = KINDS.iter().position(|one| Some(one.events) == of) else { return };
        self.rights += i64::from(TAKES_RIGHTS.contains(&kind));
        let number = subject.parse().unwrap_or(0);
        self.newest = self.newest.max(number);
        if number > window.after && number <= window.to {
            self.told[at].entry(number).or_default().event(number, kind, body);
        }
    }

    /// Holds the accounts of a window of numbers against their events. Answers the largest number
    /// that there is.
    pub(super) async fn compare<E: Evidence>(
        self,
        evidence: &mut E,
        window: Span,
        checks: &mut Vec<Check>,
    ) -> Result<i64, E::Error> {
        let (mut found, mut looked_at, mut newest) = (Offenders::default(), 0, self.newest);
        let rights = evidence.number(RIGHTS).await?;
        if rights <= self.rights {
            found.add(format!("numbering: rights {rights}"));
        }
        for (kind, mut all) in KINDS.iter().zip(self.told) {
            newest = newest.max(evidence.number(kind.newest).await?);
            let mut row = |number: i64, _: &str, line: &str| {
                looked_at += 1;
                all.entry(number).or_default().row = Some(line.to_owned());
            };
            evidence.told(kind.rows, window, &mut row).await?;
            for (number, told) in all {
                if let Some(fault) = told.fault() {
                    found.add(format!("{}_{number} {fault}", kind.prefix));
                }
            }
        }
        let promise = "users, sessions and keys are what their events left";
        checks.push(found.into_check("I26", promise, looked_at));
        Ok(newest)
    }
}
