//! The body of a message: an event of the log with the object as it was left, as `/v1/events` shows
//! it; or, where that is too much for a receiver, only where to find it.

use bytes::Bytes;
use onhand_core::Timestamp;
use onhand_engine::query::EventRow;
use serde::Serialize;

use crate::http::wire::events::{EventDataView, EventView};
use crate::limits::WEBHOOK_BODY_BYTES_MAX;

/// The version of the API whose objects are in the messages.
pub const API_VERSION: &str = "v1";

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    id: &'a str,
    seq: i64,
    api_version: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Whole(EventDataView<'a>),
    /// The object's id, and where the event is with all that it says.
    Thin {
        id: String,
        url: String,
    },
}

/// What a receiver is sent about an event: at most [`WEBHOOK_BODY_BYTES_MAX`] bytes, and each time
/// the same.
///
/// # Errors
/// When what is stored cannot be shown.
pub fn of(row: &EventRow) -> serde_json::Result<Bytes> {
    let EventView { id, subject, data, .. } = EventView::of(row);
    let message = Message {
        kind: &row.kind,
        timestamp: row.recorded_at,
        id: &id,
        seq: row.seq,
        api_version: API_VERSION,
        data: Data::Whole(data),
    };
    let body = serde_json::to_vec(&message)?;
    if body.len() <= WEBHOOK_BODY_BYTES_MAX {
        return Ok(body.into());
    }
    let url = format!("/v1/events?after={}&limit=1", row.seq - 1);
    let thin = Message { data: Data::Thin { id: subject, url }, ..message };
    Ok(serde_json::to_vec(&thin)?.into())
}
