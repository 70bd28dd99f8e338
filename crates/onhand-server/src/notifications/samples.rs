//! One sample for every template: for previews, and for the tests that read each mail. Their names
//! are what hostile or careless people might type.

use onhand_core::inventory::Level;
use onhand_core::jobs::DeadLetter;
use onhand_core::orders::Order;
use onhand_core::schedules::ProofFailure;
use onhand_core::text::Sku;
use onhand_core::warehouse::Sync;
use onhand_core::webhooks::EndpointEntry;
use serde_json::{Value, json};

use super::templates::Facts;

/// What a template is shown with.
#[derive(Debug, Clone)]
pub enum Sample {
    /// An order.
    Order(Box<Order>),
    /// A level.
    Level(Sku, Box<Level>),
    /// An endpoint.
    Endpoint(Box<EndpointEntry>),
    /// A dead letter.
    DeadLetter(DeadLetter),
    /// A run against the external warehouse.
    Sync(Box<Sync>),
    /// What the proof has found.
    Proof(ProofFailure),
}

impl Sample {
    /// As a template takes it.
    pub fn facts(&self) -> Facts<'_> {
        match self {
            Self::Order(order) => Facts::Order(order),
            Self::Level(sku, level) => Facts::Level { sku, level },
            Self::Endpoint(endpoint) => Facts::Endpoint(endpoint),
            Self::DeadLetter(letter) => Facts::DeadLetter(letter),
            Self::Sync(sync) => Facts::Sync(sync),
            Self::Proof(failure) => Facts::Proof(failure),
        }
    }
}

/// The sample of a template; `None` for a name that there is not.
///
/// # Errors
/// When a sample is not what the core reads, which a test of each one rules out.
pub fn sample(template: &str) -> Result<Option<Sample>, serde_json::Error> {
    let of = |status: &str, more: Value| order(status, more).map(Some);
    match template {
        "order_placed" => of("pending", json!({ "expires_at": "2026-11-21T06:03:16Z" })),
        "order_confirmed" | "order_processing" => of("confirmed", json!({})),
        "order_partially_fulfilled" => of("partially_fulfilled", parcels(&[1])),
        "order_fulfilled" => of("fulfilled", parcels(&[1, 2])),
        "order_delivered" => of("delivered", parcels(&[1, 2])),
        "order_returned" => {
            let mut lines = lines();
            lines[0]["returned"] = 1.into();
            of("fulfilled", json!({ "lines": lines }))
        }
        "order_cancelled" => of("cancelled", json!({ "failure_reason": "customer_request" })),
        "order_expired" => of("expired", json!({ "failure_reason": "hold_expired" })),
        "payment_failed" => {
            let attempt = attempt("failed", 0, json!({ "failure": "Insufficient\nfunds" }));
            let (until, payment) = ("2026-11-21T06:03:16Z", payment(&attempt, json!([])));
            of("pending", json!({ "expires_at": until, "payment": payment }))
        }
        "order_refunded" => {
            let payment = payment(&attempt("captured", 9_139_998, json!({})), refund("processed"));
            of("confirmed", json!({ "payment": payment }))
        }
        "low_stock" => level().map(Some),
        "webhook_disabled" => endpoint().map(Some),
        "verify_failed" => {
            let failure = json!({ "round": 42, "checks": ["I6", "I25"], "violations": 3 });
            Ok(Some(Sample::Proof(serde_json::from_value(failure)?)))
        }
        "dead_letter" => {
            let letter = json!({ "job_id": 7, "queue": "mail", "tries": 1, "status": 550,
                "others": 3 });
            Ok(Some(Sample::DeadLetter(serde_json::from_value(letter)?)))
        }
        "warehouse_held" => {
            let found = json!({ "rows": 2, "units": 5, "told": 2 });
            let counts = json!({ "counted": 41, "held": 3, "shortfall": 2, "unchanged": 1154 });
            sync("held", json!({ "counts": counts, "new_shortfalls": found })).map(Some)
        }
        "shortfall" => {
            let found = json!({ "rows": 2, "units": 5, "told": 0 });
            let counts = json!({ "counted": 44, "shortfall": 2, "unchanged": 1154 });
            let ended_at = "2026-11-21T05:48:17Z";
            let more = json!({ "counts": counts, "new_shortfalls": found, "ended_at": ended_at });
            sync("applied", more).map(Some)
        }
        _ => Ok(None),
    }
}

fn order(status: &str, more: Value) -> Result<Sample, serde_json::Error> {
    let mut order = json!({
        "id": 42, "status": status, "customer_id": 7, "currency": "INR", "lines": lines(),
        "total": 9_139_998, "payment_method": "Credit Card",
        "shipping_address": {
            "name": "Ada <b>Lovelace</b>", "street": "123 Main St", "city": "New York",
            "state": "NY", "postal_code": "10001", "country": "USA",
        },
        "version": 3, "last_event": 108,
        "created_at": "2026-11-21T05:48:16Z", "updated_at": "2026-11-21T05:48:16Z",
    });
    if let (Value::Object(order), Value::Object(more)) = (&mut order, more) {
        order.extend(more);
    }
    serde_json::from_value(order).map(Box::new).map(Sample::Order)
}

fn endpoint() -> Result<Sample, serde_json::Error> {
    let endpoint = json!({
        "id": 3, "url": "https://hooks.shop.example/onhand?key=hunter2", "description": "",
        "filter": [], "state": "disabled", "disabled_reason": "410 Gone", "secrets": 1,
        "version": 2, "created_at": "2026-11-21T05:48:16Z", "updated_at": "2026-11-21T05:48:16Z",
    });
    serde_json::from_value(endpoint).map(Box::new).map(Sample::Endpoint)
}

fn sync(status: &str, more: Value) -> Result<Sample, serde_json::Error> {
    let mut sync = json!({
        "id": 7, "status": status, "trigger": "schedule", "begun_by": "system",
        "source": "https://warehouse.example",
        "policy": {
            "mode": "warehouse_wins", "hold_units": 500, "guard_percent": 50, "guard_rows": 10,
            "shortfall": "report",
        },
        "dry_run": false, "location_id": 1, "as_of": "2026-11-21T05:48:15Z", "rows": 1200,
        "drift_units": 97, "stocked": 1180, "emptied": 3, "locations": [1], "pass": "waiting",
        "applied_to": 0, "rows_kept": "all", "version": 9,
        "created_at": "2026-11-21T05:48:15Z", "updated_at": "2026-11-21T05:48:16Z",
    });
    if let (Value::Object(sync), Value::Object(more)) = (&mut sync, more) {
        sync.extend(more);
    }
    serde_json::from_value(sync).map(Box::new).map(Sample::Sync)
}

fn lines() -> Value {
    let line = |number: u32, sku: &str, name: &str, price: i64| {
        json!({
            "line": number, "product_id": number, "sku": sku, "name": name, "quantity": 1,
            "fulfilled": 1, "returned": 0, "unit_price": price, "allocations": [],
        })
    };
    json!([
        line(1, "smartphone", "Smartphone \"X\" <script>alert(1)</script>", 8_399_999),
        line(2, "headphones", "Kopfhörer & Co.", 739_999),
    ])
}

fn parcels(lines: &[u32]) -> Value {
    let parcels = lines.iter().map(|line| {
        json!({
            "number": line, "lines": [{ "line": line, "quantity": 1 }],
            "tracking": {
                "carrier": "India Post", "number": "EE123456789IN",
                "url": "https://track.example/EE123456789IN?a=1&b=\"><script>",
            },
            "fulfilled_at": "2026-11-21T05:48:16Z",
        })
    });
    json!({ "fulfilments": parcels.collect::<Vec<_>>() })
}

fn attempt(state: &str, captured: i64, more: Value) -> Value {
    let mut attempt = json!({
        "id": "pay_1", "state": state, "captured": captured,
        "amount": { "amount": 9_139_998, "currency": "INR" },
        "created_at": "2026-11-21T05:48:16Z", "updated_at": "2026-11-21T05:48:16Z",
    });
    if let (Value::Object(attempt), Value::Object(more)) = (&mut attempt, more) {
        attempt.extend(more);
    }
    attempt
}

fn payment(attempt: &Value, refunds: Value) -> Value {
    json!({
        "provider": "razorpay", "capture": "automatic", "intents": [], "attempts": [attempt],
        "refunds": refunds,
    })
}

fn refund(state: &str) -> Value {
    json!([{
        "number": 1, "attempt": "pay_1", "amount": { "amount": 739_999, "currency": "INR" },
        "state": state, "cause": "requested",
        "created_at": "2026-11-21T05:48:16Z", "updated_at": "2026-11-21T05:48:16Z",
    }])
}

fn level() -> Result<Sample, serde_json::Error> {
    let level = json!({
        "product_id": 1, "location_id": 1, "on_hand": 5, "reserved": 2, "safety_stock": 0,
        "low_stock_threshold": 10,
        "totals": {
            "received": 10, "sold": -5, "returned": 0, "adjusted": 0, "counted": 0,
            "transferred": 0,
        },
        "movements": 4, "last_movement": 9, "version": 4, "updated_at": "2026-11-21T05:48:16Z",
    });
    let sku = serde_json::from_value(json!("smartphone"))?;
    Ok(Sample::Level(sku, Box::new(serde_json::from_value(level)?)))
}
