//! Runs against the external warehouse, over their routes: the part of whoever asks it is played by
//! the tests, so that each answer is held against the description.

use std::sync::Arc;

use axum::http::Method;
use onhand_core::catalog::ProductRef;
use onhand_core::command::Reply;
use onhand_core::ids::SyncId;
use onhand_core::text::{Reference, Sku, Text};
use onhand_core::warehouse::{Command, Figure, NewRow, Policy, Sync};
use onhand_core::{Actor, Command as AnyCommand};
use onhand_server::adapters::warehouse::options::Plan;
use onhand_server::adapters::warehouse::{LIMITS, Warehouse};
use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use onhand_server::workers::timetable::{Timetable, zone};
use serde_json::{Value, json};

use crate::world::World;

/// A warehouse where nobody is. A row that differs by more than five units is held.
pub(crate) fn nobody() -> Plan {
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let guard = Guard::new(Allowances { http: true, networks });
    let url = "http://127.0.0.1:9/stock".to_owned();
    let warehouse = Warehouse::new(url, None, guard, LIMITS).unwrap();
    let expression = "0 * * * *".parse().unwrap();
    let timetable = Timetable { expression, zone: zone("UTC").unwrap() };
    let policy = Policy { hold_units: Some(5), guard_percent: 0, ..Policy::default() };
    Plan { warehouse, timetable, policy }
}

async fn submit(world: &World, command: Command) -> Arc<Sync> {
    let command = AnyCommand::Warehouse(command);
    let answer = world.app.submit.submit(command, Actor::System, None).await.unwrap();
    let Ok(Reply::Sync(sync)) = answer.outcome else { panic!("{answer:?}") };
    sync
}

/// Goes on with a run as far as it goes by itself.
async fn settle(world: &World, mut sync: Arc<Sync>) {
    while sync.status.is_open() {
        let (id, expected_version) = (sync.id, sync.version);
        sync = submit(world, Command::Step { id, expected_version, most: 100 }).await;
    }
}

/// Goes on with the run that is open.
pub(crate) async fn go_on(world: &World) {
    if let Some(open) = world.app.reader.open_sync().await.unwrap() {
        settle(world, Arc::new(open)).await;
    }
}

/// Takes in an answer, and goes on with the run.
pub(crate) async fn answer(world: &World, id: &Value, rows: &[(&str, i64)]) {
    let id: SyncId = id.as_str().unwrap().parse().unwrap();
    let row = |(sku, on_hand): &(&str, i64)| {
        let products = vec![ProductRef::Sku(Sku::new(*sku).unwrap())];
        let figure = Figure { products, location: None, on_hand: *on_hand, as_of: None };
        NewRow { sent: Reference::new(*sku).unwrap(), told: Ok(figure) }
    };
    let mut rows: Vec<_> = rows.iter().map(row).collect();
    let odd = Err(Text::new("negative: the figure is negative").unwrap());
    rows.push(NewRow { sent: Reference::new("odd").unwrap(), told: odd });
    let count = u32::try_from(rows.len()).unwrap();
    submit(world, Command::Stage { id, from_row: 0, rows }).await;
    let closed = submit(world, Command::Close { id, rows: count, etag: None, cursor: None }).await;
    settle(world, closed).await;
}

async fn post(world: &World, path: &str, key: &str, status: u16) -> Value {
    let reply = world.post(path, key, json!({})).await;
    assert_eq!(reply.status, status, "{path}: {}", reply.body);
    reply.body
}

/// Through all routes of the warehouse.
pub(crate) async fn tour(world: &World) {
    let all = "/v1/warehouse/syncs";
    assert_eq!(world.get("/v1/warehouse").await.body["answered_at"], Value::Null);
    let begun = post(world, all, "syn-1", 201).await;
    assert_eq!(post(world, all, "syn-1", 201).await["id"], begun["id"]);
    let running = post(world, all, "syn-2", 409).await;
    assert_eq!(
        (&running["code"], &running["sync_id"], &running["sync_status"]),
        (&json!("sync_running"), &begun["id"], &json!("receiving"))
    );
    // Three phones are promised, and two are there.
    let hold = json!({"items": [{"sku": "smartphone", "quantity": 3}], "reference": "shelf"});
    assert_eq!(world.post("/v1/reservations", "syn-hold", hold).await.status, 201);
    let stock = world.get("/v1/stock/tablet").await.body["on_hand"].as_i64().unwrap();
    answer(world, &begun["id"], &[("smartwatch", 1), ("laptop", 2), ("tablet", stock - 1)]).await;
    let one = format!("{all}/{}", begun["id"].as_str().unwrap());
    let held = world.get(&one).await.body;
    assert_eq!((&held["status"], &held["actions"]["held"]), (&json!("held"), &json!(2)), "{held}");
    let rows = world.get(&format!("{one}?action=held&limit=1")).await.body;
    assert_eq!((&rows["rows"]["has_more"], &rows["rows"]["next_after"]), (&json!(true), &json!(1)));
    let rest = world.get(&format!("{one}?action=held&after=1")).await.body;
    assert_eq!(rest["rows"]["data"][0]["sent"], "laptop");
    post(world, &format!("{one}/rows/1/approve"), "syn-3", 200).await;
    post(world, &format!("{one}/rows/1/approve"), "syn-4", 409).await;
    post(world, &format!("{one}/rows/99/approve"), "syn-5", 404).await;
    post(world, &format!("{one}/rows/2/reject"), "syn-6", 200).await;
    post(world, &format!("{one}/approve"), "syn-7", 409).await;
    post(world, &format!("{all}/syn_99/approve"), "syn-8", 404).await;
    for (turn, step) in ["approve", "reject"].into_iter().enumerate() {
        let begun = post(world, all, &format!("syn-9-{turn}"), 201).await;
        answer(world, &begun["id"], &[("smartphone", 2)]).await;
        let path = format!("{all}/{}/{step}", begun["id"].as_str().unwrap());
        // What differs is what was counted before.
        let status = if turn == 0 { 200 } else { 409 };
        post(world, &path, &format!("syn-10-{turn}"), status).await;
        go_on(world).await;
    }
    let begun = post(world, all, "syn-11", 201).await;
    answer(world, &begun["id"], &[("laptop", 2)]).await;
    let path = format!("{all}/{}/reject", begun["id"].as_str().unwrap());
    post(world, &path, "syn-12", 200).await;
    go_on(world).await;
    let missing = world.get("/v1/warehouse/shortfalls?limit=1").await.body;
    assert_eq!(missing["data"][0]["sku"], "smartphone", "{missing}");
    for path in [all, "/v1/warehouse/syncs?status=applied&limit=1", "/v1/warehouse"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in [
        "/v1/warehouse/syncs?status=lost",
        "/v1/warehouse/syncs?starting_after=ord_1",
        "/v1/warehouse/shortfalls?starting_after=prd_1",
        &format!("{one}?action=lost"),
        &format!("{one}?after=-1"),
    ] {
        assert_eq!(world.get(path).await.status, 422, "{path}");
    }
    for path in [&format!("{all}/syn_99"), &format!("{all}/ord_1"), &format!("{one}/rows/x")] {
        assert_eq!(world.send(Method::GET, path, &[], "").await.status, 404, "{path}");
    }
}
