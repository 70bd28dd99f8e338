//! Orders and products by name, out of the cache if there is one. Who may see what is asked each
//! time; only the reading and the wording are spared. On a server, where others may have changed an
//! order, the database says each time whether what is kept is still what it has.

use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, UserId};
use onhand_core::orders::Order;
use onhand_engine::query::{ReadError, Unless};

use super::answer::{versioned, versioned_bytes, wordless};
use super::wire::catalog::ProductView;
use super::wire::orders::OrderView;
use crate::adapters::cache::kept::{Looked, Worded};
use crate::app::App;

/// An order that is there.
pub(super) enum Found {
    /// In the cache, in the words of `/v1`.
    Kept(Worded),
    /// In the database; put into these words, where they are kept.
    Read(Box<Order>, Option<Worded>),
}

impl Found {
    /// Whether somebody knows of it who knows only of `own` orders.
    pub(super) fn is_seen_by(&self, own: Option<UserId>) -> bool {
        match self {
            Self::Kept(worded) => worded.is_seen_by(own),
            Self::Read(order, _) => order.is_seen_by(own),
        }
    }
}

/// An order, wherever it is; what was read is kept.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn find_order(app: &App, id: OrderId) -> Result<Option<Found>, ReadError> {
    let Some(kept) = &app.kept else {
        let order = app.reader.order(id, None).await?;
        return Ok(order.map(|order| Found::Read(Box::new(order), None)));
    };
    let key = kept.order(id);
    let known = match kept.look_up(&key).await {
        Looked::Good(worded) => return Ok(Some(Found::Kept(worded))),
        Looked::ToCompare(known) => known,
    };
    let position = kept.position();
    let order = match known {
        None => app.reader.order(id, None).await?,
        Some(worded) => match app.reader.order_unless(id, worded.seen).await? {
            Some(Unless::Same) => {
                kept.compared(true);
                return Ok(Some(Found::Kept(worded)));
            }
            Some(Unless::Other(order)) => Some(order),
            None => None,
        },
    };
    kept.compared(false);
    let Some(order) = order else { return Ok(None) };
    let worded = Worded::order(&order, &OrderView::of(&order));
    let worded = worded.inspect_err(|error| tracing::error!(%error, "an order without words"));
    if let Ok(worded) = &worded {
        kept.put(&key, position, worded).await;
    }
    Ok(Some(Found::Read(Box::new(order), worded.ok())))
}

/// An order as `/v1` shows it; to who knows only of `own` orders, one of those.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn order(
    app: &App,
    id: OrderId,
    own: Option<UserId>,
) -> Result<Option<Response>, ReadError> {
    let found = find_order(app, id).await?.filter(|found| found.is_seen_by(own));
    Ok(found.map(|found| match found {
        Found::Kept(worded) | Found::Read(_, Some(worded)) => shown(&worded),
        Found::Read(order, None) => {
            versioned(StatusCode::OK, order.version, &OrderView::of(&order))
        }
    }))
}

/// A product, as it is named.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn product(
    app: &App,
    reference: &ProductRef,
) -> Result<Option<Response>, ReadError> {
    let Some(kept) = app.kept.as_ref().filter(|kept| kept.has_products()) else {
        let product = app.reader.product(reference.clone()).await?;
        return Ok(
            product.map(|row| versioned(StatusCode::OK, row.version, &ProductView::of(&row)))
        );
    };
    let key = kept.product(reference);
    if let Some(worded) = kept.get(&key).await {
        return Ok(Some(shown(&worded)));
    }
    let position = kept.position();
    let Some(product) = app.reader.product(reference.clone()).await? else { return Ok(None) };
    match Worded::product(&product, &ProductView::of(&product)) {
        Ok(worded) => {
            kept.put(&key, position, &worded).await;
            Ok(Some(shown(&worded)))
        }
        Err(error) => Ok(Some(wordless(&error))),
    }
}

fn shown(worded: &Worded) -> Response {
    versioned_bytes(StatusCode::OK, worded.seen.version, worded.body())
}
