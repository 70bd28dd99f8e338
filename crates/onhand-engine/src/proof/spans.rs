//! Tables that are gone through by spans of their keys, so many rows at a time. A span ends at a
//! row that is there: a key that is far off costs no more than one beside it.

use super::{Evidence, Span};

/// All keys that there can be.
pub(super) const ALL: Span = Span { after: i64::MIN, to: i64::MAX };

/// What is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// By id.
    Batches,
    /// By position.
    Movements,
    /// By position.
    Events,
    /// By product.
    Levels,
    /// By id.
    Reservations,
    /// By id.
    Orders,
    /// By id.
    Users,
    /// By id.
    Sessions,
    /// By id.
    Keys,
    /// By id.
    Notices,
    /// By id.
    Jobs,
    /// By run.
    SyncRows,
}

/// The last of so many keys (`$2`) after one (`$1`), and how many those are.
macro_rules! next {
    ($key:literal, $table:literal) => {
        concat!(
            "SELECT coalesce(max(n.k), 0), CAST(count(*) AS text), '' FROM (SELECT ",
            $key,
            " AS k FROM ",
            $table,
            " WHERE ",
            $key,
            " > $1 ORDER BY ",
            $key,
            " LIMIT $2) n"
        )
    };
}

impl Over {
    /// Every one, in the order in which a round goes through them.
    pub(super) const EACH: &'static [Self] = &[
        Self::Levels,
        Self::Batches,
        Self::Movements,
        Self::Events,
        Self::Reservations,
        Self::Orders,
        Self::Users,
        Self::Sessions,
        Self::Keys,
        Self::Notices,
        Self::Jobs,
        Self::SyncRows,
    ];

    fn next(self) -> &'static str {
        match self {
            Self::Batches => next!("id", "batches"),
            Self::Movements => next!("seq", "movements"),
            Self::Events => next!("seq", "events"),
            Self::Levels => next!("product_id", "levels"),
            Self::Reservations => next!("id", "reservations"),
            Self::Orders => next!("id", "orders"),
            Self::Users => next!("id", "users"),
            Self::Sessions => next!("id", "sessions"),
            Self::Keys => next!("id", "api_keys"),
            Self::Notices => next!("id", "notices"),
            Self::Jobs => next!("id", "jobs"),
            Self::SyncRows => next!("sync_id", "sync_rows"),
        }
    }

    /// The span of at most so many rows after a key, and how many they are; none behind the last.
    pub(super) async fn span<E: Evidence>(
        self,
        evidence: &mut E,
        after: i64,
        most: i64,
    ) -> Result<Option<(Span, i64)>, E::Error> {
        let mut found = None;
        let mut tell = |to: i64, rows: &str, _: &str| {
            let rows = rows.parse().unwrap_or(0);
            found = (rows > 0).then_some((Span { after, to }, rows));
        };
        evidence.told(self.next(), Span { after, to: most }, &mut tell).await?;
        Ok(found)
    }
}
