//! Errors for Sentry: panics, and what is logged at the level of errors, with what it was about and
//! without what may belong to a person (`scrub.rs`). They go into a bounded queue and from there to
//! the server, one at a time; nobody waits for that. What does not fit is counted and dropped.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use sentry_types::Dsn;
use sentry_types::protocol::v7::{Envelope, Event, Exception, Level, Mechanism, Values};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::scrub;
use super::{Extra, TelemetryError};
use crate::adapters::outgoing::{self, HttpLimits};
use crate::limits::{
    SENTRY_ANSWER_BYTES_MAX, SENTRY_PAUSE_DEFAULT, SENTRY_PAUSE_MAX, SENTRY_QUEUE_MAX,
    SENTRY_STOP_TIMEOUT, SENTRY_TIMEOUT,
};

const ENVELOPE: &str = "application/x-sentry-envelope";
/// Who we are, for Sentry.
const AGENT: &str = concat!("onhand/", env!("CARGO_PKG_VERSION"));
const RELEASE: &str = concat!("onhand@", env!("CARGO_PKG_VERSION"));
/// Spans whose fields go with what is logged within them are made there.
const SPANS: &str = "onhand_server::telemetry";

/// What is to be done next by whoever sends.
enum Parcel {
    Event(Box<Event<'static>>),
    /// Told once everything before it was tried.
    Flush(oneshot::Sender<()>),
}

/// Where errors are put.
#[derive(Clone)]
struct Outbox {
    queue: mpsc::Sender<Parcel>,
    environment: Arc<str>,
    dropped: Arc<AtomicU64>,
}

/// Errors are reported as long as it lives. Dropped, what is queued is sent within a bounded time.
pub struct Reporting {
    outbox: Outbox,
    runtime: Handle,
}

impl Debug for Reporting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporting").finish_non_exhaustive()
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        let (done, is_done) = oneshot::channel();
        let queue = self.outbox.queue.clone();
        let flush = async move {
            if queue.send(Parcel::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        self.runtime.block_on(async {
            let _ = timeout(SENTRY_STOP_TIMEOUT, flush).await;
        });
        let dropped = self.outbox.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "errors were not reported: there were too many");
        }
    }
}

/// Begins to report.
///
/// # Errors
/// [`TelemetryError::Dsn`].
pub(super) fn begin(
    dsn: &str,
    environment: &str,
    runtime: &Handle,
    layers: &mut Vec<Extra>,
) -> Result<Reporting, TelemetryError> {
    let dsn: Dsn = dsn.parse().map_err(|_| TelemetryError::Dsn)?;
    let limits = HttpLimits {
        connect_timeout: SENTRY_TIMEOUT,
        timeout: SENTRY_TIMEOUT,
        answer_bytes_max: SENTRY_ANSWER_BYTES_MAX,
    };
    let client = outgoing::client(outgoing::trusted_by_the_system(), limits);
    let client = client.map_err(|_| TelemetryError::Dsn)?.timeout(limits.timeout).build();
    let client = client.map_err(|_| TelemetryError::Dsn)?;
    let (queue, parcels) = mpsc::channel(SENTRY_QUEUE_MAX);
    let outbox = Outbox { queue, environment: environment.into(), dropped: Arc::default() };
    runtime.spawn(send_all(client, dsn, parcels));
    report_panics(outbox.clone());
    let is_of_interest = |metadata: &Metadata<'_>| match metadata.is_span() {
        true => metadata.target().starts_with(SPANS),
        false => *metadata.level() == tracing::Level::ERROR,
    };
    let layer = Reporter(outbox.clone()).with_filter(filter_fn(is_of_interest));
    layers.push(layer.boxed());
    Ok(Reporting { outbox, runtime: runtime.clone() })
}

impl Outbox {
    /// Queues an error, if there is room.
    fn put(&self, event: Event<'static>) {
        let event = Event {
            release: Some(RELEASE.into()),
            environment: Some(self.environment.to_string().into()),
            platform: "native".into(),
            ..event
        };
        if self.queue.try_send(Parcel::Event(Box::new(event))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Has panics reported before they take their course.
fn report_panics(outbox: Outbox) {
    let next = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let said = said.unwrap_or("no words");
        let at = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        let exception = Exception {
            ty: "panic".into(),
            value: Some(scrub::text(said)),
            mechanism: Some(Mechanism {
                ty: "panic".into(),
                handled: Some(false),
                ..Mechanism::default()
            }),
            ..Exception::default()
        };
        outbox.put(Event {
            level: Level::Fatal,
            culprit: at,
            exception: Values { values: vec![exception] },
            ..Event::default()
        });
        next(info);
    }));
}

/// Makes a report of each error that is logged.
struct Reporter(Outbox);

/// The fields of a span or a line, as they may be shown.
#[derive(Default)]
struct Fields {
    message: String,
    others: BTreeMap<String, String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut said = String::new();
        if write!(said, "{value:?}").is_err() {
            return;
        }
        match field.name() {
            "message" => self.message = scrub::text(&said),
            name if scrub::is_private(name) => {}
            name => {
                self.others.insert(name.to_owned(), scrub::text(&said));
            }
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // As it is, and not as a quotation, of which nothing would be left.
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Reporter {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, line: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        line.record(&mut fields);
        let mut tags = BTreeMap::new();
        for span in context.event_scope(line).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                tags.extend(fields.others.clone());
            }
        }
        let extra = fields.others.into_iter().map(|(name, said)| (name, said.into())).collect();
        self.0.put(Event {
            level: Level::Error,
            message: Some(fields.message),
            logger: Some(line.metadata().target().to_owned()),
            tags,
            extra,
            ..Event::default()
        });
    }
}

/// Sends what is queued until nobody can queue any more.
async fn send_all(client: reqwest::Client, dsn: Dsn, mut parcels: mpsc::Receiver<Parcel>) {
    let mut paused_until = Instant::now();
    while let Some(parcel) = parcels.recv().await {
        match parcel {
            Parcel::Event(event) => {
                sleep_until(paused_until).await;
                if let Some(pause) = send(&client, &dsn, *event).await {
                    paused_until = Instant::now() + pause;
                }
            }
            Parcel::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}

/// Sends one error. Answers how long the server wants no other.
async fn send(client: &reqwest::Client, dsn: &Dsn, event: Event<'static>) -> Option<Duration> {
    let mut body = Vec::new();
    if let Err(error) = Envelope::from(event).to_writer(&mut body) {
        tracing::warn!(%error, "an error cannot be put into words for Sentry");
        return None;
    }
    let request = client
        .post(dsn.envelope_api_url().as_str())
        .header("x-sentry-auth", dsn.to_auth(Some(AGENT)).to_string())
        .header(CONTENT_TYPE, ENVELOPE)
        .body(body);
    match request.send().await {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => {
            let status = answer.status().as_u16();
            tracing::warn!(status, "Sentry has not taken an error");
            let said = outgoing::retry_after(answer.headers()).and_then(outgoing::seconds);
            (status == 429).then(|| said.unwrap_or(SENTRY_PAUSE_DEFAULT).min(SENTRY_PAUSE_MAX))
        }
        Err(error) => {
            // Without the address, in which the key is not, and the project is.
            tracing::warn!(error = %error.without_url(), "Sentry is not to be reached");
            Some(SENTRY_PAUSE_DEFAULT.min(SENTRY_TIMEOUT))
        }
    }
}
