//! Where the end of every request is known: around the routes of all listeners, per connection and
//! not as a layer, so that it costs a request no allocation. What only the routes know (which of
//! them it was, who asked) is noted in the visit on the way through. From here it goes to the
//! figures (`metrics/traffic.rs`) and to the request log.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::{Extensions, StatusCode, Version};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::dialects::Dialect;
use super::dress::REQUEST_ID;
use super::peer::Peer;
use crate::app::App;
use crate::metrics::traffic::{method_index, method_name};
use crate::request_log::{Line, Who};

/// What is learned of a request on its way.
#[derive(Debug, Clone, Default)]
struct Facts {
    route: Option<MatchedPath>,
    who: Who,
    dialect: Option<Dialect>,
    /// Where the client is, behind proxies that are believed.
    address: Option<IpAddr>,
}

/// What is learned of the request that a connection is busy with: there is one at a time.
#[derive(Debug, Default)]
pub(super) struct Visit(Mutex<Facts>);

/// What the gate has learned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered {
    pub(super) who: Who,
    pub(super) dialect: Option<Dialect>,
    pub(super) address: IpAddr,
}

impl Visit {
    fn take(&self) -> Facts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Notes which route a request has found.
pub(super) fn note_route(extensions: &Extensions) {
    let Some(peer) = extensions.get::<Peer>() else { return };
    let route = extensions.get::<MatchedPath>().cloned();
    peer.visit.0.lock().unwrap_or_else(PoisonError::into_inner).route = route;
}

/// Notes which route a request has found, and who has come to the gate.
pub(super) fn note_entry(extensions: &Extensions, entered: Entered) {
    let Some(peer) = extensions.get::<Peer>() else { return };
    let route = extensions.get::<MatchedPath>().cloned();
    let Entered { who, dialect, address } = entered;
    let facts = Facts { route, who, dialect, address: Some(address) };
    *peer.visit.0.lock().unwrap_or_else(PoisonError::into_inner) = facts;
}

/// A request that has come, until it has come to its end.
#[derive(Debug)]
pub(super) struct Ending {
    app: App,
    visit: Arc<Visit>,
    began: Instant,
    method: usize,
    status: Option<StatusCode>,
    bytes: u64,
    /// What is kept for the log, where there is one.
    noted: Option<Box<Noted>>,
}

#[derive(Debug)]
struct Noted {
    path: String,
    version: Version,
    peer: SocketAddr,
    facts: Facts,
    id: Option<axum::http::HeaderValue>,
}

impl Ending {
    /// A request begins.
    pub(super) fn of(app: &App, visit: &Arc<Visit>, peer: SocketAddr, request: &Request) -> Self {
        app.metrics.traffic.begin();
        let noted = app.metrics.log.as_ref().map(|_| {
            let path = request.uri().path().to_owned();
            let (version, facts) = (request.version(), Facts::default());
            Box::new(Noted { path, version, peer, facts, id: None })
        });
        Self {
            app: app.clone(),
            visit: visit.clone(),
            began: Instant::now(),
            method: method_index(request.method()),
            status: None,
            bytes: 0,
            noted,
        }
    }

    /// Its answer begins.
    pub(super) fn answered(mut self, response: Response) -> Response<Tallied> {
        let facts = self.visit.take();
        let status = response.status();
        self.status = Some(status);
        let route = facts.route.as_ref().map(MatchedPath::as_str);
        self.app.metrics.traffic.answered(route, self.method, status, self.began.elapsed());
        if let Some(noted) = &mut self.noted {
            noted.id = response.headers().get(REQUEST_ID).cloned();
            noted.facts = facts;
        }
        response.map(|body| Tallied { body, ending: self })
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let metrics = &self.app.metrics;
        metrics.traffic.end(self.status.is_some());
        let Some((noted, log)) = self.noted.take().zip(metrics.log.as_ref()) else { return };
        let Noted { path, version, peer, facts, id } = *noted;
        // Of a request without an answer nobody has asked yet.
        let facts = if self.status.is_some() { facts } else { self.visit.take() };
        log.write(Line {
            at: self.app.clock.now(),
            method: method_name(self.method),
            path,
            route: facts.route,
            version,
            status: self.status.map(|status| status.as_u16()),
            took: self.began.elapsed(),
            bytes: self.bytes,
            id,
            who: facts.who,
            address: facts.address.unwrap_or(peer.ip()),
            dialect: facts.dialect.map(Dialect::as_str),
        });
    }
}

/// The body of an answer, which ends with it.
#[derive(Debug)]
pub(super) struct Tallied {
    body: Body,
    ending: Ending,
}

impl HttpBody for Tallied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.ending.bytes += data.len() as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
