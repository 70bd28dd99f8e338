//! Which request a piece of work follows from. An event has no place for the id of its request, and
//! the hot tables get no column for it: the newest events that requests of this process have caused
//! are remembered here, a bounded number of them, for whoever works on what follows. What was
//! caused by another process, or long ago, is told by its event and its order alone, which stand in
//! every line.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use onhand_core::orders::Order;

use crate::limits::TRAIL_EVENTS_KEPT;

/// Most events of one request that are remembered: a new order has two or three.
const EVENTS_OF_REQUEST_MAX: i64 = 8;

/// A request that has caused something.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The id of the request.
    id: HeaderValue,
    /// The span in which it was answered, if it is traced.
    #[cfg(feature = "otel")]
    pub(super) span: Option<opentelemetry::trace::SpanContext>,
}

impl Origin {
    /// The id of the request.
    pub fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }
}

/// What is remembered at one place: the newest of those that share it.
#[derive(Debug)]
struct Slot {
    number: i64,
    origin: Origin,
}

/// The newest requests by the events and the orders that they have changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trail(Arc<Places>);

#[derive(Debug)]
struct Places {
    events: Box<[Mutex<Option<Slot>>]>,
    orders: Box<[Mutex<Option<Slot>>]>,
}

impl Default for Trail {
    fn default() -> Self {
        let places = || (0..TRAIL_EVENTS_KEPT).map(|_| Mutex::new(None)).collect();
        Self(Arc::new(Places { events: places(), orders: places() }))
    }
}

impl Trail {
    /// Remembers which request has left an order as it is. Of a new one all events are its own, of
    /// another one the last.
    pub fn note(&self, id: &HeaderValue, order: &Order, is_new: bool) {
        let origin = Origin {
            id: id.clone(),
            #[cfg(feature = "otel")]
            span: super::otel::here(),
        };
        let events = if is_new { i64::try_from(order.version).unwrap_or(1) } else { 1 };
        for back in (0..events.min(EVENTS_OF_REQUEST_MAX)).rev() {
            put(&self.0.events, order.last_event - back, &origin);
        }
        put(&self.0.orders, order.id.number(), &origin);
    }

    /// The request that has caused an event, if it is remembered.
    pub fn of_event(&self, event: i64) -> Option<Origin> {
        get(&self.0.events, event)
    }

    /// The request that has changed an order last, if it is remembered.
    pub fn of_order(&self, number: i64) -> Option<Origin> {
        get(&self.0.orders, number)
    }
}

fn place(places: &[Mutex<Option<Slot>>], number: i64) -> Option<&Mutex<Option<Slot>>> {
    let count = i64::try_from(places.len()).ok()?;
    places.get(usize::try_from(number.rem_euclid(count)).ok()?)
}

fn put(places: &[Mutex<Option<Slot>>], number: i64, origin: &Origin) {
    if let Some(place) = place(places, number) {
        let slot = Slot { number, origin: origin.clone() };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(slot);
    }
}

fn get(places: &[Mutex<Option<Slot>>], number: i64) -> Option<Origin> {
    let slot = place(places, number)?.lock().unwrap_or_else(PoisonError::into_inner);
    slot.as_ref().filter(|slot| slot.number == number).map(|slot| slot.origin.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_those_that_share_a_place_is_remembered() {
        let trail = Trail::default();
        let origin = |id: &'static str| Origin {
            id: HeaderValue::from_static(id),
            #[cfg(feature = "otel")]
            span: None,
        };
        let kept = i64::try_from(TRAIL_EVENTS_KEPT).unwrap();
        let told = |number| trail.of_event(number).map(|origin| origin.id().to_owned());
        put(&trail.0.events, 7, &origin("first"));
        put(&trail.0.events, 8, &origin("second"));
        assert_eq!((told(7).as_deref(), told(8).as_deref()), (Some("first"), Some("second")));
        put(&trail.0.events, 7 + kept, &origin("third"));
        assert_eq!((told(7), told(7 + kept).as_deref()), (None, Some("third")));
        assert!(told(-1).is_none() && trail.of_order(7).is_none());
    }
}
