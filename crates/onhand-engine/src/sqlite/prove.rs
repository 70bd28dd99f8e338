//! The proof in slices on SQLite: each slice is a snapshot of the file over one connection that
//! cannot write, and ends early when somebody pulls the brake. What is shown is in `verify.rs`.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use rusqlite::{Connection, ErrorCode};

use super::verify::{NOTHING, Outcomes, Snapshot, levels_as_of_now, own};
use super::{OpenError, lists, open_reader};
use crate::limits::PROOF_BRAKE_STEPS;
use crate::proof::{self, Follow, Position, Slice};
use crate::prover::{Brake, Failure};

/// What proves a file in slices.
#[derive(Debug)]
pub struct Prover {
    path: PathBuf,
    opened: Option<Opened>,
    follow: Option<Follow>,
}

#[derive(Debug)]
struct Opened {
    connection: Connection,
    has_lists: bool,
}

impl Prover {
    /// Of a file. It is opened when a slice is first asked for.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), opened: None, follow: None }
    }

    /// How many steps a round has.
    pub(crate) fn steps() -> u32 {
        // How many windows of outcomes there are makes no difference to that.
        proof::count::<Snapshot<'_>>(&own(&[], NOTHING, true))
    }

    /// Looks at a slice of about so many rows. Without its answer the connection is not used again.
    pub(crate) fn slice(
        &mut self,
        at: Position,
        rows: i64,
        brake: &Brake,
    ) -> Result<Slice, Failure> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => open(&self.path, brake).map_err(|error| Failure::of(&error))?,
        };
        let looked_at = look(&opened, (at, rows), &mut self.follow);
        let slice = looked_at.map_err(|error| failure(&error, brake))?;
        self.opened = Some(opened);
        Ok(slice)
    }
}

fn open(path: &Path, brake: &Brake) -> Result<Opened, OpenError> {
    let mut connection = open_reader(path)?;
    let has_lists = lists::path_of(path).exists();
    if has_lists {
        lists::attach(&connection, path)?;
    }
    let brake = brake.clone();
    connection.progress_handler(PROOF_BRAKE_STEPS, Some(move || brake.is_pulled()))?;
    Ok(Opened { connection, has_lists })
}

fn look(
    opened: &Opened,
    (at, rows): (Position, i64),
    follow: &mut Option<Follow>,
) -> rusqlite::Result<Slice> {
    let Opened { connection, has_lists } = opened;
    let snapshot = connection.unchecked_transaction()?;
    if *has_lists {
        // Before anything else: then the lists are not newer than the rows.
        lists::Progress::read(&snapshot)?;
    }
    let outcomes = Outcomes::of(&snapshot)?;
    let (counted, mut finds) = outcomes.asked();
    finds.extend(NOTHING);
    let own = own(&counted, &finds, *has_lists);
    if proof::needs_levels::<Snapshot<'_>>(&own, at) {
        levels_as_of_now(&snapshot)?;
    }
    let mut shown = Snapshot(&snapshot);
    let slice = proof::slice(&mut shown, &own, (at, rows), follow).now_or_never();
    snapshot.rollback()?;
    match slice {
        Some(slice) => slice,
        None => unreachable!("nothing that is asked of a file of this machine is waited for"),
    }
}

impl Failure {
    fn of(error: &OpenError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn failure(error: &rusqlite::Error, brake: &Brake) -> Failure {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) if brake.is_pulled() => Failure::Interrupted,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
            Failure::Damaged(reason)
        }
        Some(_) => Failure::Unavailable(reason),
        // A value that its column may not hold.
        None => Failure::Damaged(reason),
    }
}
