//! Events in the form of CloudEvents 1.0, for whoever listens at a broker. Of the two ways that the
//! standard has, the structured one puts everything into one object of JSON, the binary one puts
//! the attributes into headers. The data is the event as `/v1/events` shows it, in both.

use bytes::Bytes;
use onhand_engine::query::EventRow;
use serde::Serialize;

use super::Outgoing;
use super::parcel::Parcel;
use crate::http::wire::events::EventView;
use crate::limits::RELAY_SOURCE_CHARS_MAX;

/// The media type of the structured form.
pub const STRUCTURED: &str = "application/cloudevents+json; charset=UTF-8";
const VERSION: &str = "1.0";
const JSON: &str = "application/json";
/// The header that says what a body is.
const CONTENT_TYPE: &str = "content-type";

/// Where events come from: `ce-source`. A reference to a URI, such as `/onhand` or
/// `https://shop.example`; two installations that share a broker have different ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(String);

impl Source {
    /// 1 to [`RELAY_SOURCE_CHARS_MAX`] visible characters of ASCII.
    pub fn new(text: &str) -> Option<Self> {
        let is_short = (1..=RELAY_SOURCE_CHARS_MAX).contains(&text.len());
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        (is_short && is_plain).then(|| Self(text.to_owned()))
    }
}

/// The attributes in the order in which the standard lists them.
#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: &'a EventView<'a>,
}

/// One object with everything.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn structured(source: &Source, event: &EventRow) -> Result<Parcel, serde_json::Error> {
    let view = EventView::of(event);
    let envelope = Envelope {
        specversion: VERSION,
        id: view.id(),
        source: &source.0,
        kind: &event.kind,
        subject: view.subject(),
        time: event.recorded_at.to_string(),
        datacontenttype: JSON,
        data: &view,
    };
    let body = readable(serde_json::to_string(&envelope)?);
    let fields = vec![(CONTENT_TYPE, STRUCTURED.to_owned())];
    Ok(Parcel { message: message(source, &view, body.into()), fields })
}

/// The attributes as headers, and the event as the body.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn binary(source: &Source, event: &EventRow) -> Result<Parcel, serde_json::Error> {
    let view = EventView::of(event);
    let mut fields = vec![
        ("ce-specversion", VERSION.to_owned()),
        ("ce-id", view.id().to_owned()),
        ("ce-source", source.0.clone()),
        ("ce-type", event.kind.clone()),
        ("ce-subject", view.subject().to_owned()),
        ("ce-time", event.recorded_at.to_string()),
        (CONTENT_TYPE, JSON.to_owned()),
    ];
    fields.retain(|(_, value)| !value.is_empty());
    let body = readable(serde_json::to_string(&view)?);
    Ok(Parcel { message: message(source, &view, body.into()), fields })
}

/// Events of one object stay in order, where the broker keeps any.
fn message(source: &Source, view: &EventView<'_>, body: Bytes) -> Outgoing {
    let group = if view.subject().is_empty() { view.id() } else { view.subject() };
    Outgoing { dedup_id: format!("{}#{}", source.0, view.id()), group: group.to_owned(), body }
}

/// The same JSON without the two characters that no queue has to carry. They can only be within a
/// text, where JSON has another spelling for them; control characters have it anyway.
fn readable(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    use onhand_core::actor::Actor;
    use onhand_core::events::EventBody;
    use onhand_core::ids::LocationId;
    use onhand_core::inventory::Location;
    use onhand_core::text::Name;

    use super::*;

    fn event(name: &str) -> EventRow {
        let at = "2026-11-21T05:48:16.120394Z".parse().unwrap();
        let location = Location {
            id: LocationId::new(3).unwrap(),
            code: Name::new("main").unwrap(),
            name: Name::new(name).unwrap(),
            priority: 1,
            active: true,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        EventRow {
            seq: 108,
            kind: "location.updated".to_owned(),
            actor: Actor::Local,
            recorded_at: at,
            body: EventBody::Location(location),
        }
    }

    fn source() -> Source {
        Source::new("/shop").unwrap()
    }

    fn json(parcel: &Parcel) -> serde_json::Value {
        serde_json::from_slice(&parcel.message.body).unwrap()
    }

    #[test]
    fn the_structured_form_is_one_object() {
        let parcel = structured(&source(), &event("Main")).unwrap();
        insta::assert_json_snapshot!(json(&parcel), @r#"
        {
          "data": {
            "actor": "local",
            "data": {
              "active": true,
              "code": "main",
              "created_at": "2026-11-21T05:48:16.120394Z",
              "id": "loc_3",
              "name": "Main",
              "object": "location",
              "priority": 1,
              "updated_at": "2026-11-21T05:48:16.120394Z",
              "version": 1
            },
            "id": "evt_108",
            "object": "event",
            "occurred_at": "2026-11-21T05:48:16.120394Z",
            "seq": 108,
            "subject": "loc_3",
            "type": "location.updated"
          },
          "datacontenttype": "application/json",
          "id": "evt_108",
          "source": "/shop",
          "specversion": "1.0",
          "subject": "loc_3",
          "time": "2026-11-21T05:48:16.120394Z",
          "type": "location.updated"
        }
        "#);
        let fields = [("content-type", "application/cloudevents+json; charset=UTF-8".to_owned())];
        assert_eq!(parcel.fields, fields);
        assert_eq!(parcel.message.dedup_id, "/shop#evt_108");
        assert_eq!(parcel.message.group, "loc_3");
    }

    #[test]
    fn the_binary_form_has_its_attributes_in_headers() {
        let parcel = binary(&source(), &event("Main")).unwrap();
        insta::assert_json_snapshot!(parcel.fields, @r#"
        [
          [
            "ce-specversion",
            "1.0"
          ],
          [
            "ce-id",
            "evt_108"
          ],
          [
            "ce-source",
            "/shop"
          ],
          [
            "ce-type",
            "location.updated"
          ],
          [
            "ce-subject",
            "loc_3"
          ],
          [
            "ce-time",
            "2026-11-21T05:48:16.120394Z"
          ],
          [
            "content-type",
            "application/json"
          ]
        ]
        "#);
        assert_eq!(json(&parcel), json(&structured(&source(), &event("Main")).unwrap())["data"]);
        assert_eq!(parcel.message.dedup_id, "/shop#evt_108");
    }

    #[test]
    fn an_event_about_nothing_in_particular_has_no_subject() {
        let nothing = EventRow { body: EventBody::Stock(Vec::new()), ..event("Main") };
        let parcel = structured(&source(), &nothing).unwrap();
        assert_eq!(json(&parcel).get("subject"), None);
        assert_eq!(parcel.message.group, "evt_108");
        let parcel = binary(&source(), &nothing).unwrap();
        assert!(parcel.fields.iter().all(|(name, _)| *name != "ce-subject"));
    }

    #[test]
    fn every_event_can_be_carried() {
        for name in ["\u{fffe}\u{ffff}", "\u{1f600} \"quoted\" \\", "x"] {
            for write in [structured, binary] {
                let parcel = write(&source(), &event(name)).unwrap();
                parcel.message.check().unwrap();
                let shown: serde_json::Value =
                    serde_json::from_slice(&parcel.message.body).unwrap();
                let data = shown.get("specversion").map_or(&shown, |_| &shown["data"]);
                assert_eq!(data["data"]["name"], name);
            }
        }
    }

    #[test]
    fn a_source_is_a_reference_to_a_uri() {
        for (text, passes) in [
            ("/onhand", true),
            ("https://shop.example/eu?a=1", true),
            ("urn:shop:1", true),
            (&*"x".repeat(RELAY_SOURCE_CHARS_MAX), true),
            (&*"x".repeat(RELAY_SOURCE_CHARS_MAX + 1), false),
            ("", false),
            ("two words", false),
            ("line\n", false),
            ("\"quoted\"", false),
            ("caf\u{e9}", false),
        ] {
            assert_eq!(Source::new(text).is_some(), passes, "{text}");
        }
    }
}
