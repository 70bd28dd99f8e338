//! A database on a server of its own: making one within a server would take a client for SQL, which
//! this crate has not.

use onhand_engine::database::{Database, Schema};
use onhand_engine::{Location, Reader};

use crate::cluster::Cluster;

/// A database in which nothing is stored; it goes with the value.
pub(crate) struct Installation {
    cluster: Cluster,
}

impl Installation {
    pub(crate) async fn fresh() -> Self {
        Self { cluster: Cluster::start(&["shared_buffers = 16MB"]) }
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.url("onhand", "postgres")
    }

    /// Where it is.
    pub(crate) fn location(&self) -> Location {
        Location::Server(self.url())
    }

    pub(crate) async fn open(&self) -> (Database, Reader) {
        let database = Database::open(&self.location(), Schema::Migrate).await.unwrap();
        let reader = database.reader().unwrap();
        (database, reader)
    }
}
