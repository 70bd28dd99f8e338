//! What the server decides nobody sends: every field that is stored or shown of an account, an
//! order or a product is refused in every body, at every depth, that does not have it by right.

use std::collections::BTreeSet;

use axum::http::Method;
use onhand_core::accounts::Role;
use serde_json::{Map, Value, json};

use crate::contract::contract;
use crate::people::user;
use crate::world::World;

/// Names that others use for what we decide.
const ELSEWHERE: [&str; 16] = [
    "paid",
    "owner",
    "owner_id",
    "user",
    "user_id",
    "is_admin",
    "admin",
    "total_amount",
    "amount_due",
    "discount",
    "unit_price",
    "stock",
    "password_hash",
    "hash",
    "__proto__",
    "constructor",
];

/// The columns of every table, as the store's own file names them.
fn columns() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../onhand-engine/migrations/sqlite");
    let schema = std::fs::read_to_string(format!("{folder}/0001_foundation.sql")).unwrap();
    let mut columns = BTreeSet::new();
    for table in ["users", "orders", "products", "sessions", "api_keys", "reservations"] {
        let mut tables = schema.split("CREATE TABLE ");
        let body = tables.find_map(|text| text.strip_prefix(table)?.strip_prefix(" (")).unwrap();
        let body = body.split(") STRICT").next().unwrap();
        let words = body.split(',').filter_map(|column| column.split_whitespace().next());
        let is_column =
            |word: &&str| word.chars().all(|char| char.is_ascii_lowercase() || char == '_');
        columns.extend(words.filter(is_column).map(str::to_owned));
    }
    for known in ["tokens_from", "disabled", "role", "scopes", "price", "status", "last_event"] {
        assert!(columns.contains(known), "{known} is not among {columns:?}");
    }
    columns
}

/// The fields of what is answered about these.
fn shown() -> BTreeSet<String> {
    let schemas = &contract().document["components"]["schemas"];
    let fields = ["User", "Order", "OrderLine", "Product", "ApiKey", "Allocation"].map(|name| {
        let schema = schemas[name]["properties"].as_object();
        schema.unwrap_or_else(|| panic!("no schema {name}")).keys().cloned()
    });
    fields.into_iter().flatten().collect()
}

/// Where a body may have which fields: the pointers of its objects with the names they know.
fn objects(schema: &Value, body: &Value, pointer: &str, found: &mut Vec<(String, Vec<String>)>) {
    let root = &contract().document;
    let schema = match schema["$ref"].as_str() {
        Some(location) => root.pointer(location.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    for alternative in ["oneOf", "anyOf", "allOf"] {
        for schema in schema[alternative].as_array().into_iter().flatten() {
            objects(schema, body, pointer, found);
        }
    }
    match body {
        Value::Object(fields) => {
            // What is not closed is open on purpose: the entries of the caller.
            if schema["additionalProperties"] != false {
                return;
            }
            let known = &schema["properties"];
            let names = known.as_object().into_iter().flat_map(|known| known.keys().cloned());
            found.push((pointer.to_owned(), names.collect()));
            for (name, value) in fields {
                objects(&known[name], value, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(1) {
                objects(&schema["items"], item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The example of a body, as the description has it.
fn example(media: &Value) -> Value {
    let named = media["examples"].as_object().into_iter().flatten().next();
    let named = named.map(|(_, example)| {
        let location = example["$ref"].as_str().unwrap().trim_start_matches('#');
        contract().document.pointer(location).unwrap()["value"].clone()
    });
    named.or_else(|| media.get("example").cloned()).unwrap()
}

fn object_at<'a>(body: &'a mut Value, pointer: &str) -> &'a mut Map<String, Value> {
    body.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap()
}

#[tokio::test]
async fn nobody_sets_what_the_server_decides() {
    let world = World::new().await;
    let (_, admin) = user(&world, "admin", Role::Admin, None).await;
    let before = world.events().await;
    let elsewhere = ELSEWHERE.iter().map(|name| (*name).to_owned());
    let names: BTreeSet<String> = columns().into_iter().chain(shown()).chain(elsewhere).collect();
    let mut tried = 0;
    for operation in contract().operations() {
        let media = &operation.body["requestBody"]["content"]["application/json"];
        // What a gateway sends is its own, and nothing of it is read that is not looked for.
        if media.is_null() || operation.path == "/v1/payments/webhooks/{id}" {
            continue;
        }
        let example = example(media);
        let mut places = Vec::new();
        objects(&media["schema"], &example, "", &mut places);
        assert!(!places.is_empty(), "{} takes no object", operation.name);
        let method: Method = operation.method.to_uppercase().parse().unwrap();
        let path = operation.path.replace("{id}", "ord_99").replace("{sku}", "123");
        let path = path.replace("{product}", "123");
        for (pointer, known) in &places {
            for name in names.iter().filter(|name| !known.contains(name)) {
                let mut body = example.clone();
                object_at(&mut body, pointer).insert(name.clone(), json!(1));
                let headers = [("idempotency-key", "server-owned"), ("if-match", "*")];
                let reply = admin.send(&world, method.clone(), &path, &headers, &body).await;
                let error = &reply.body["errors"][0];
                let wanted = (&json!("unknown_field"), format!("{pointer}/{name}"));
                let found = (&error["code"], error["pointer"].as_str().unwrap_or("").to_owned());
                assert_eq!(found, wanted, "{}: {body}: {}", operation.name, reply.body);
                assert_eq!(reply.status, 422, "{}", operation.name);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
    assert_eq!(world.events().await, before);
}
