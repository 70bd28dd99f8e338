//! The proof in slices on PostgreSQL: each slice is a transaction that reads one snapshot, over a
//! connection of its own. A slice that takes too long is ended by the server. What is shown is in
//! `verify.rs`.

use tokio_postgres::Client;

use super::OpenError;
use super::address::Address;
use super::error::{Error, Result};
use super::session::in_time;
use super::verify::{BEGIN, RULES, Snapshot, Statements, connect, is_damage};
use crate::limits::PROOF_STATEMENT_MAX;
use crate::proof::{self, Follow, Position, Slice};
use crate::prover::Failure;

/// What proves a database in slices.
#[derive(Debug)]
pub struct Prover {
    address: Address,
    session: Option<(Client, Statements)>,
    follow: Option<Follow>,
}

impl Prover {
    /// Of a database by its URL. It connects when a slice is first asked for.
    pub(crate) fn to(url: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self { address: Address::parse(url)?, session: None, follow: None })
    }

    /// How many steps a round has.
    pub(crate) fn steps() -> u32 {
        proof::count::<Snapshot<'_>>(RULES)
    }

    /// Looks at a slice of about so many rows. Without its answer the connection is not used again.
    pub(crate) async fn slice(
        &mut self,
        at: Position,
        rows: i64,
    ) -> std::result::Result<Slice, Failure> {
        let (client, prepared) = match self.session.take() {
            Some(session) if !session.0.is_closed() => session,
            Some(_) | None => in_time(open(&self.address)).await.map_err(failure)?,
        };
        let mut shown = Snapshot { client: &client, prepared };
        let looked_at = look(&mut shown, (at, rows), &mut self.follow).await;
        let (slice, prepared) = (looked_at.map_err(failure)?, shown.prepared);
        self.session = Some((client, prepared));
        Ok(slice)
    }
}

async fn open(address: &Address) -> Result<(Client, Statements)> {
    let client = connect(address).await?;
    let most = PROOF_STATEMENT_MAX.as_millis().to_string();
    let set = "SELECT set_config('statement_timeout', $1, false)";
    client.execute(set, &[&most]).await?;
    let prepared = Statements::of(&client).await?;
    Ok((client, prepared))
}

async fn look(
    shown: &mut Snapshot<'_>,
    at: (Position, i64),
    follow: &mut Option<Follow>,
) -> Result<Slice> {
    shown.client.batch_execute(BEGIN).await?;
    let slice = proof::slice(shown, RULES, at, follow).await?;
    shown.client.batch_execute("COMMIT").await?;
    Ok(slice)
}

fn failure(error: Error) -> Failure {
    if is_damage(&error) || matches!(error, Error::Row { .. }) {
        return Failure::Damaged(error.to_string());
    }
    // Given up after `statement_timeout`.
    if error.is_of_class(&["57"]) && error.to_string().contains("57014") {
        return Failure::Interrupted;
    }
    Failure::Unavailable(error.to_string())
}
