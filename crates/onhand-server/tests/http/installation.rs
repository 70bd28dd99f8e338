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

    /// Where it is.
    pub(crate) fn location(&self) -> Location {
        Location::File(self.folder.path().join("onhand.db"))
    }

    pub(crate) async fn open(&self) -> (Database, Reader) {
        let database = Database::open(&self.location(), Schema::Migrate).await.unwrap();
        let reader = database.reader().unwrap();
        (database, reader)
    }
}
