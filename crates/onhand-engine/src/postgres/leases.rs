//! Leases: the right to do what is scheduled, held by one process at a time and given up by itself
//! when that process is gone. A row per name says who has it until when, by the database's clock.
//! What is done under a lease must be safe to do twice: a process that was stopped for long finds
//! out late.

use std::time::Duration;

use tokio::sync::Mutex;

use super::address::Address;
use super::error::Result;
use super::session::{Session, in_time};

const HOLD: &str = "INSERT INTO leases AS l (name, holder, expires_at) \
     VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::int8 + $3) \
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
     WHERE l.holder = excluded.holder OR l.expires_at + $3 < excluded.expires_at RETURNING name";
const RELEASE: &str = "DELETE FROM leases WHERE holder = $1";

/// The leases of one process.
#[derive(Debug)]
pub struct Leases {
    address: Address,
    holder: i64,
    session: Mutex<Option<Session>>,
}

impl Leases {
    pub(super) fn new(address: Address, holder: i64) -> Self {
        Self { address, holder, session: Mutex::default() }
    }

    /// Takes or keeps a lease for a time; says whether this process has it. Not when the database
    /// is away: then nothing that is scheduled can be done either.
    pub(crate) async fn hold(&self, name: &str, time: Duration) -> bool {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let mut session = self.session.lock().await;
        let held = in_time(async {
            let session = open(&self.address, &mut session).await?;
            let rows = session.client().query(HOLD, &[&name, &self.holder, &micros]).await?;
            Ok(!rows.is_empty())
        });
        held.await.unwrap_or_else(|error| {
            tracing::debug!(%error, name, "no lease");
            *session = None;
            false
        })
    }

    /// Gives back what this process holds, so that another one need not wait.
    pub(crate) async fn release(&self) {
        let mut session = self.session.lock().await;
        let released = in_time(async {
            let session = open(&self.address, &mut session).await?;
            session.client().execute(RELEASE, &[&self.holder]).await?;
            Ok(())
        });
        if let Err(error) = released.await {
            tracing::debug!(%error, "leases are left to run out");
        }
    }
}

async fn open<'a>(address: &Address, session: &'a mut Option<Session>) -> Result<&'a Session> {
    match session {
        Some(open) if !open.is_closed() => {}
        Some(_) | None => *session = Some(Session::open(address).await?),
    }
    session.as_ref().ok_or(super::error::Error::Guard("leases"))
}
