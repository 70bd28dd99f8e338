//! The embedded store, in a folder of its own.

/// A database in which nothing is stored; it goes with the value.
pub(crate) struct Installation(tempfile::TempDir);

impl Installation {
    pub(crate) async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        crate::server::database(self.0.path())
    }
}
