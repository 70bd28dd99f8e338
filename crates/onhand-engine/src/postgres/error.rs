//! What goes wrong between this process and the database, and what it means for a batch, for a read
//! and for a start.

use tokio_postgres::error::{Severity, SqlState};

use crate::query::ReadError;
use crate::store::StoreError;

/// Why a statement or a row gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The server says no, or the connection is gone.
    #[error("{}", words(.0))]
    Server(#[from] tokio_postgres::Error),
    /// No answer came in time; the connection was given up.
    #[error("the database gave no answer within {0} s")]
    TimedOut(u64),
    /// The session that answers may not write: a standby, or a primary that is being demoted.
    #[error("the database is read-only{0}")]
    ReadOnly(&'static str),
    /// A setting of the server without which nothing is durable.
    #[error("the database runs with {setting} = {found}, which does not keep what was committed")]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
    },
    /// A commit ended with a warning: with a synchronous standby that means that its wait for the
    /// standby was cut off.
    #[error("no standby has confirmed the commit")]
    Unconfirmed,
    /// What came of a commit was lost on this side.
    #[error("the answer to a commit was lost")]
    Lost,
    /// A row was not at the version that was loaded.
    #[error("a row of {0} is not at the version that was loaded")]
    Guard(&'static str),
    /// A value that its column may not hold.
    #[error("corrupt row in {table}: {reason}")]
    Row {
        /// Where.
        table: &'static str,
        /// In words for the operator.
        reason: String,
    },
}

pub(super) type Result<T> = std::result::Result<T, Error>;

/// What an operator may do about a lock that was not given: the server does not say who has it.
const WHO_HAS_THE_LOCK: &str =
    "; another session keeps it: pg_blocking_pids() and pg_stat_activity tell which";

/// The server's own words; those of the driver say only that there was an error.
fn words(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(server), _) => {
            let is_lock = *server.code() == SqlState::LOCK_NOT_AVAILABLE;
            let more = if is_lock { WHO_HAS_THE_LOCK } else { "" };
            format!("{} ({}){more}", server.message(), server.code().code())
        }
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// An unreadable row.
pub(super) fn corrupt(table: &'static str, reason: impl ToString) -> Error {
    Error::Row { table, reason: reason.to_string() }
}

impl Error {
    /// Whether the server gave a code of one of these classes (its first two characters).
    pub(super) fn is_of_class(&self, classes: &[&str]) -> bool {
        let Self::Server(error) = self else { return false };
        error.code().is_some_and(|code| is_of_class(code, classes))
    }

    /// Whether the connection is of no more use.
    pub(super) fn ends_session(&self) -> bool {
        match self {
            Self::Server(error) => {
                // A session that has become read-only is on a server that was demoted; one whose
                // prepared statements are of a schema that has changed needs new ones.
                let ends = ["08", "57", "0A", "26"];
                error.as_db_error().is_none_or(|server| {
                    is_of_class(server.code(), &ends)
                        || *server.code() == SqlState::READ_ONLY_SQL_TRANSACTION
                        // The server has ended it, whatever for.
                        || matches!(
                            server.parsed_severity(),
                            Some(Severity::Fatal | Severity::Panic)
                        )
                })
            }
            Self::TimedOut(_)
            | Self::ReadOnly(_)
            | Self::NotDurable { .. }
            | Self::Unconfirmed
            | Self::Lost => true,
            Self::Guard(_) | Self::Row { .. } => false,
        }
    }
}

impl Error {
    /// Whether the same statement may well succeed in a moment: a lock that was not given, or two
    /// that make the same table.
    pub(super) fn is_passing(&self) -> bool {
        let Self::Server(error) = self else { return false };
        error.code().is_some_and(|code| {
            is_of_class(code, &["40"])
                || [
                    SqlState::LOCK_NOT_AVAILABLE,
                    SqlState::UNIQUE_VIOLATION,
                    SqlState::DUPLICATE_TABLE,
                    // A table's own type: the catalogue of types may hear of it first.
                    SqlState::DUPLICATE_OBJECT,
                ]
                .contains(code)
        })
    }
}

/// Whether a code belongs to one of these classes (its first two characters).
fn is_of_class(code: &SqlState, classes: &[&str]) -> bool {
    classes.iter().any(|class| code.code().starts_with(class))
}

impl From<Error> for StoreError {
    /// What it means for a batch of which nothing is written.
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Guard(table) => Self::Conflict { table },
            Error::Row { table, reason } => Self::Corrupt { table, reason },
            Error::TimedOut(_)
            | Error::ReadOnly(_)
            | Error::NotDurable { .. }
            | Error::Unconfirmed
            | Error::Lost => Self::Unavailable { reason },
            // A connection that was open is gone: over a new one the batch runs again.
            Error::Server(_) if error.ends_session() => {
                Self::Conflict { table: "a lost connection" }
            }
            Error::Server(error) => match error.code() {
                // Integrity, and what the server itself asks to be repeated (40001, 40P01).
                Some(code) if is_of_class(code, &["23", "40"]) => {
                    Self::Conflict { table: "a unique key" }
                }
                Some(code) if *code == SqlState::DISK_FULL => Self::Full,
                // Damaged pages and indexes.
                Some(code) if is_of_class(code, &["XX"]) => {
                    Self::Corrupt { table: "the database", reason }
                }
                Some(_) | None => Self::Unavailable { reason },
            },
        }
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Row { .. } | Error::Guard(_) => Self::Failed(reason),
            Error::Server(error)
                if error.as_db_error().is_some_and(|e| is_of_class(e.code(), &["XX"])) =>
            {
                Self::Failed(reason)
            }
            Error::Server(_)
            | Error::TimedOut(_)
            | Error::ReadOnly(_)
            | Error::NotDurable { .. }
            | Error::Unconfirmed
            | Error::Lost => Self::Unavailable(reason),
        }
    }
}
