//! Events on their way out, as somebody sees them who knows CloudEvents and nothing of us. The
//! events are those of a real log.

use std::sync::Arc;

use async_nats::jetstream::stream::Config as StreamConfig;
use aws_sdk_sqs::types::Message;
use onhand_core::payments::Policy;
use onhand_engine::committer::Config;
use onhand_engine::database::{Database, Schema};
use onhand_engine::query::EventRow;
use onhand_engine::{Location, SystemClock};
use onhand_server::adapters::queues::QueueError;
use onhand_server::adapters::queues::cloud_event::Source;
use onhand_server::adapters::queues::nats::NatsSender;
use onhand_server::adapters::queues::relay::{Mode, Relay};
use onhand_server::adapters::queues::sqs::SqsSender;
use onhand_server::demo;
use onhand_server::http::wire::events::EventView;
use serde_json::{Value, json};

use crate::nats::{context, link, shared};
use crate::sqs::{client_at, drain, make, moto};
use crate::world::unique;

/// What the demo has written.
async fn events() -> Vec<EventRow> {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("onhand.db"));
    let database = Database::open(&location, Schema::Migrate).await.unwrap();
    let reader = database.reader().unwrap();
    let policy = Arc::new(Policy::default());
    let config = Config { clock: Arc::new(SystemClock), crash: None, policy };
    let (submit, _running, _) = database.start(config).unwrap();
    demo::load(&submit).await.unwrap();
    let rows = reader.events(0, Vec::new(), 30).await.unwrap().rows;
    assert!(rows.len() > 10, "more than one request holds");
    rows
}

fn shown(event: &EventRow) -> Value {
    serde_json::to_value(EventView::of(event)).unwrap()
}

/// The attributes that an event has to have.
fn attributes(event: &EventRow) -> Value {
    let shown = shown(event);
    json!({
        "specversion": "1.0", "id": shown["id"], "source": "/shop", "type": shown["type"],
        "subject": shown["subject"], "time": shown["occurred_at"],
    })
}

/// What is there of a message to a queue, once it was seen that it says what it is.
fn structured(message: &Message) -> Value {
    let fields = message.message_attributes.as_ref().unwrap();
    let kind = fields.get("content-type").unwrap().string_value.as_deref().unwrap();
    assert_eq!(kind, "application/cloudevents+json; charset=UTF-8");
    serde_json::from_str(message.body.as_ref().unwrap()).unwrap()
}

#[tokio::test]
async fn sqs_gets_each_event_whole_in_one_object() {
    let events = events().await;
    let client = client_at(moto()).await;
    for is_fifo in [false, true] {
        let url = make(&client, &unique(), is_fifo).await;
        let carrier = Arc::new(SqsSender::new(client.clone(), url.clone()));
        let relay = Relay::new(Source::new("/shop").unwrap(), Mode::Structured, carrier);
        relay.probe().await.unwrap();
        relay.publish(&events).await.unwrap();
        if is_fifo {
            // Whoever does not know how far it came sends it all again.
            relay.publish(&events).await.unwrap();
        }
        let mut came: Vec<Value> = drain(&client, &url).await.iter().map(structured).collect();
        came.sort_by_key(|one| one["data"]["seq"].as_i64());
        assert_eq!(came.len(), events.len());
        for (mut one, event) in came.into_iter().zip(&events) {
            let data = one.as_object_mut().unwrap().remove("data").unwrap();
            assert_eq!(data, shown(event));
            let kind = one.as_object_mut().unwrap().remove("datacontenttype").unwrap();
            assert_eq!(kind, "application/json");
            assert_eq!(one, attributes(event));
        }
    }
}

#[tokio::test]
async fn nats_gets_each_event_with_its_attributes_in_headers() {
    let events = events().await;
    let subject = unique();
    let carrier = Arc::new(NatsSender::new(link(&shared()).await, subject.clone()));
    let relay = Relay::new(Source::new("/shop").unwrap(), Mode::Binary, carrier);
    // Nobody listens yet, and what nobody keeps was not taken.
    let lost = relay.publish(&events).await;
    assert!(matches!(lost, Err(QueueError::Unavailable(_))), "{lost:?}");
    let probed = relay.probe().await;
    assert!(matches!(probed, Err(QueueError::Refused(_))), "{probed:?}");
    let config =
        StreamConfig { name: subject.clone(), subjects: vec![subject], ..StreamConfig::default() };
    let stream = context(&shared()).await.create_stream(config).await.unwrap();
    relay.probe().await.unwrap();
    relay.publish(&events).await.unwrap();
    relay.publish(&events).await.unwrap();
    let state = stream.get_info().await.unwrap().state;
    assert_eq!(state.messages, u64::try_from(events.len()).unwrap());
    for (position, event) in (1..).zip(&events) {
        let message = stream.get_raw_message(position).await.unwrap();
        let data: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(data, shown(event));
        let header = |name: &str| message.headers.get(name).map(|value| value.to_string());
        assert_eq!(header("content-type").as_deref(), Some("application/json"));
        for (name, value) in attributes(event).as_object().unwrap() {
            assert_eq!(header(&format!("ce-{name}")).as_deref(), value.as_str(), "{name}");
        }
    }
}
