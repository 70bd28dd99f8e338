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

#[cfg(test)]
mod tests {
    use onhand_core::Actor;
    use onhand_core::catalog::Category;
    use onhand_core::events::EventBody;
    use onhand_core::inventory::{Level, Movement, MovementKind, StockChange};
    use onhand_core::text::{Name, Reason, Sku};
    use serde_json::Value;

    use super::*;

    const AT: Timestamp = Timestamp::constant(1_795_240_096, 120_394_000);

    fn row(kind: &str, body: EventBody) -> EventRow {
        EventRow { seq: 108, kind: kind.to_owned(), actor: Actor::Local, recorded_at: AT, body }
    }

    fn category() -> EventRow {
        let category = Category {
            id: "cat_7".parse().unwrap(),
            name: Name::new("Grüße \"日本\"").unwrap(),
            parent_id: None,
            version: 1,
            created_at: AT,
            updated_at: AT,
            deleted_at: None,
        };
        row("category.created", EventBody::Category(category))
    }

    /// Of so many products at once.
    fn stock(changes: usize) -> EventRow {
        let (product_id, location_id) = ("prd_3".parse().unwrap(), "loc_1".parse().unwrap());
        let movement = Movement {
            seq: 9,
            product_id,
            location_id,
            kind: MovementKind::Received,
            reason: Reason::new("restock").unwrap(),
            reference: None,
            actor: Actor::Local,
            delta_on_hand: 5,
            delta_reserved: 0,
            on_hand_after: 5,
            reserved_after: 0,
            occurred_at: AT,
            recorded_at: AT,
            previous: 0,
            ordinal: 1,
            cause: 108,
        };
        let level = Level::empty(product_id, location_id, AT);
        let change = StockChange { sku: Sku::new("headphones").unwrap(), movement, level };
        row("stock.adjusted", EventBody::Stock(vec![change; changes]))
    }

    fn read(row: &EventRow) -> Value {
        let body = of(row).unwrap();
        assert!(body.len() <= WEBHOOK_BODY_BYTES_MAX, "{}", body.len());
        assert_eq!(body, of(row).unwrap());
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_message_has_the_object_as_the_feed_shows_it() {
        insta::assert_json_snapshot!(read(&category()), @r#"
        {
          "api_version": "v1",
          "data": {
            "created_at": "2026-11-21T05:48:16.120394Z",
            "id": "cat_7",
            "name": "Grüße \"日本\"",
            "object": "category",
            "parent_id": null,
            "updated_at": "2026-11-21T05:48:16.120394Z",
            "version": 1
          },
          "id": "evt_108",
          "seq": 108,
          "timestamp": "2026-11-21T05:48:16.120394Z",
          "type": "category.created"
        }
        "#);
        let fed = serde_json::to_value(EventView::of(&category())).unwrap();
        let sent = read(&category());
        for field in ["id", "seq", "type", "data"] {
            assert_eq!(sent[field], fed[field], "{field}");
        }
        assert_eq!(sent["timestamp"], fed["occurred_at"]);
    }

    #[test]
    fn what_is_too_large_is_a_link() {
        assert_eq!(read(&stock(2))["data"]["data"].as_array().map(Vec::len), Some(2));
        insta::assert_json_snapshot!(read(&stock(200)), @r#"
        {
          "api_version": "v1",
          "data": {
            "id": "prd_3",
            "url": "/v1/events?after=107&limit=1"
          },
          "id": "evt_108",
          "seq": 108,
          "timestamp": "2026-11-21T05:48:16.120394Z",
          "type": "stock.adjusted"
        }
        "#);
    }

    #[test]
    fn the_largest_message_is_whole_and_the_next_one_a_link() {
        let is_whole = |changes| read(&stock(changes))["data"]["url"] == Value::Null;
        let first = (1..200).find(|changes| !is_whole(*changes)).unwrap();
        let row = stock(first);
        let data = serde_json::to_vec(&EventView::of(&row).data).unwrap();
        assert!(data.len() > WEBHOOK_BODY_BYTES_MAX - 200, "{}", data.len());
        assert!((first..200).all(|changes| !is_whole(changes)));
    }
}
