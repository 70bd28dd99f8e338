//! What imports say of themselves, held against the log and the ledger: each was begun by the event
//! whose number it has, its rows add up, and the ledger has at least the movements that it counts.
//! At least: anybody may give a movement of his own the same reference. Who goes through the log is
//! in `follow.rs`.

use std::collections::HashMap;

use onhand_core::EventBody;
use onhand_core::imports::{ImportRow, State};

use super::{Evidence, Offenders, Span};
use crate::report::Check;

/// All of a table at once: they are few.
const ONCE: Span = Span { after: 0, to: 1 };
const IMPORTS: &str = "SELECT id, document, '' FROM imports \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) ORDER BY id";
const MOVEMENTS: &str = "SELECT count(*), reference, '' FROM movements WHERE kind = 'counted' \
     AND reason = 'import' AND reference LIKE 'imp\\_%' ESCAPE '\\' \
     AND CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) GROUP BY reference";

/// Imports as the log has left them so far.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Types of the events of each, in their order.
    told: HashMap<i64, Vec<String>>,
    faults: Vec<String>,
}

impl Imports {
    /// Goes over an event.
    pub(super) fn event(&mut self, seq: i64, kind: &str, body: &str) {
        match serde_json::from_str(body) {
            Ok(EventBody::Import(import)) => {
                let told = self.told.entry(import.id.number()).or_default();
                told.push(format!("{kind} {seq}"));
            }
            Ok(_) => self.faults.push(format!("event {seq} is about something else")),
            Err(error) => self.faults.push(format!("event {seq}: {error}")),
        }
    }

    /// Holds the imports against their events and the ledger.
    pub(super) async fn compare<E: Evidence>(
        self,
        evidence: &mut E,
        checks: &mut Vec<Check>,
    ) -> Result<(), E::Error> {
        let Self { mut told, faults } = self;
        let mut counted: HashMap<String, i64> = HashMap::new();
        let mut count = |movements: i64, reference: &str, _: &str| {
            counted.insert(reference.to_owned(), movements);
        };
        evidence.told(MOVEMENTS, ONCE, &mut count).await?;
        let (mut found, mut imports) = (Offenders::default(), 0);
        faults.into_iter().for_each(|fault| found.add(fault));
        let mut import = |id: i64, document: &str, _: &str| {
            imports += 1;
            let told = told.remove(&id).unwrap_or_default();
            if let Some(fault) = fault_of(id, document, &told, &counted) {
                found.add(format!("imp_{id} {fault}"));
            }
        };
        evidence.told(IMPORTS, ONCE, &mut import).await?;
        for id in told.keys() {
            found.add(format!("imp_{id} has events and is not there"));
        }
        let promise = "imports were begun by their event, and their rows and movements add up";
        checks.push(found.into_check("I27", promise, imports));
        Ok(())
    }
}

fn fault_of(
    id: i64,
    document: &str,
    told: &[String],
    counted: &HashMap<String, i64>,
) -> Option<String> {
    let import = match serde_json::from_str::<ImportRow>(document) {
        Ok(row) => row.import,
        Err(error) => return Some(error.to_string()),
    };
    if import.id.number() != id {
        return Some(format!("is that of {}", import.id));
    }
    let ends = match import.state {
        State::Receiving => None,
        State::Completed => Some("import.completed"),
        State::Failed => Some("import.failed"),
    };
    let is_begun = told.first().is_some_and(|first| *first == format!("import.started {id}"));
    let is_ended = match (told.get(1), ends) {
        (None, None) => true,
        (Some(told), Some(kind)) => told.starts_with(kind),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !is_begun || !is_ended || told.len() > 2 {
        return Some(format!("is {}, and its events are {told:?}", import.state.as_str()));
    }
    let (rows, tally) = (import.position.rows, import.tally.rows());
    if rows != tally {
        return Some(format!("has taken {rows} rows and tells of {tally}"));
    }
    let movements = counted.get(&import.id.to_string()).copied().unwrap_or(0);
    let made = i64::try_from(import.tally.counted).unwrap_or(i64::MAX);
    let is_there = import.plan.dry_run || made <= movements;
    (!is_there).then(|| format!("has made {made} movements, and {movements} are there"))
}
