//! Webhook endpoints: a secret is shown once, a stale form says so and keeps what was typed, and
//! what an endpoint is called stays text.

use super::office::{Clerk, HOSTILE};
use crate::world::World;

const LIST: &str = "/admin/webhooks";
const ONE: &str = "/admin/webhooks/whe_1";

async fn add(clerk: &Clerk<'_>) {
    let fields = [
        ("url", "http://127.0.0.1:9/hooks"),
        ("description", HOSTILE),
        ("event_types", "order.*\r\nstock.low"),
    ];
    let made = clerk.send(LIST, "create", &fields).await;
    made.is(200).has(&["whsec_", "not shown again", "href=\"/admin/webhooks/whe_1\""]);
}

#[tokio::test]
async fn an_endpoint_is_added_and_its_secret_shown_once() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let empty = clerk.get(LIST).await;
    empty.is(200).has(&["Nobody is told what happens."]);
    add(&clerk).await;
    let listed = clerk.get(LIST).await;
    listed.has(&["http://127.0.0.1:9/hooks", "<code>order.*</code>, <code>stock.low</code>"]);
    listed.lacks(&["whsec_"]);
    let one = clerk.get(ONE).await;
    one.is(200).has(&["enabled", "Nothing was delivered.", "order.*\nstock.low</textarea>"]);
    one.lacks(&["whsec_"]);
    let rotated = clerk.send(ONE, "rotate", &[("keep_s", "60")]).await;
    let secret = rotated.text_of("secret").to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    clerk.get(ONE).await.lacks(&[&secret]);
    world.verify().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_shows_no_second_secret() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let shown = clerk.get(LIST).await;
    let fields = [("url", "http://127.0.0.1:9/hooks")];
    clerk.send_from(&shown, LIST, "create", &fields).await.is(200).has(&["whsec_"]);
    let again = clerk.send_from(&shown, LIST, "create", &fields).await;
    again.is(200).has(&["This was done before"]).lacks(&["whsec_"]);
    let listed = world.get("/v1/webhook-endpoints").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stale_form_keeps_what_was_typed() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    add(&clerk).await;
    // Two windows, each with a form and a key of its own.
    let (other, shown) = (clerk.get(ONE).await, clerk.get(ONE).await);
    let first = [("url", "http://127.0.0.1:9/a"), ("description", "first")];
    clerk.send_from(&other, ONE, "edit", &first).await.is(303);
    let second = [("url", "http://127.0.0.1:9/b"), ("description", "second")];
    let stale = clerk.send_from(&shown, ONE, "edit", &second).await;
    stale.is(412).has(&["Somebody else has changed this", "value=\"second\"", "127.0.0.1:9/b"]);
    // What is on the page now is how it stands, and the form can be sent from there.
    let sent = clerk.send_from(&stale, ONE, "edit", &second).await;
    sent.is(303);
    clerk.get(ONE).await.has(&["value=\"second\"", "everything"]);
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let bad = clerk.send(LIST, "create", &[("url", "ftp://x"), ("description", HOSTILE)]).await;
    bad.is(422).has(&["id=\"create-url-error\"", "value=\"ftp://x\"", "aria-invalid=\"true\""]);
    let fields = [("url", "http://127.0.0.1:9/"), ("event_types", "order.* nonsense")];
    let bad = clerk.send(LIST, "create", &fields).await;
    bad.is(422).has(&["id=\"create-event_types-error\"", "nonsense"]);
    add(&clerk).await;
    for (from, to) in [("x", "1"), ("0", "1"), ("5", "2"), ("1", "999")] {
        clerk.send(ONE, "replay", &[("from_seq", from), ("to_seq", to)]).await.is(422);
    }
    clerk.get("/admin/webhooks/whe_9").await.is(404);
}

#[tokio::test]
async fn an_endpoint_is_disabled_tested_enabled_and_deleted() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    add(&clerk).await;
    let off = clerk.did(ONE, "disable", &[]).await;
    off.has(&["The endpoint is disabled.", "badge bad", "/enable\""]).lacks(&["whe_1/disable\""]);
    let tested = clerk.send(ONE, "test", &[]).await;
    tested.is(200).has(&["it was not taken"]);
    clerk.did(ONE, "enable", &[]).await.has(&["The endpoint is enabled."]);
    let gone = clerk.send(ONE, "delete-endpoint", &[]).await;
    gone.is(303);
    assert!(gone.location().starts_with("/admin/webhooks?"), "{}", gone.location());
    clerk.get(ONE).await.is(404);
    let other = Clerk::operator(&world, &["events:read"]).await;
    other.get(LIST).await.is(403).has(&["webhooks:write"]);
    other.get("/admin").await.lacks(&["href=\"/admin/webhooks\""]);
}
