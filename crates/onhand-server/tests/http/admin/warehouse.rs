//! The pages of the warehouse and of imports. The warehouse's part is played as in `shelves.rs`.

use serde_json::{Value, json};

use super::desk::{Desk, Shown};
use crate::shelves::{answer, go_on};
use crate::world::World;

/// Begins a run by the form, and plays its answer.
async fn run(world: &World, desk: &Desk<'_>, rows: &[(&str, i64)]) -> String {
    let page = desk.page("/admin/warehouse").await;
    let begun = desk.do_it(&page, "/admin/warehouse/start-run", &[("dry_run", "\0")]).await;
    begun.says(&["The run has begun.", ">receiving<"]);
    let newest = world.get("/v1/warehouse").await.body["newest"]["id"].clone();
    answer(world, &newest, rows).await;
    format!("/admin/warehouse/runs/{}", newest.as_str().unwrap())
}

fn actions(page: &Shown) -> bool {
    page.html.contains("What can be done")
}

#[tokio::test]
async fn a_run_is_begun_looked_at_and_decided_row_by_row() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let empty = desk.page("/admin/warehouse").await;
    empty.says(&["There is no such run.", "http://127.0.0.1:9", "Ask the warehouse now"]);
    let rows = [("smartwatch", 1), ("laptop", 2), ("tablet", 9)];
    let path = run(&world, &desk, &rows).await;

    let page = desk.page(&path).await;
    page.says(&[">held<", "holds rows that differ by more than 5 units", "negative: the figure"]);
    let row = page.row("/admin/stock/laptop");
    assert_eq!(row[1..7], ["laptop", "laptop", "Main", "2", "50", "-48"].map(str::to_owned));
    let held = desk.page(&format!("{path}?action=held")).await;
    held.says_not(&["/admin/stock/tablet"]);
    assert_eq!(desk.get(&format!("{path}?action=lost")).await.status, 422);
    assert_eq!(desk.get(&format!("{path}?after=-1")).await.status, 422);
    assert_eq!(desk.get("/admin/warehouse/runs/syn_99").await.status, 404);

    // Whoever may only look decides nothing.
    let reader = Desk::with(&world, "stock:read").await;
    reader.page(&path).await.says_not(&["What can be done", "Approve"]);

    let (approve, reject) = (format!("{path}/approve-row"), format!("{path}/reject-row"));
    let sent = desk.send_the(&held, &approve, r#"name="row" value="1""#, &[]).await;
    let done = desk.follow(&sent).await;
    // It leads back to the rows that are held.
    done.says(&["The row is approved and counted.", "/admin/stock/laptop"]);
    done.says_not(&["/admin/stock/smartwatch"]);
    let late = desk.send_the(&page, &reject, r#"name="row" value="1""#, &[]).await;
    assert_eq!(late.status, 409, "{}", late.html);
    let sent = desk.send_the(&page, &reject, r#"name="row" value="2""#, &[]).await;
    desk.follow(&sent).await.says(&["The row is rejected.", ">applied<"]);
    let stock = |body: Value| body["on_hand"].clone();
    assert_eq!(stock(world.get("/v1/stock/smartwatch").await.body), 1);
    assert_eq!(stock(world.get("/v1/stock/laptop").await.body), 50);
    assert!(!actions(&desk.page(&path).await));
    desk.page("/admin/warehouse?status=applied").await.says(&[">applied<"]);
    desk.page("/admin/warehouse?status=failed").await.says(&["There is no such run."]);
    assert_eq!(desk.get("/admin/warehouse?status=lost").await.status, 422);
    world.verify().await;
}

#[tokio::test]
async fn a_run_is_decided_whole_and_tells_what_is_missing() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    desk.page("/admin/warehouse/shortfalls").await.says(&["Nothing is missing."]);
    let hold = json!({"items": [{"sku": "smartphone", "quantity": 3}], "reference": "shelf"});
    assert_eq!(world.post("/v1/reservations", "hold", hold).await.status, 201);

    let path = run(&world, &desk, &[("smartphone", 2)]).await;
    let page = desk.page(&path).await;
    desk.do_it(&page, &format!("{path}/approve"), &[]).await;
    go_on(&world).await;
    desk.page(&path).await.says(&[">shortfall<", "1 missing"]);
    desk.page("/admin/warehouse").await.says(&["there is something"]);
    let missing = desk.page("/admin/warehouse/shortfalls").await;
    assert_eq!(missing.row("smartphone")[..3], ["smartphone", "Main", "1"].map(str::to_owned));
    desk.page("/admin/stock/smartphone").await.says(&["Promised and not there", "1 missing"]);
    assert_eq!(desk.get("/admin/warehouse/shortfalls?after=prd_1").await.status, 422);

    let path = run(&world, &desk, &[("laptop", 2)]).await;
    let page = desk.page(&path).await;
    desk.do_it(&page, &format!("{path}/reject"), &[]).await;
    go_on(&world).await;
    assert_eq!(world.get("/v1/stock/laptop").await.body["on_hand"], 50);
    world.verify().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_only_one_is_open() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    let page = desk.page("/admin/warehouse").await;
    let begun = desk.do_it(&page, "/admin/warehouse/start-run", &[("dry_run", "yes")]).await;
    begun.says(&["only tells"]);
    let other = desk.page("/admin/warehouse").await;
    let refused = desk.send(&other, "/admin/warehouse/start-run", &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.html);
    refused.says(&["sync_running"]);
    let newest = world.get("/v1/warehouse").await.body["newest"]["id"].clone();
    answer(&world, &newest, &[("laptop", 49)]).await;
    desk.page("/admin/warehouse").await.says(&[">reported<"]);
    assert_eq!(world.get("/v1/stock/laptop").await.body["on_hand"], 50);
}

#[tokio::test]
async fn imports_are_shown_with_the_rows_that_were_not_taken_over() {
    let world = World::new().await;
    let desk = Desk::new(&world).await;
    desk.page("/admin/imports").await.says(&["No file was ever imported."]);
    let file = "sku,on_hand,<i>x</i>\nlaptop,7,1\nlaptop,<b>many</b>,1\nnone,1,1\n";
    let headers = [("content-type", "text/csv"), ("idempotency-key", "file")];
    let sent = world.send(axum::http::Method::POST, "/v1/imports?kind=stock", &headers, file).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    let id = sent.body["id"].as_str().unwrap();
    let list = desk.page("/admin/imports").await;
    assert_eq!(list.row(id)[5..], ["3", "0", "1", "0", "2"].map(str::to_owned));
    let one = desk.page(&format!("/admin/imports/{id}")).await;
    one.says(&["&lt;b&gt;many&lt;/b&gt;", "unknown_sku", "&lt;i&gt;x&lt;/i&gt;", "stock, csv"]);
    one.says_not(&["<b>many", "<i>x"]);
    assert_eq!(desk.get("/admin/imports/imp_99999").await.status, 404);
    assert_eq!(desk.get("/admin/imports/7").await.status, 404);
}
