//! Requests and connections, counted where an answer begins and ends (`http/visit.rs`). A request
//! costs a look into a map that never changes and three additions; nothing is locked or allocated.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use onhand_engine::stats::{DURATION_BOUNDS, Histogram, Spread};

use super::families;
use super::sheet::Sheet;

/// Methods that are told apart; whatever else somebody sends is the last.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"];
/// Classes of status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// What requests are counted as that no described route is for.
pub const OTHER: &str = "other";

/// Requests of one route and method.
#[derive(Debug)]
struct Cell {
    by_class: [AtomicU64; CLASSES.len()],
    durations: Histogram,
}

impl Default for Cell {
    fn default() -> Self {
        Self { by_class: Default::default(), durations: Histogram::of_durations() }
    }
}

/// Requests of one route, by method. A cell is made by its first request.
#[derive(Debug, Default)]
struct Route([OnceLock<Box<Cell>>; METHODS.len()]);

impl Route {
    fn cells(&self) -> impl Iterator<Item = (&'static str, &Cell)> {
        let cells = self.0.iter().zip(METHODS);
        cells.filter_map(|(cell, method)| Some((method, &**cell.get()?)))
    }
}

/// Requests and connections.
#[derive(Debug, Default)]
pub struct Traffic {
    routes: HashMap<Box<str>, Route>,
    other: Route,
    in_flight: AtomicI64,
    aborted: AtomicU64,
    connections: AtomicI64,
    crowded: AtomicU64,
    handshakes: AtomicU64,
}

/// All requests so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Answered, by class of status.
    pub by_class: [u64; CLASSES.len()],
    /// How long answers took to begin.
    pub durations: Spread,
}

/// Which of the methods it is, to be counted with.
pub fn method_index(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

/// The name that it is counted under.
pub fn method_name(index: usize) -> &'static str {
    METHODS.get(index).copied().unwrap_or(OTHER)
}

impl Traffic {
    /// For these routes, by their templates.
    pub fn of<'a>(routes: impl Iterator<Item = &'a str>) -> Self {
        let routes = routes.map(|route| (route.into(), Route::default())).collect();
        Self { routes, ..Self::default() }
    }

    /// A request has come.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Its answer begins.
    pub fn answered(
        &self,
        route: Option<&str>,
        method: usize,
        status: StatusCode,
        after: Duration,
    ) {
        let known = route.and_then(|route| self.routes.get(route)).unwrap_or(&self.other);
        let Some(cell) = known.0.get(method) else { return };
        let cell = cell.get_or_init(Box::default);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = cell.by_class.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        cell.durations.note_duration(after);
    }

    /// It has come to its end, with an answer or without.
    pub fn end(&self, has_answer: bool) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !has_answer {
            self.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody has connected.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection has ended.
    pub fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection was closed because its address has too many.
    pub fn crowded(&self) {
        self.crowded.fetch_add(1, Ordering::Relaxed);
    }

    /// A TLS handshake did not come about.
    pub fn no_handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that have not come to their end.
    pub fn in_flight(&self) -> u64 {
        level(&self.in_flight)
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Route)> {
        let routes = self.routes.iter().map(|(name, route)| (&**name, route));
        routes.chain(std::iter::once((OTHER, &self.other)))
    }

    /// All requests so far.
    pub fn totals(&self) -> Totals {
        let mut by_class = [0; CLASSES.len()];
        let mut durations = Spread::empty(DURATION_BOUNDS);
        for (_, cell) in self.all().flat_map(|(_, route)| route.cells()) {
            for (all, here) in by_class.iter_mut().zip(&cell.by_class) {
                *all += here.load(Ordering::Relaxed);
            }
            durations.add(&cell.durations.read());
        }
        Totals { by_class, durations }
    }

    pub(super) fn put(&self, sheet: &mut Sheet) {
        let mut all: Vec<_> = self.all().collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        for (route, cells) in all {
            for (method, cell) in cells.cells() {
                let labels = [("route", route), ("method", method)];
                for (class, count) in CLASSES.into_iter().zip(&cell.by_class) {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        let labels = [labels[0], labels[1], ("status", class)];
                        sheet.count(&families::REQUESTS, &labels, count);
                    }
                }
                sheet.spread(&families::REQUEST_DURATION, &labels, &cell.durations.read());
            }
        }
        sheet.level(&families::IN_FLIGHT, &[], level(&self.in_flight) as f64);
        sheet.count(&families::ABORTED, &[], self.aborted.load(Ordering::Relaxed));
        sheet.level(&families::CONNECTIONS, &[], level(&self.connections) as f64);
        for (reason, count) in [("crowded", &self.crowded), ("handshake", &self.handshakes)] {
            let count = count.load(Ordering::Relaxed);
            sheet.count(&families::REFUSED, &[("reason", reason)], count);
        }
    }
}

/// What is never below zero, unless it is looked at while two sides of it change.
fn level(gauge: &AtomicI64) -> u64 {
    u64::try_from(gauge.load(Ordering::Relaxed)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_described_is_counted_as_other() {
        let traffic = Traffic::of(["/v1/orders/{id}"].into_iter());
        let get = method_index(&Method::GET);
        let after = Duration::from_millis(3);
        for (route, status) in [
            (Some("/v1/orders/{id}"), 200),
            (Some("/v1/orders/{id}"), 404),
            (Some("/v1/hostile/\n"), 404),
            (None, 404),
        ] {
            traffic.answered(route, get, StatusCode::from_u16(status).unwrap(), after);
        }
        let strange = method_index(&Method::from_bytes(b"BREW").unwrap());
        traffic.answered(None, strange, StatusCode::METHOD_NOT_ALLOWED, after);
        let mut sheet = Sheet::default();
        traffic.put(&mut sheet);
        let written = sheet.written();
        let counted = written.lines().filter(|line| line.contains("requests_total{"));
        insta::assert_snapshot!(counted.collect::<Vec<_>>().join("\n"), @r#"
        onhand_http_requests_total{route="/v1/orders/{id}",method="GET",status="2xx"} 1
        onhand_http_requests_total{route="/v1/orders/{id}",method="GET",status="4xx"} 1
        onhand_http_requests_total{route="other",method="GET",status="4xx"} 2
        onhand_http_requests_total{route="other",method="other",status="4xx"} 1
        "#);
        let totals = traffic.totals();
        assert_eq!(totals.by_class, [0, 1, 0, 4, 0]);
        assert_eq!(totals.durations.count(), 5);
    }
}
