//! What the process tells those who watch it, beside its log: which request a piece of work
//! follows from (`trail.rs`), traces by OpenTelemetry (`otel.rs`) and errors by Sentry
//! (`sentry.rs`). All of it is beside the work: nothing waits for whoever watches, and what cannot
//! be told is dropped.

#[cfg(feature = "otel")]
pub mod otel;
#[cfg(any(test, feature = "sentry"))]
pub mod scrub;
#[cfg(feature = "sentry")]
pub mod sentry;
pub mod spans;
pub mod trail;

use std::io::IsTerminal;

use tokio::runtime::Handle;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment;

/// What is logged unless ONHAND_LOG says otherwise. NATS's client tells each try to connect; what
/// matters of that we say ourselves.
pub(crate) const LOG_DEFAULT: &str = "info,async_nats=warn";

/// Whom a server tells of its errors.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TelemetryOptions {
    /// Where Sentry takes errors: https://key@host/project. Needs a build with the feature
    /// `sentry`.
    #[arg(long, env = "SENTRY_DSN_URL", hide_env_values = true, value_name = "DSN")]
    sentry_dsn: Option<String>,
    /// Under which environment errors are shown there.
    #[arg(long, env = "SENTRY_ENVIRONMENT", default_value = "production", value_name = "NAME")]
    sentry_environment: String,
}

/// What cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The DSN cannot be read. It is not shown: there is a key in it.
    #[error("--sentry-dsn (SENTRY_DSN_URL): expected https://key@host/project")]
    Dsn,
    /// An address of OpenTelemetry's, or one of its settings, cannot be used.
    #[error("OpenTelemetry: {0}")]
    Otel(String),
    /// This build cannot do it.
    #[error("{0} is set, and this build has no feature `{1}`")]
    NotBuilt(&'static str, &'static str),
}

/// Who is told, as long as it lives. Dropped, what is left is told within a bounded time.
#[derive(Debug, Default)]
#[cfg_attr(
    any(feature = "otel", feature = "sentry"),
    expect(dead_code, reason = "they tell until they are dropped")
)]
pub struct Telling {
    #[cfg(feature = "otel")]
    otel: Option<otel::Tracing>,
    #[cfg(feature = "sentry")]
    sentry: Option<sentry::Reporting>,
}

type Extra = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to log and, where a server is configured for it, to tell others. Call it once.
///
/// # Errors
/// [`TelemetryError`]; the log is begun all the same.
pub fn begin(
    options: Option<&TelemetryOptions>,
    runtime: &Handle,
) -> Result<Telling, TelemetryError> {
    let mut layers: Vec<Extra> = Vec::new();
    let begun = options.map(|options| tell(options, runtime, &mut layers));
    let filter = environment::variable("ONHAND_LOG");
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(LOG_DEFAULT));
    let is_terminal = std::io::stderr().is_terminal();
    if layers.is_empty() {
        // Where nobody else listens, one filter for all costs less than one for each.
        let log = tracing_subscriber::fmt().with_env_filter(filter);
        log.with_writer(std::io::stderr).with_ansi(is_terminal).init();
    } else {
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let log = log.with_ansi(is_terminal).with_filter(filter);
        tracing_subscriber::registry().with(layers).with(log).init();
    }
    begun.unwrap_or_else(|| Ok(Telling::default()))
}

#[cfg_attr(
    not(any(feature = "otel", feature = "sentry")),
    expect(unused_variables, clippy::ptr_arg, reason = "nobody can be told")
)]
fn tell(
    options: &TelemetryOptions,
    runtime: &Handle,
    layers: &mut Vec<Extra>,
) -> Result<Telling, TelemetryError> {
    let dsn = options.sentry_dsn.as_deref().filter(|dsn| !dsn.is_empty());
    #[cfg(not(feature = "sentry"))]
    if dsn.is_some() {
        return Err(TelemetryError::NotBuilt("SENTRY_DSN_URL", "sentry"));
    }
    #[cfg(not(feature = "otel"))]
    if ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].iter().any(is_set) {
        return Err(TelemetryError::NotBuilt("OTEL_EXPORTER_OTLP_ENDPOINT", "otel"));
    }
    Ok(Telling {
        #[cfg(feature = "sentry")]
        sentry: dsn
            .map(|dsn| sentry::begin(dsn, &options.sentry_environment, runtime, layers))
            .transpose()?,
        #[cfg(feature = "otel")]
        otel: otel::begin(runtime, layers)?,
    })
}

#[cfg(not(feature = "otel"))]
fn is_set(name: &&str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}
