//! Orders and products by name, out of the cache if there is one. Who may see what is asked each
//! time; only the reading and the wording are spared.

use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, UserId};
use onhand_engine::query::ReadError;

use super::answer::{versioned, versioned_bytes, wordless};
use super::wire::catalog::ProductView;
use super::wire::orders::OrderView;
use crate::adapters::cache::kept::Worded;
use crate::app::App;

/// An order; to who knows only of `own` orders, one of those.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn order(
    app: &App,
    id: OrderId,
    own: Option<UserId>,
) -> Result<Option<Response>, ReadError> {
    let Some(kept) = &app.kept else {
        let order = app.reader.order(id, own).await?;
        return Ok(order.map(|row| versioned(StatusCode::OK, row.version, &OrderView::of(&row))));
    };
    let key = kept.order(id);
    if let Some(worded) = kept.get(&key).await {
        return Ok(worded.is_seen_by(own).then(|| shown(&worded)));
    }
    let position = kept.position();
    let Some(order) = app.reader.order(id, None).await? else { return Ok(None) };
    match Worded::order(&order, &OrderView::of(&order)) {
        Ok(worded) => {
            kept.put(&key, position, &worded).await;
            Ok(worded.is_seen_by(own).then(|| shown(&worded)))
        }
        Err(error) => Ok(Some(wordless(&error))),
    }
}

/// A product, as it is named.
///
/// # Errors
/// [`ReadError`].
pub(super) async fn product(
    app: &App,
    reference: &ProductRef,
) -> Result<Option<Response>, ReadError> {
    let Some(kept) = &app.kept else {
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
    versioned_bytes(StatusCode::OK, worded.version, worded.body())
}
