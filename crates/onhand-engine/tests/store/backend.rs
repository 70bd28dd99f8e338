//! What the suite needs of a kind of store beside the trait that the committer speaks: to make a
//! fresh one, to open it again and to prove it.

use std::any::Any;
use std::path::PathBuf;

use onhand_engine::report::Report;
use onhand_engine::sqlite::{self, Database, SqliteStore};
use onhand_engine::{Reader, Store};

use crate::look::Look;

/// A kind of store. A value is one installation, which is gone with it.
pub(crate) trait Backend: Sized {
    /// The writing side.
    type Store: Store;

    /// An installation in which nothing is stored.
    async fn fresh() -> Self;

    /// Opens it; again after all that was opened is gone.
    async fn open(&self) -> Opened<Self>;

    /// Every broken promise, in words.
    async fn verify(&self) -> Vec<String>;
}

/// An opened installation.
pub(crate) struct Opened<B: Backend> {
    pub(crate) store: B::Store,
    pub(crate) reader: Look,
    /// What must live as long as the store does.
    pub(crate) owner: Box<dyn Any>,
}

/// What a report says that should not be, in words.
pub(crate) fn broken(report: &Report) -> Vec<String> {
    let storage = (!report.storage_is_sound()).then(|| format!("{:?}", report.storage));
    let broken = report.checks.iter().filter(|check| check.violations > 0);
    storage.into_iter().chain(broken.map(|check| format!("{check:#?}"))).collect()
}

/// The embedded store, in a folder of its own.
pub(crate) struct Sqlite(tempfile::TempDir);

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("onhand.db")
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Opened<Self> {
        let database = Database::open(&self.path()).unwrap();
        let (store, reader) = (database.store().unwrap(), database.reader().unwrap());
        Opened { store, reader: Look(Reader::Sqlite(reader)), owner: Box::new(database) }
    }

    async fn verify(&self) -> Vec<String> {
        broken(&sqlite::verify(&self.path(), true).unwrap())
    }
}
