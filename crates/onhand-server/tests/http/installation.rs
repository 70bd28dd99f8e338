//! The embedded store, in a folder of its own.

use onhand_engine::database::{Database, Schema};
use onhand_engine::{Location, Reader};

/// A database in which nothing is stored; it goes with the value.
pub(crate) struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    pub(crate) async fn fresh() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn open(&self) -> (Database, Reader) {
        let location = Location::File(self.folder.path().join("onhand.db"));
        let database = Database::open(&location, Schema::Migrate).await.unwrap();
        let reader = database.reader().unwrap();
        (database, reader)
    }
}
