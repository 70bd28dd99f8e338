//! What every handler and worker is given: the way to the committer, the way to the readers, and
//! the few settings they ask for. Cheap to clone; holds no rule and no state of its own.

use std::sync::Arc;

use onhand_engine::committer::Submit;
use onhand_engine::sqlite::Reader;

/// What handlers and workers work with.
#[derive(Debug, Clone)]
pub struct App {
    /// Writes go this way.
    pub submit: Submit,
    /// Reads go this way.
    pub reader: Reader,
    /// Settings that do not change while the server runs.
    pub settings: Arc<Settings>,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Serves the routes that measure the server's own limit.
    pub has_bench_routes: bool,
}
