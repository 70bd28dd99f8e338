//! What is a fold of the log and of nothing else: accounts, webhook endpoints, imports. The log is
//! read once for all of them, in one go or in slices, and what its events left is then held against
//! the rows. Accounts are looked at some numbers at a time, so that many take no more memory than
//! few: where there are more, the log is read again for the next ones.

use super::accounts::Accounts;
use super::imports::Imports;
use super::outbox::Endpoints;
use super::spans::Over;
use super::{Evidence, Span};
use crate::report::Check;

/// Type and subject of each event that is folded, and what it left.
const EVENTS: &str = "SELECT seq, kind || ' ' || subject, body FROM events \
     WHERE seq > $1 AND seq <= $2 AND (kind LIKE 'user.%' OR kind LIKE 'session.%' \
     OR kind LIKE 'api_key.%' OR kind LIKE 'webhook_endpoint.%' OR kind LIKE 'import.%') \
     ORDER BY seq";

/// What the log has left so far.
#[derive(Debug)]
pub(crate) struct Follow {
    /// Numbers of accounts that are looked at.
    window: Span,
    /// The last event that was folded.
    reached: i64,
    accounts: Accounts,
    endpoints: Endpoints,
    imports: Imports,
}

impl Follow {
    /// Before the first event, for accounts after a number.
    pub(super) fn after(after: i64, most: i64) -> Self {
        Self {
            window: Span { after, to: after.saturating_add(most) },
            reached: 0,
            accounts: Accounts::default(),
            endpoints: Endpoints::default(),
            imports: Imports::default(),
        }
    }

    /// The number of an account after which it looks.
    pub(super) fn after_number(&self) -> i64 {
        self.window.after
    }

    /// Folds the next events, at most so many: how many there were, and whether they are all.
    pub(super) async fn read<E: Evidence>(
        &mut self,
        evidence: &mut E,
        most: i64,
    ) -> Result<(i64, bool), E::Error> {
        let Some((span, rows)) = Over::Events.span(evidence, self.reached, most).await? else {
            return Ok((0, true));
        };
        let (window, is_first) = (self.window, self.window.after == 0);
        let (accounts, endpoints, imports) =
            (&mut self.accounts, &mut self.endpoints, &mut self.imports);
        let mut event = |seq: i64, of: &str, body: &str| {
            let (kind, subject) = of.split_once(' ').unwrap_or((of, ""));
            match kind.split('.').next() {
                Some("webhook_endpoint") if is_first => endpoints.event(seq, kind, body),
                Some("import") if is_first => imports.event(seq, kind, body),
                Some("webhook_endpoint" | "import") => {}
                Some(_) | None => accounts.event(window, (kind, subject), body),
            }
        };
        evidence.told(EVENTS, span, &mut event).await?;
        self.reached = span.to;
        Ok((rows, rows < most))
    }

    /// Holds what was left against the rows of the same snapshot. Answers after which number of an
    /// account it is to go on, if there are more.
    pub(super) async fn compare<E: Evidence>(
        self,
        evidence: &mut E,
        checks: &mut Vec<Check>,
    ) -> Result<Option<i64>, E::Error> {
        let is_first = self.window.after == 0;
        let newest = self.accounts.compare(evidence, self.window, checks).await?;
        if is_first {
            self.endpoints.compare(evidence, checks).await?;
            self.imports.compare(evidence, checks).await?;
        }
        Ok((newest > self.window.to).then_some(self.window.to))
    }
}

/// Reads the whole log and holds everything against it, in one snapshot.
pub(super) async fn prove<E: Evidence>(
    evidence: &mut E,
    together: i64,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let mut after = Some(0);
    let first = checks.len();
    while let Some(number) = after {
        let mut follow = Follow::after(number, together);
        follow.read(evidence, i64::MAX).await?;
        let known = checks.len();
        after = follow.compare(evidence, checks).await?;
        // Of other accounts the same is promised.
        if number > 0 {
            for check in checks.split_off(known) {
                checks[first].add(check);
            }
        }
    }
    Ok(())
}
