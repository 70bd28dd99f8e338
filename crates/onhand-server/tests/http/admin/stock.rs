//! The pages of stock and locations: what they show is what is there, and what is done on them goes
//! through the routes of `/v1`.

use serde_json::json;

use super::desk::Desk;
use crate::world::World;

const ODD: &str = r#"<script>alert(1)</script>"&'<b>"#;

#[tokio::test]
async fn stock_is_listed_found_and_filtered() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let all = desk.page("/admin/stock").await;
    assert_eq!(
        all.row(">headphones<")[..8],
        ["headphones", "Headphones", "Main", "109", "0", "0", "109", "10"].map(str::to_owned)
    );
    let one = desk.page("/admin/stock?sku=laptop").await;
    one.says(&["Laptop"]);
    one.says_not(&["Headphones"]);
    desk.page("/admin/stock?sku=nothing").await.says(&["No stock is like that."]);
    desk.page("/admin/stock?sku=%20%2F").await.says(&["No stock is like that."]);
    let low = desk.page("/admin/stock?low=yes").await;
    low.says(&["Sample product", ">low<"]);
    low.says_not(&["Laptop"]);
    desk.page("/admin/stock?location=main").await.says(&["Laptop"]);
    for wrong in ["location=loc_99", "location=nowhere", "after=x"] {
        let shown = desk.get(&format!("/admin/stock?{wrong}")).await;
        assert_eq!(shown.status, 422, "{wrong}");
        shown.says(&["This cannot be shown"]);
    }
    for wrong in ["/admin/stock/none", "/admin/stock/none/ledger", "/admin/stock/prd_99"] {
        assert_eq!(desk.get(wrong).await.status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn stock_is_adjusted_counted_and_explained() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let path = "/admin/stock/headphones";
    let adjust = format!("{path}/adjust");
    let page = desk.page(path).await;

    // Twice as it is: once it is done.
    let typed = [("delta", "-9"), ("reason", "damaged"), ("reference", ODD)];
    let done = desk.do_it(&page, &adjust, &typed).await;
    let done_again = desk.do_it(&page, &adjust, &typed).await;
    for done in [done, done_again] {
        done.says(&["The stock is adjusted.", "&lt;script&gt;alert(1)", "-9", "damaged"]);
        done.says_not(&["<script>alert"]);
        assert_eq!(done.row(">on hand<"), ["on hand", "100"].map(str::to_owned));
    }

    // What is wrong is told at its field, and what was typed stays.
    let page = desk.page(path).await;
    for (typed, status, told) in [
        ([("delta", "many"), ("reason", "lost")], 422, r#"id="adjust-delta-error""#),
        ([("delta", "0"), ("reason", "lost")], 422, r#"id="adjust-delta-error""#),
        ([("delta", "1"), ("reason", "In Words")], 422, r#"id="adjust-reason-error""#),
        ([("delta", "-101"), ("reason", "lost")], 409, "insufficient_stock"),
    ] {
        let failed = desk.send(&page, &adjust, &typed).await;
        assert_eq!(failed.status, status, "{typed:?}: {}", failed.html);
        let kept = typed.map(|(_, value)| format!(r#"value="{value}""#));
        failed.says(&[told, &kept[0], &kept[1], "<details class=\"action\" open>"]);
    }

    // Somebody else takes one: whoever counted before is told, and sends it again.
    let body = json!({"sku": "headphones", "delta": -1, "reason": "lost"});
    assert_eq!(world.post("/v1/stock/adjustments", "else", body).await.status, 201);
    let count = format!("{path}/count");
    let stale = desk.send(&page, &count, &[("counted", "98")]).await;
    assert_eq!(stale.status, 409, "{}", stale.html);
    stale.says(&["change_from_quantity_stale", r#"value="98""#, "says that 99 are there"]);
    let done = desk.do_it(&stale, &count, &[]).await;
    done.says(&["The count is taken over.", "cycle_count"]);
    assert_eq!(done.row(">available<"), ["available", "98"].map(str::to_owned));
    assert_eq!(world.get("/v1/stock/headphones").await.body["on_hand"], 98);
    world.verify().await;
}

#[tokio::test]
async fn a_policy_is_changed_by_one_at_a_time() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let path = "/admin/stock/laptop";
    let policy = format!("{path}/policy");
    let (mine, theirs) = (desk.page(path).await, desk.page(path).await);
    let typed = [("safety_stock", "5"), ("low_stock_threshold", "46")];
    let done = desk.do_it(&theirs, &policy, &typed).await;
    done.says(&["Safety stock and threshold are set.", ">low<"]);
    let stale = desk.send(&mine, &policy, &[("safety_stock", "7")]).await;
    assert_eq!(stale.status, 412, "{}", stale.html);
    stale.says(&["Somebody else has changed this", r#"name="safety_stock" value="7""#]);
    // What was wrong with it otherwise does not hide that.
    let wrong = desk.send(&mine, &policy, &[("safety_stock", "-7")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.html);
    let still = desk.send(&wrong, &policy, &[("safety_stock", "8")]).await;
    assert_eq!(still.status, 412, "{}", still.html);
    let done = desk.do_it(&stale, &policy, &[]).await;
    assert_eq!(done.row(">available<"), ["available", "43"].map(str::to_owned));
}

#[tokio::test]
async fn units_go_to_another_location_and_back_in_time() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let locations = desk.page("/admin/locations").await;
    let typed = [("code", "berlin"), ("name", ODD), ("priority", "1")];
    let made = desk.do_it(&locations, "/admin/locations/create-location", &typed).await;
    made.says(&["The location is there.", "&lt;script&gt;"]);
    made.says_not(&["<script>alert"]);
    let again = desk.send(&made, "/admin/locations/create-location", &typed).await;
    assert_eq!(again.status, 409, "{}", again.html);

    let path = "/admin/stock/tablet";
    world.clock.advance_secs(60);
    let page = desk.page(&format!("{path}?location=main")).await;
    let typed = [("quantity", "4"), ("reference", "van-1")];
    let failed = desk.send(&page, &format!("{path}/transfer"), &[("quantity", "400")]).await;
    assert_eq!(failed.status, 409, "{}", failed.html);
    // It is about the same location as before.
    failed.says(&["What can be done at Main", r#"value="400""#]);
    // What was sent before is not sent again as something else.
    let reused = desk.send(&page, &format!("{path}/transfer"), &typed).await;
    reused.says(&["idempotency_key_reused", "Look at it once more and send it again"]);
    let done = desk.do_it(&failed, &format!("{path}/transfer"), &typed).await;
    done.says(&["The units are moved.", "van-1"]);
    let there = world.get("/v1/stock/tablet").await.body;
    assert_eq!((&there["on_hand"], &there["locations"][1]["on_hand"]), (&json!(10), &json!(4)));

    let then = desk.page(&format!("{path}?as_of=2026-01-01T00:00:30&clock=recorded")).await;
    then.says(&["This is how it stood", "as this server showed it then"]);
    then.says_not(&["Adjust", "&lt;script&gt;"]);
    for wrong in ["as_of=yesterday", "as_of=2026-01-01T00:00:30&clock=sun"] {
        assert_eq!(desk.get(&format!("{path}?{wrong}")).await.status, 422, "{wrong}");
    }
    let ledger = desk.page(&format!("{path}/ledger")).await;
    ledger.says(&["van-1", "transferred", "+4", "-4"]);
    assert_eq!(desk.get(&format!("{path}/ledger?after=mov_x")).await.status, 422);
    world.verify().await;
}

#[tokio::test]
async fn a_long_ledger_is_read_page_by_page() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    for at in 0..60 {
        let body =
            json!({"sku": "123", "delta": 1, "reason": "found", "reference": format!("n{at}")});
        assert_eq!(world.post("/v1/stock/adjustments", &format!("n{at}"), body).await.status, 201);
    }
    let stock = desk.page("/admin/stock/123").await;
    stock.says(&["over the last 61 movements: from 5 to 65", r#"<path class="curve""#, "n59"]);
    stock.says_not(&[">n39<"]);
    let first = desk.page("/admin/stock/123/ledger").await;
    first.says(&[">n59<", ">n10<"]);
    first.says_not(&[">n9<"]);
    let (_, next) = first.html.split_once(r#"rel="next" href=""#).unwrap();
    let second = desk.page(&next.split('"').next().unwrap().replace("&amp;", "&")).await;
    second.says(&[">n9<", ">n0<", "received", "First page"]);
    second.says_not(&[">n10<", "Next page"]);
}

#[tokio::test]
async fn whoever_may_only_look_gets_no_forms() {
    let world = World::new().await;
    let desk = Desk::with(&world, "stock:read").await;
    let page = desk.page("/admin/stock/laptop").await;
    page.says_not(&["What can be done"]);
    desk.page("/admin/locations").await.says_not(&["What can be done"]);
    let writer = Desk::new(&world).await;
    let form = writer.page("/admin/stock/laptop").await;
    // The form of somebody else is not theirs to send.
    let typed = [("delta", "1"), ("reason", "found")];
    let sent = desk.send(&form, "/admin/stock/laptop/adjust", &typed).await;
    assert_eq!(sent.status, 403, "{}", sent.html);
    assert_eq!(world.get("/v1/stock/laptop").await.body["on_hand"], 50);
    let other = Desk::with(&world, "catalog:read").await;
    for path in ["/admin/stock", "/admin/stock/laptop", "/admin/locations", "/admin/warehouse"] {
        let shown = other.get(path).await;
        assert_eq!(shown.status, 403, "{path}");
        shown.says(&["You may not see this", "stock:read"]);
    }
}

#[tokio::test]
async fn a_hold_is_given_back_by_its_button() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let hold = json!({"items": [{"sku": "tablet", "quantity": 3}], "reference": ODD});
    assert_eq!(world.post("/v1/reservations", "hold", hold).await.status, 201);
    let page = desk.page("/admin/stock/tablet").await;
    page.says(&["&lt;script&gt;", "Give back"]);
    let done = desk.do_it(&page, "/admin/stock/tablet/release", &[]).await;
    done.says(&["The units are free.", "Nobody holds any of it."]);
    let late = desk.send(&page, "/admin/stock/tablet/release", &[]).await;
    assert_eq!(late.status, 303, "the same key does the same once: {}", late.html);
}
