//! Whoever keeps copies of what is stored is told what changes: before anybody can see the change,
//! and so that it may ask for a moment before the callers hear of it. It decides nothing, and no
//! commit fails because of it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use crate::store::Batch;

/// Completes when everybody who keeps copies elsewhere has been told, or when nobody tries any
/// more.
pub type Telling = oneshot::Receiver<()>;

/// Somebody who keeps copies.
pub trait Watch: fmt::Debug + Send + Sync + 'static {
    /// Hears what a batch is about to change. Called by the committer, which waits: nothing may be
    /// asked of the network here. The batch may still fail, and its changes come again in another
    /// one. Its callers hear their outcomes once what is answered here has completed, which must
    /// have a bound.
    fn changing(&self, batch: &Batch) -> Option<Telling>;
}

/// Who is told, if anybody. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watching(Arc<OnceLock<Arc<dyn Watch>>>);

impl Watching {
    /// From now on this one is told. The first one stays.
    pub(crate) fn begin(&self, watch: Arc<dyn Watch>) {
        let _ = self.0.set(watch);
    }

    pub(crate) fn changing(&self, batch: &Batch) -> Option<Telling> {
        self.0.get()?.changing(batch)
    }
}
