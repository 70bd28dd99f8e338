//! What is promised of accounts: a user, a session, a key is what its events left. Rows and events
//! are each put into one line of words, in which everything stands that the log tells; the line of
//! the newest event is then held against that of the row. Some numbers are looked at together, so
//! that many accounts take no more memory than few.

use std::collections::BTreeMap;

use onhand_core::Timestamp;
use onhand_core::events::EventBody;

use super::{Evidence, Offenders, Span};
use crate::report::Check;
use crate::stored::stored_version;

/// Numbers of one kind that are looked at together.
const TOGETHER_MAX: i64 = 65_536;

/// What a kind of row says of itself, and where the log speaks of it.
struct Kind {
    prefix: &'static str,
    /// The largest number that a row or an event has.
    newest: &'static str,
    /// Number, nothing, and the line of each row.
    rows: &'static str,
    /// Number, type and body of each event, in their order.
    events: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        prefix: "usr",
        newest: "SELECT coalesce(max(n.n), 0) FROM (SELECT max(id) AS n FROM users UNION ALL \
             SELECT max(subject) FROM events WHERE kind LIKE 'user.%') n",
        rows: "SELECT id, '', role || '/' || scopes || '/' \
             || CASE WHEN disabled THEN 'disabled' ELSE 'enabled' END || '/' || version \
             FROM users WHERE id > $1 AND id <= $2",
        events: "SELECT subject, kind, body FROM events WHERE kind LIKE 'user.%' \
             AND subject > $1 AND subject <= $2 ORDER BY seq",
    },
    Kind {
        prefix: "ses",
        newest: "SELECT coalesce(max(n.n), 0) FROM (SELECT max(id) AS n FROM sessions UNION ALL \
             SELECT max(subject) FROM events WHERE kind LIKE 'session.%') n",
        rows: "SELECT id, '', 'of usr_' || user_id || '/' || coalesce(ended_because, 'open') \
             FROM sessions WHERE id > $1 AND id <= $2",
        events: "SELECT subject, kind, body FROM events WHERE kind LIKE 'session.%' \
             AND subject > $1 AND subject <= $2 ORDER BY seq",
    },
    Kind {
        prefix: "key",
        newest: "SELECT coalesce(max(n.n), 0) FROM (SELECT max(id) AS n FROM api_keys UNION ALL \
             SELECT max(subject) FROM events WHERE kind LIKE 'api_key.%') n",
        rows: "SELECT id, '', prefix || '/' || scopes || '/' \
             || coalesce(cast(expires_at AS text), 'for ever') || '/' \
             || CASE WHEN revoked_at IS NULL THEN 'good' ELSE 'revoked' END \
             FROM api_keys WHERE id > $1 AND id <= $2",
        events: "SELECT subject, kind, body FROM events WHERE kind LIKE 'api_key.%' \
             AND subject > $1 AND subject <= $2 ORDER BY seq",
    },
];

/// Each of these took something away.
const RIGHTS: &str = "SELECT 'numbering: rights ' || rights FROM numbering WHERE rights <= ( \
     SELECT count(*) FROM events WHERE kind IN ('user.password_changed', 'user.sessions_ended', \
     'api_key.revoked'))";

/// What is known of one row.
#[derive(Default)]
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
        EventBody::DeadLetter(_) => return Err(wrong("it is about something else")),
    };
    if id == number { Ok(line) } else { Err(wrong("it is about another one")) }
}

/// Holds every account against its events.
pub(super) async fn prove<E: Evidence>(
    evidence: &mut E,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let (mut found, mut looked_at) = (Offenders::default(), 0);
    evidence.offenders(RIGHTS, &mut found).await?;
    for kind in &KINDS {
        let newest = evidence.number(kind.newest).await?;
        let mut after = 0;
        while after < newest {
            let span = Span { after, to: after.saturating_add(TOGETHER_MAX) };
            let mut all: BTreeMap<i64, Told> = BTreeMap::new();
            let mut row = |number: i64, _: &str, line: &str| {
                looked_at += 1;
                all.entry(number).or_default().row = Some(line.to_owned());
            };
            evidence.told(kind.rows, span, &mut row).await?;
            let mut event = |number: i64, kind: &str, body: &str| {
                all.entry(number).or_default().event(number, kind, body);
            };
            evidence.told(kind.events, span, &mut event).await?;
            for (number, told) in all {
                if let Some(fault) = told.fault() {
                    found.add(format!("{}_{number} {fault}", kind.prefix));
                }
            }
            after = span.to;
        }
    }
    let promise = "users, sessions and keys are what their events left";
    checks.push(found.into_check("I26", promise, looked_at));
    Ok(())
}
