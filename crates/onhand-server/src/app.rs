//! What every handler and worker is given: the way to the committer, the way to the readers, and
//! the few settings they ask for. Cheap to clone; holds no rule and no state of its own.

use std::sync::Arc;

use axum::http::HeaderValue;
use onhand_engine::Reader;
use onhand_engine::clock::Clock;
use onhand_engine::committer::Submit;
use tokio::sync::Notify;

use crate::accounts::Identities;
use crate::accounts::logins::Logins;
use crate::adapters::cache::kept::Kept;
use crate::adapters::warehouse::options::Plan;
use crate::adapters::webhooks::Webhooks;
use crate::auth::forwarded::Proxies;
use crate::auth::limiter::Limiter;
use crate::http::dialects::Dialects;
use crate::http::gate::Needs;
use crate::metrics::Metrics;
use crate::payments::gateways::Gateways;
use crate::telemetry::trail::Trail;
use crate::workers::options::Switch;
use crate::workers::schedules::Asked;
use crate::workers::verify::state::Verification;

/// A handle on what handlers and workers work with. Every layer of the router clones it for every
/// request, so that it must be one counter and no more.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// A handle on these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What handlers and workers work with.
pub struct Parts {
    /// Writes go this way.
    pub submit: Submit,
    /// Reads go this way.
    pub reader: Reader,
    /// What was read of orders and products, if it is kept.
    pub kept: Option<Arc<Kept>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose a token or key is.
    pub identities: Identities,
    /// How somebody gets in.
    pub logins: Logins,
    /// How often somebody may ask.
    pub limiter: Limiter,
    /// What each route needs.
    pub needs: Needs,
    /// Who takes the money.
    pub gateways: Arc<Gateways>,
    /// Told when something is owed to a gateway since just now.
    pub owed: Arc<Notify>,
    /// What is needed to tell webhook endpoints something.
    pub webhooks: Webhooks,
    /// Whom to ask what is physically there, if anybody.
    pub warehouse: Option<Plan>,
    /// Told when a run against the warehouse is to go on.
    pub warehouse_asked: Arc<Notify>,
    /// Which requests the newest events follow from.
    pub trail: Trail,
    /// What is known of the proof beside the work.
    pub verify: Verification,
    /// Told when a round of it is wanted now.
    pub verify_asked: Arc<Notify>,
    /// What somebody has asked to be done now.
    pub schedules: Asked,
    /// What is counted, for operators.
    pub metrics: Arc<Metrics>,
    /// Settings that do not change while the server runs.
    pub settings: Settings,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Serves the routes that measure the server's own limit.
    pub has_bench_routes: bool,
    /// The proxies that are believed when they say who the client is.
    pub proxies: Proxies,
    /// The origins whose pages may read answers.
    pub cors_origins: Vec<HeaderValue>,
    /// Whether clients are reached over TLS.
    pub is_encrypted: bool,
    /// Whether the routes of operation have a listener of their own.
    pub has_ops_listener: bool,
    /// Whether the pages of the administration are served.
    pub admin: Switch,
    /// Whether whoever is on this machine may see how the server is doing without a key.
    pub trusts_here: bool,
    /// Which contracts of other systems are spoken, and where.
    pub dialects: Dialects,
}
