//! Traces for OpenTelemetry: a span for each request, each batch of the committer and each piece of
//! a worker's, sent as OTLP over HTTP. It is configured by the variables that OpenTelemetry defines
//! (`OTEL_EXPORTER_OTLP_ENDPOINT` and others) and is not there at all unless one says where to.
//! Attributes name routes and ids, never what a client has sent.

use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::{Instrument, Level, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;

use super::trail::Origin;
use super::{Extra, TelemetryError};
use crate::adapters::outgoing::{self, HttpLimits};
use crate::limits::{OTEL_ANSWER_BYTES_MAX, OTEL_STOP_TIMEOUT, OTEL_TIMEOUT};

/// Any of these says where traces go.
const WHERE: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

static IS_ON: OnceLock<()> = OnceLock::new();

/// Traces are sent as long as it lives. Dropped, what is left is sent within a bounded time.
#[derive(Debug)]
pub struct Tracing(SdkTracerProvider);

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(OTEL_STOP_TIMEOUT) {
            tracing::warn!(%error, "the last traces are lost");
        }
    }
}

fn said(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Begins to trace, if it is said where to.
///
/// # Errors
/// [`TelemetryError::Otel`].
pub(super) fn begin(
    runtime: &Handle,
    layers: &mut Vec<Extra>,
) -> Result<Option<Tracing>, TelemetryError> {
    let is_off = said(&["OTEL_SDK_DISABLED"]).is_some_and(|said| said.eq_ignore_ascii_case("true"))
        || said(&["OTEL_TRACES_EXPORTER"]).is_some_and(|said| said == "none");
    if said(&WHERE).is_none() || is_off {
        return Ok(None);
    }
    if let Some(other) = said(&PROTOCOLS).filter(|said| said != "http/protobuf") {
        let reason = format!("OTEL_EXPORTER_OTLP_PROTOCOL is `{other}`; expected http/protobuf");
        return Err(TelemetryError::Otel(reason));
    }
    let wrong = |error: &dyn std::fmt::Display| TelemetryError::Otel(error.to_string());
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Collector::new(runtime).map_err(|error| wrong(&error))?)
        .build()
        .map_err(|error| wrong(&error))?;
    let resource = Resource::builder();
    let resource = match said(&["OTEL_SERVICE_NAME"]) {
        Some(_) => resource,
        None => resource.with_service_name("onhand"),
    };
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = resource.with_attribute(version).build();
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("onhand"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    let ours = Targets::new()
        .with_target("onhand_server::telemetry", Level::DEBUG)
        .with_target("onhand_engine::batches", Level::DEBUG);
    let _ = IS_ON.set(());
    layers.push(layer.with_filter(ours).boxed());
    Ok(Some(Tracing(provider)))
}

/// Whether requests are traced.
pub fn is_on() -> bool {
    IS_ON.get().is_some()
}

/// Answers a request in a span of its own, which continues the trace that it is part of.
pub async fn answer(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let method = request.method().as_str();
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let span = tracing::debug_span!(
        "request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = field::Empty,
        request_id = field::Empty,
    );
    let propagator = TraceContextPropagator::new();
    let _ = span.set_parent(propagator.extract(&HeaderExtractor(request.headers())));
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(id) = response.headers().get("request-id").and_then(|id| id.to_str().ok()) {
        span.record("request_id", id);
    }
    response
}

/// The span that is on here, if it is traced.
pub(super) fn here() -> Option<SpanContext> {
    is_on()
        .then(|| Span::current().context().span().span_context().clone())
        .filter(SpanContext::is_valid)
}

/// Makes a piece of work part of the trace that it follows from.
pub(super) fn follow(span: &Span, origin: &Origin) {
    if let Some(before) = &origin.span {
        let _ = span.set_parent(Context::new().with_remote_span_context(before.clone()));
    }
}

/// Hands the trace on to whoever is asked.
pub(super) fn carry(headers: &mut HeaderMap<HeaderValue>) {
    if is_on() {
        let context = Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
    }
}

/// Whoever takes the traces. It is asked from a thread that is not the runtime's.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
    is_away: AtomicBool,
}

impl Collector {
    fn new(runtime: &Handle) -> Result<Self, Box<dyn std::error::Error>> {
        let limits = HttpLimits {
            connect_timeout: OTEL_TIMEOUT,
            timeout: OTEL_TIMEOUT,
            answer_bytes_max: OTEL_ANSWER_BYTES_MAX,
        };
        let client = outgoing::client(outgoing::trusted_by_the_system(), limits)?;
        let client = client.timeout(limits.timeout).build()?;
        Ok(Self { client, runtime: runtime.clone(), is_away: AtomicBool::new(false) })
    }

    /// Says once that it is away, and not for each batch of spans.
    fn report(&self, trouble: Option<&str>) {
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(trouble) if !was_away => tracing::warn!(trouble, "traces are not taken"),
            Some(_) => {}
            None if was_away => tracing::info!("traces are taken again"),
            None => {}
        }
    }
}

type Sent<'a> =
    Pin<Box<dyn Future<Output = Result<axum::http::Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Collector {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: axum::http::Request<Bytes>,
    ) -> Sent<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let sent = self.runtime.spawn(send(self.client.clone(), request)).await;
            let answer = sent.map_err(HttpError::from).and_then(|sent| sent);
            let trouble = match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(answer.status().to_string()),
                Err(error) => Some(error.to_string()),
            };
            self.report(trouble.as_deref());
            answer
        })
    }
}

async fn send(
    client: reqwest::Client,
    request: axum::http::Request<Bytes>,
) -> Result<axum::http::Response<Bytes>, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut taken = axum::http::Response::new(Bytes::new());
    (*taken.status_mut(), *taken.headers_mut()) = (answer.status(), answer.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > OTEL_ANSWER_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    *taken.body_mut() = body.into();
    Ok(taken)
}
