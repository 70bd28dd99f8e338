//! Files in and out: what is told of a row, what a broken connection leaves and how it goes on, and
//! that what is exported can be imported again.

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures_util::stream;
use serde_json::{Value, json};

use crate::world::{Reply, World};

const CSV: (&str, &str) = ("content-type", "text/csv");

pub(crate) async fn send(world: &World, path: &str, key: &str, file: impl Into<Body>) -> Reply {
    let ndjson = ("content-type", "application/x-ndjson");
    let kind = if path.contains("ndjson") { ndjson } else { CSV };
    world.send(Method::POST, path, &[kind, ("idempotency-key", key)], file).await
}

/// Created, updated, unchanged, failed and moved.
fn tally(import: &Value) -> Vec<i64> {
    let names = ["created", "updated", "unchanged", "failed", "movements"];
    names.iter().map(|name| import[name].as_i64().unwrap()).collect()
}

fn codes(import: &Value) -> Vec<String> {
    let told = |row: &Value| {
        let column = row["column"].as_str().unwrap_or("-");
        format!("{} {column} {}", row["line"], row["code"].as_str().unwrap())
    };
    import["errors"].as_array().unwrap().iter().map(told).collect()
}

/// Rows enough for several batches.
fn many(rows: usize) -> String {
    let rows = (0..rows).map(|row| format!("row-{row},\"Row, {row}\",{},3\n", row + 1));
    format!("sku,name,price,on_hand\n{}", rows.collect::<String>())
}

#[tokio::test]
async fn a_file_is_taken_row_by_row_and_each_fault_has_its_place() {
    let world = World::new().await;
    let file = "\u{feff}sku,name,price,currency,on_hand,location,supplier\r\n\
        tea,Green tea,49900,INR,5,main,us\r\n\
        smartphone,=1+1,,,,,us\r\n\
        cup,Cup,100,INR,12.5,,us\r\n\
        pot,Pot,100,INR,1,nowhere,us\r\n\
        pan,,,,1,,us\r\n\
        short,Short\r\n";
    let reply = send(&world, "/v1/imports?kind=products", "first", file).await;
    let import = &reply.body;
    assert_eq!((reply.status, &import["status"]), (201, &json!("completed")), "{import}");
    assert_eq!(
        reply.headers["location"],
        format!("/v1/imports/{}", import["id"].as_str().unwrap())
    );
    assert_eq!(tally(import), [1, 1, 0, 4, 1]);
    assert_eq!(
        codes(import),
        [
            "4 on_hand validation_failed",
            "5 - unknown_location_code",
            "6 - new_product_incomplete",
            "7 - wrong_cell_count",
        ]
    );
    assert_eq!(import["ignored_columns"], json!(["supplier"]));
    assert_eq!(world.get("/v1/stock/tea").await.body["on_hand"], 5);
    // The same again is the answer from before, and nothing is done twice.
    let events = world.events().await;
    let again = send(&world, "/v1/imports?kind=products", "first", file).await;
    assert_eq!((again.status, &again.body), (201, import));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(world.events().await, events);
    let other = send(&world, "/v1/imports?kind=products", "first", many(7)).await;
    assert_eq!((other.status, &other.body["code"]), (409, &json!("import_file_differs")));
    let otherwise = send(&world, "/v1/imports?kind=products&dry_run=true", "first", file).await;
    assert_eq!(otherwise.body["code"], "idempotency_key_reused");
    world.verify().await;
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_an_import_that_goes_on() {
    let world = World::new().await;
    let file = many(1_200);
    for (how, key) in [("by its key", "a"), ("by its id", "b")] {
        let file = file.replace("row-", key);
        let begun: Vec<Result<Bytes, std::io::Error>> =
            vec![Ok(file[..20_000].to_owned().into()), Err(std::io::Error::other("the cable"))];
        let body = Body::from_stream(stream::iter(begun));
        let broken = send(&world, "/v1/imports?kind=products&currency=INR", key, body).await;
        assert_eq!((broken.status, &broken.body["code"]), (400, &json!("body_incomplete")));
        let listed = world.get("/v1/imports?limit=1").await.body["data"][0].clone();
        let rows = listed["rows"].as_u64().unwrap();
        assert!(listed["status"] == "receiving" && (1..1_200).contains(&rows), "{how}: {listed}");
        let id = listed["id"].as_str().unwrap();
        let at = format!("/v1/imports/{id}");
        let other = send(&world, &at, "x", file.replace("Row, 1", "Row, x")).await;
        assert_eq!((other.status, &other.body["code"]), (409, &json!("import_file_differs")));
        let path = if key == "a" { "/v1/imports?kind=products&currency=INR" } else { &at };
        let whole = send(&world, path, key, file.clone()).await;
        assert!(whole.status < 300, "{how}: {}", whole.body);
        assert_eq!((&whole.body["id"], &whole.body["rows"]), (&json!(id), &json!(1_200)));
        assert_eq!(tally(&whole.body), [1_200, 0, 0, 0, 1_200], "{how}");
        let ended = send(&world, &at, "x", file.clone() + "more,More,1,1\n").await;
        assert_eq!((ended.status, &ended.body["code"]), (409, &json!("import_file_differs")));
    }
    world.verify().await;
}

#[tokio::test]
async fn a_dry_run_shows_the_differences_and_changes_nothing() {
    let world = World::new().await;
    let file = "{\"sku\":\"smartphone\",\"name\":\"Phone\"}\n\
        {\"sku\":\"tea\",\"name\":\"Tea\",\"price\":{\"amount\":5,\"currency\":\"INR\"}}\n";
    let path = "/v1/imports?kind=products&format=ndjson&dry_run=true";
    let import = send(&world, path, "dry", file).await.body;
    assert_eq!((tally(&import), &import["dry_run"]), (vec![1, 1, 0, 0, 0], &json!(true)));
    let changed = json!({"field": "name", "from": "Smartphone", "to": "Phone"});
    let first = json!({"line": 1, "sku": "smartphone", "action": "update", "fields": [changed]});
    assert_eq!(import["differences"][0], first);
    assert_eq!(import["differences"][1]["action"], "create");
    assert_eq!(world.get("/v1/products/tea").await.status, 404);
    assert_eq!(world.get("/v1/products/smartphone").await.body["name"], "Smartphone");
    world.verify().await;
}

#[tokio::test]
async fn what_is_exported_is_imported_again_as_it_was() {
    let (world, other) = (World::new().await, World::new().await);
    let file = "sku,name,description,price,currency,on_hand\n\
        f,=1+1,\"two\nlines, \"\"quoted\"\"\",5,EUR,7\nq,'=x,-,6,JPY,0\n";
    let taken = send(&world, "/v1/imports?kind=products", "fill", file).await.body;
    assert_eq!(tally(&taken), [2, 0, 0, 0, 1]);
    for form in ["csv", "ndjson"] {
        for what in ["products", "stock"] {
            let path = format!("/v1/exports/{what}.{form}");
            let exported = world.get(&path).await;
            assert_eq!(exported.status, 200, "{path}");
            let text = exported.body.as_str().unwrap().to_owned();
            let import = format!("/v1/imports?kind={what}&format={form}");
            // Where it comes from nothing is changed by it.
            let back = send(&world, &import, &format!("back-{form}-{what}"), text.clone()).await;
            let rows = back.body["rows"].as_i64().unwrap();
            assert_eq!(tally(&back.body), [0, 0, rows, 0, 0], "{path}: {}", back.body);
            let there = send(&other, &import, &format!("there-{form}-{what}"), text).await;
            assert_eq!(there.body["failed"], 0, "{path}: {}", there.body);
        }
    }
    for sku in ["f", "q"] {
        let path = format!("/v1/products/{sku}");
        let (here, there) = (world.get(&path).await.body, other.get(&path).await.body);
        for field in ["name", "description", "price", "active", "category_ids"] {
            assert_eq!(here[field], there[field], "{sku} {field}");
        }
        let path = format!("/v1/stock/{sku}");
        let on_hand = world.get(&path).await.body["on_hand"].clone();
        let there = other.get(&path).await.body;
        assert_eq!(on_hand, if there.is_null() { json!(0) } else { there["on_hand"].clone() });
    }
    let line = world.get("/v1/exports/products.csv").await.body;
    assert!(line.as_str().unwrap().contains("\nf,'=1+1,"), "{line}");
    for path in ["orders.csv", "orders.ndjson", "movements.csv", "movements.ndjson"] {
        assert_eq!(world.get(&format!("/v1/exports/{path}")).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_whole() {
    let world = World::new().await;
    let events = world.events().await;
    let check = async |path: &str, file: &str, status: u16, code: &str, words: &str| {
        let reply = send(&world, path, "k", file.to_owned()).await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (status, Some(code)), "{path}");
        let told = reply.body.to_string();
        assert!(told.contains(words), "{path}: {told}");
    };
    let products = "/v1/imports?kind=products";
    check(products, "", 422, "validation_failed", "the file is empty").await;
    check(products, "name\nx\n", 422, "validation_failed", "no column `sku`").await;
    check(products, "sku,sku\nx,x\n", 422, "validation_failed", "there twice").await;
    check("/v1/imports", "sku\n", 422, "validation_failed", "products, stock").await;
    check("/v1/imports?kind=tea", "sku\n", 422, "validation_failed", "products, stock").await;
    let xml = "/v1/imports?kind=stock&format=xml";
    check(xml, "sku\n", 422, "validation_failed", "csv, ndjson, medusa").await;
    let foreign = "/v1/imports?kind=stock&format=shopify";
    check(foreign, "sku\n", 422, "validation_failed", "`csv` or `ndjson`").await;
    let euro = "/v1/imports?kind=products&currency=EURO";
    check(euro, "sku\n", 422, "validation_failed", "ISO 4217").await;
    let nowhere = "/v1/imports?kind=stock&location_id=loc_99";
    check(nowhere, "sku\n", 404, "unknown_location", "loc_99").await;
    check("/v1/imports/imp_99999", "sku\n", 404, "not_found", "imp_99999").await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let json = world.send(Method::POST, products, &headers, "{}").await;
    assert_eq!((json.status, &json.body["code"]), (415, &json!("unsupported_media_type")));
    let no_key = world.send(Method::POST, products, &[CSV], "sku\n").await;
    assert_eq!(no_key.body["code"], "idempotency_key_missing");
    assert_eq!(world.events().await, events);
}
