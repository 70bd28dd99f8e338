//! The proof beside a running server: slice by slice (`proof/slices.rs`), each in a short snapshot
//! over a connection of its own that cannot write. It knows where it is and nothing of when it is
//! time; that is for whoever asks. Never repairs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::limits::PROOF_ROWS_PER_SLICE;
pub use crate::proof::{Position, Slice};
use crate::report::{Check, Violation};
use crate::{postgres, sqlite};

/// Why a slice came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// Somebody pulled the brake.
    #[error("it was interrupted")]
    Interrupted,
    /// The database is away, or says no.
    #[error("{0}")]
    Unavailable(String),
}

/// Ends a slice that is being looked at. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Brake(Arc<AtomicBool>);

impl Brake {
    /// Ends the slice that is being looked at, and every one until the brake is released.
    pub fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets slices be looked at.
    pub fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_pulled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Looks at slices of one database.
#[derive(Debug)]
pub struct Prover {
    of: Of,
    brake: Brake,
    rows: i64,
}

#[derive(Debug)]
enum Of {
    /// Away while a slice is looked at on another thread.
    Sqlite(Option<Box<sqlite::Prover>>),
    Postgres(Box<postgres::Prover>),
}

impl Prover {
    pub(crate) fn of_file(prover: sqlite::Prover) -> Self {
        let of = Of::Sqlite(Some(Box::new(prover)));
        Self { of, brake: Brake::default(), rows: PROOF_ROWS_PER_SLICE }
    }

    pub(crate) fn of_server(prover: postgres::Prover) -> Self {
        let of = Of::Postgres(Box::new(prover));
        Self { of, brake: Brake::default(), rows: PROOF_ROWS_PER_SLICE }
    }

    /// With slices of another size.
    #[must_use]
    pub fn with_rows(self, rows: i64) -> Self {
        Self { rows, ..self }
    }

    /// What ends a slice that takes too long.
    pub fn brake(&self) -> Brake {
        self.brake.clone()
    }

    /// How many steps a round has.
    pub fn steps(&self) -> u32 {
        match self.of {
            Of::Sqlite(_) => sqlite::Prover::steps(),
            Of::Postgres(_) => postgres::Prover::steps(),
        }
    }

    /// Looks at the slice at a position. What is damaged so that it cannot be read is a broken
    /// promise as well, and the rest of its step is passed over.
    ///
    /// # Errors
    /// [`ProverError`]; nothing is known of the slice then.
    pub async fn slice(&mut self, at: Position) -> Result<Slice, ProverError> {
        let looked_at = match &mut self.of {
            Of::Postgres(prover) => prover.slice(at, self.rows).await,
            Of::Sqlite(prover) => {
                let Some(mut own) = prover.take() else { return Err(ProverError::Interrupted) };
                let (brake, rows) = (self.brake.clone(), self.rows);
                let work = move || {
                    let looked_at = own.slice(at, rows, &brake);
                    (own, looked_at)
                };
                match tokio::task::spawn_blocking(work).await {
                    Ok((own, looked_at)) => {
                        *prover = Some(own);
                        looked_at
                    }
                    Err(error) => return Err(ProverError::Unavailable(error.to_string())),
                }
            }
        };
        let is_last = at.step + 1 >= self.steps();
        looked_at.or_else(|failure| match failure {
            Failure::Interrupted => Err(ProverError::Interrupted),
            Failure::Unavailable(reason) => Err(ProverError::Unavailable(reason)),
            Failure::Damaged(reason) => Ok(Slice {
                broken: vec![damaged(reason)],
                rows: 0,
                next: (!is_last).then(|| at.next_step()),
            }),
        })
    }
}

/// Why a store could not show a slice.
#[derive(Debug)]
pub(crate) enum Failure {
    Interrupted,
    /// What is stored cannot be read: a page, an index, a figure that no rule can have written.
    Damaged(String),
    Unavailable(String),
}

fn damaged(reason: String) -> Check {
    Check {
        id: "storage",
        promise: "what is stored can be read",
        rows: 0,
        violations: 1,
        offenders: vec![Violation { offender: reason }],
    }
}
