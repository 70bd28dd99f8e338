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

    pub(crate) async fn open(&self) -> (Database, Reader) {
        let location = Location::Server(self.url());
        let database = Database::open(&location, Schema::Migrate).await.unwrap();
        let reader = database.reader().unwrap();
        (database, reader)
    }
}
