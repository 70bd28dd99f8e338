//! A round of the proof in slices, and what it is to find: everything that `verify` finds.

use onhand_engine::Location;
use onhand_engine::database;
use onhand_engine::prover::{Position, Prover};
use onhand_engine::report::Check;

/// More slices than a round over a history of the tests can have.
const SLICES_MAX: usize = 10_000;

/// Goes on from a position to the end of the round, with slices of so many rows.
pub(crate) async fn round_from(location: &Location, from: Position, rows: i64) -> Vec<Check> {
    let mut prover = database::prover(location).unwrap().with_rows(rows);
    let (mut at, mut broken) = (Some(from), Vec::new());
    for _ in 0..SLICES_MAX {
        let Some(here) = at else { return broken };
        at = slice(&mut prover, here, &mut broken).await;
    }
    panic!("no end of it: at {at:?}");
}

/// Looks at one slice, and says where the next one is.
pub(crate) async fn slice(
    prover: &mut Prover,
    at: Position,
    broken: &mut Vec<Check>,
) -> Option<Position> {
    let slice = prover.slice(at).await.unwrap();
    broken.extend(slice.broken);
    if let Some(next) = slice.next {
        assert!(next.step < prover.steps() && next.step >= at.step, "{at:?} before {next:?}");
    }
    slice.next
}

/// Shows that a round sees a corruption as the proof in one go does. Of sums over everything it
/// tells by what they are made of.
pub(crate) fn expect_seen(broken: &[Check], corruption: &str, wanted: &str) {
    let seen: Vec<_> = broken.iter().map(|check| check.id).collect();
    let by_parts = match wanted {
        "I6a" => "I6b",
        "I9" => "I25",
        _ => wanted,
    };
    let is_seen = seen.contains(&wanted) || seen.contains(&by_parts);
    assert!(is_seen, "{corruption}: a round sees {seen:?}, and not {wanted}");
}

/// Shows that rounds over a sound database find nothing, with slices of any size and from wherever
/// one was interrupted.
pub(crate) async fn expect_no_alarm(location: &Location) {
    for rows in [1, 7, 2_048] {
        let broken = round_from(location, Position::default(), rows).await;
        assert!(broken.is_empty(), "slices of {rows}: {broken:#?}");
    }
    let mut prover = database::prover(location).unwrap().with_rows(5);
    let (mut at, mut broken) = (Some(Position::default()), Vec::new());
    let mut stops = Vec::new();
    while let Some(here) = at {
        stops.push(here);
        at = slice(&mut prover, here, &mut broken).await;
    }
    for from in stops.into_iter().step_by(9) {
        let broken = round_from(location, from, 4).await;
        assert!(broken.is_empty(), "from {from:?}: {broken:#?}");
    }
}
