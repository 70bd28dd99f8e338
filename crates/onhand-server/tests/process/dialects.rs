//! Dialects over the running binary, with the demo's data and its gateway: what takes a worker, a
//! cache, a gateway or the environment.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use hmac::{KeyInit, Mac};
use onhand_server::adapters::gateways::simulated::command::{KEY_SECRET, WEBHOOK_SECRET};
use onhand_server::client::{Address, Connection};
use serde_json::{Value, json};

use crate::server::{Server, run, run_with};

/// Somebody at a server, who may be logged in.
struct Person {
    connection: Connection,
}

impl Person {
    fn nobody(server: &Server) -> Self {
        Self { connection: Connection::new(Address::parse(&server.url).unwrap()) }
    }

    async fn log_in(server: &Server, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password});
        let (status, body) = Self::nobody(server).ask("POST /users/login", body).await;
        assert_eq!(status, 200, "{body}");
        let token = body["data"]["token"].as_str().unwrap();
        let address = Address::parse(&server.url).unwrap().with_token(token).unwrap();
        Self { connection: Connection::new(address) }
    }

    async fn user(server: &Server) -> Self {
        Self::log_in(server, "user@example.com", "user123").await
    }

    async fn ask(&mut self, line: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_with(line, &[], body).await
    }

    async fn ask_with(
        &mut self,
        line: &str,
        more: &[(&'static str, &str)],
        body: String,
    ) -> (u16, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = vec![header(&("content-type", "application/json"))];
        headers.extend(more.iter().map(header));
        let method: Method = method.parse().unwrap();
        let reply = self.connection.send(method, path, &headers, body.into()).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
    }

    async fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.ask(&format!("GET {path}"), Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Waits until what is at a path is as wanted.
    async fn until(&mut self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..600 {
            last = self.get(path).await;
            if is_so(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} stayed {last}");
    }
}

fn signature(secret: &str, text: &str) -> String {
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let bytes = mac.chain_update(text).finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn address() -> Value {
    json!({"street": "1 Elm St", "city": "Austin", "state": "TX", "zipCode": "73301",
        "country": "USA"})
}

#[tokio::test]
async fn orders_of_processing_are_taken_up_mailed_and_cached() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mails");
    let mail = format!("folder:{}", mails.display());
    let extra = ["--mail", &*mail, "--mail-from", "shop@example.com"];
    let environment = [("ONHAND_DEMO_ORDERS", "true".into())];
    let server = Server::start_with(folder.path(), &extra, &environment).await;
    let mut user = Person::user(&server).await;
    let page = user.get("/api/orders").await;
    assert_eq!(page["data"]["pagination"], json!({"total": 2, "page": 1, "limit": 10, "pages": 1}));
    let shown = |at: usize| {
        let order = &page["data"]["orders"][at];
        let names = order["items"].as_array().unwrap().iter().map(|item| item["name"].clone());
        json!([
            order["status"],
            order["totalAmount"],
            order["paymentMethod"],
            order["shippingAddress"]["street"],
            names.collect::<Value>()
        ])
    };
    let pending = json!(["Pending", 129_999.99, "PayPal", "456 Oak Ave", ["Laptop"]]);
    let processed =
        json!(["Processed", 91_399.98, "Credit Card", "123 Main St", ["Smartphone", "Headphones"]]);
    assert_eq!([shown(0), shown(1)], [pending, processed]);
    let items = json!([{"productId": "2", "quantity": 1}]);
    let body = json!({"items": items, "shippingAddress": address(), "paymentMethod": "PayPal"});
    let (status, placed) = user.ask("POST /api/orders", body).await;
    assert_eq!((status, &placed["data"]["order"]["status"]), (201, &json!("Pending")));
    // The demo's gateway pays, and a worker takes it up; never is an older state shown again.
    let is_done = |body: &Value| body["data"]["order"]["status"] == "Processed";
    user.until("/api/orders/3", is_done).await;
    let is_kept = |body: &Value| is_done(body) && body["data"]["source"] == "cache";
    user.until("/api/orders/3", is_kept).await;
    let subject = "Subject: Order Processed: 3";
    let mut found = String::new();
    for _ in 0..600 {
        let files = std::fs::read_dir(&mails).into_iter().flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
        if let Some(text) = texts.into_iter().find(|text| text.contains(subject)) {
            found = text;
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for part in [
        subject,
        "To: user@example.com",
        "Smartphone",
        "83999.99",
        "1 Elm St",
        "Thank you",
        "text/html",
        "text/plain",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    server.stop_and_verify().await;
}

/// Somebody with an account of her own finds nothing of an order that is not hers.
async fn nobody_else_finds(server: &Server, id: &str, attempt: &str, verify: &Value) {
    let eve = json!({"name": "Eve", "email": "eve@example.com", "password": "tomatoes & 7 bees"});
    assert_eq!(Person::nobody(server).ask("POST /users/create", eve).await.0, 201);
    let mut eve = Person::log_in(server, "eve@example.com", "tomatoes & 7 bees").await;
    for (line, wanted) in [
        (format!("GET /payments/order/{id}"), 404),
        (format!("GET /payments/razorpay/{attempt}"), 404),
        (format!("GET /payments/refunds/{id}"), 404),
        ("GET /payments/user/2".to_owned(), 403),
        (format!("GET /orders/{id}"), 404),
    ] {
        assert_eq!(eve.ask(&line, Value::Null).await.0, wanted, "{line}");
    }
    assert_eq!(eve.ask("POST /payments", json!({"order_id": id})).await.0, 404);
    let (status, _) = eve.ask("POST /payments/verify", verify.clone()).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn orders_of_oms_are_paid_through_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    let mut user = Person::user(&server).await;
    let (_, placed) = user.ask("POST /orders", json!({"total_amount": "500.25"})).await;
    let id = placed["data"]["id"].as_str().unwrap().to_owned();
    let body = json!({"order_id": id, "user_id": "1", "amount": 1, "status": "CAPTURED"});
    let (status, begun) = user.ask("POST /payments", body.clone()).await;
    assert_eq!(status, 200, "{begun}");
    let row = &begun["data"];
    assert_eq!(
        [&row["order_id"], &row["user_id"], &row["amount"], &row["currency"]],
        [&json!(id), &json!("2"), &json!("500.25"), &json!("INR")]
    );
    let intent = row["razorpay_order_id"].as_str().unwrap().to_owned();
    let (status, again) = user.ask("POST /api/payments", body).await;
    let said = again["data"]["message"].as_str().unwrap();
    assert!(status == 200 && said.contains("already initiated"), "{again}");
    let is_paid = |body: &Value| body["data"]["status"] == "PAID";
    user.until(&format!("/orders/{id}"), is_paid).await;
    let payment = user.get(&format!("/payments/order/{id}")).await;
    assert_eq!(payment["data"]["status"], "CAPTURED");
    let attempt = payment["data"]["razorpay_payment_id"].as_str().unwrap().to_owned();
    assert_eq!(user.get(&format!("/api/payments/razorpay/{attempt}")).await, payment);
    assert_eq!(user.get("/payments/user/2").await["data"], json!([payment["data"]]));
    // What the checkout brings back is checked against the gateway's order that is stored.
    let verify = |intent: &str, attempt: &str, signature: &str| {
        json!({"razorpayOrderId": intent, "razorpayPaymentId": attempt,
            "razorpaySignature": signature})
    };
    let good = signature(KEY_SECRET, &format!("{intent}|{attempt}"));
    let (status, body) = user.ask("POST /payments/verify", verify(&intent, &attempt, &good)).await;
    assert_eq!((status, &body["data"]), (200, &json!({"success": true})), "{body}");
    let foreign = signature(KEY_SECRET, &format!("order_other|{attempt}"));
    let mut named = verify(&intent, &attempt, &good);
    named["orderId"] = json!("999");
    for body in [
        verify(&intent, &attempt, &foreign),
        verify("order_other", &attempt, &foreign),
        verify(&intent, "pay_other", &good),
        verify(&intent, &attempt, ""),
        verify(&intent, &attempt, "zz"),
        named,
    ] {
        let (status, said) = user.ask("POST /payments/verify", body.clone()).await;
        assert_eq!(status, 400, "{body} {said}");
    }
    nobody_else_finds(&server, &id, &attempt, &verify(&intent, &attempt, &good)).await;
    // Money that goes back is told as such.
    let refund = format!("/v1/payments/pay_{id}/refunds");
    let amount = json!({"amount": {"amount": 50_025, "currency": "INR"}}).to_string();
    let headers = crate::server::keyed("refund");
    let reply = server.connection.send(Method::POST, &refund, &headers, amount.into()).await;
    assert_eq!(reply.unwrap().status, 201);
    let is_back = |body: &Value| body["data"][0]["status"] == "PROCESSED";
    let refunds = user.until(&format!("/payments/refunds/{attempt}"), is_back).await;
    assert_eq!(refunds["data"][0]["amount"], "500.25");
    assert_eq!(user.get(&format!("/orders/{id}")).await["data"]["status"], "REFUNDED");
    assert_eq!(user.get(&format!("/payments/order/{id}")).await["data"]["status"], "REFUNDED");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn events_of_razorpay_are_signed_and_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]).await;
    let mut user = Person::user(&server).await;
    let (_, placed) = user.ask("POST /orders", json!({"total_amount": 100})).await;
    let id = placed["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(user.ask("POST /payments", json!({"order_id": id})).await.0, 200);
    let is_paid = |body: &Value| body["data"]["status"] == "PAID";
    user.until(&format!("/orders/{id}"), is_paid).await;
    // Our own number stands where the gateway's is expected.
    let entity = json!({"id": "pay_late", "order_id": id, "amount": 10_000, "currency": "INR",
        "status": "failed", "error_code": "BAD_REQUEST_ERROR", "error_description": "no money"});
    let event = json!({"event": "payment.failed", "payload": {"payment": {"entity": entity}}});
    let event = event.to_string();
    let good = signature(WEBHOOK_SECRET, &event);
    let mut gateway = Person::nobody(&server);
    for (path, headers, status, message) in [
        ("/payments/webhook", vec![], 400, "Missing webhook signature"),
        (
            "/api/payments/webhook",
            vec![("x-razorpay-signature", "00")],
            400,
            "Invalid webhook signature",
        ),
        ("/payments/webhook", vec![("x-razorpay-signature", &*good)], 200, "Webhook received"),
        ("/api/payments/webhook", vec![("x-razorpay-signature", &*good)], 200, "Webhook received"),
    ] {
        let line = format!("POST {path}");
        let (came, body) = gateway.ask_with(&line, &headers, event.clone()).await;
        assert_eq!((came, &body["message"]), (status, &json!(message)), "{body}");
        if status == 200 {
            assert_eq!(body["data"], json!({"received": true}));
        }
    }
    // It is known as a try of that order, and what was paid stays paid.
    assert_eq!(user.get("/payments/razorpay/pay_late").await["data"]["order_id"], json!(id));
    assert_eq!(user.get(&format!("/orders/{id}")).await["data"]["status"], "PAID");
    server.stop_and_verify().await;
}

/// The demo's data is loaded once: what clients have done since stays done, however the server
/// ended, and what they repeat is a repeat.
#[tokio::test]
async fn a_restart_of_the_demo_undoes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let reserve = "PUT /inventory/reserve-order/123";
    let event = json!({"eventType": "stockUpdate", "productId": "123", "quantity": 10,
        "timestamp": "2026-01-01T00:00:00Z"});
    for round in 0..3 {
        let server = Server::start(folder.path(), &[]).await;
        let mut client = Person::nobody(&server);
        for (line, body) in [
            (reserve, json!({"orderId": "o1", "quantity": 2})),
            ("POST /inventory/update-stock", event.clone()),
        ] {
            let (status, said) = client.ask(line, body).await;
            assert_eq!(status, 200, "{round}: {said}");
        }
        let level = client.get("/inventory/stock-levels/123").await;
        assert_eq!((&level["quantity"], &level["data"]["reserved"]), (&json!(13), &json!(2)));
        if round == 0 {
            server.kill().await;
        } else {
            server.stop_and_verify().await;
        }
    }
}

#[tokio::test]
async fn the_environment_of_the_originals_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("JWT_SECRET", "0123456789abcdef0123456789abcdef-access"),
        ("JWT_REFRESH_SECRET", "0123456789abcdef0123456789abcdef-refresh"),
        ("JWT_EXPIRATION", "5m"),
        ("MONGODB_URI", "mongodb://user:secret@localhost/orders"),
    ];
    let environment = environment.map(|(name, value)| (name, value.into()));
    let mut server = Server::start_with(folder.path(), &[], &environment).await;
    let body = json!({"email": "user@example.com", "password": "user123"});
    let (_, body) = Person::nobody(&server).ask("POST /users/login", body).await;
    assert_eq!(body["data"]["expires_in"], 300);
    let log = server.log();
    assert!(log.contains("MONGODB_URI") && log.contains("JWT_SECRET"), "{log}");
    assert!(!log.contains("0123456789abcdef") && !log.contains("user:secret"), "{log}");
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_database_that_may_be_in_production_is_not_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let production = [("ONHAND_PRODUCTION", "true".into())];
    assert_eq!(run(folder.path(), "seed", &[]).await.code, Some(0));
    let refused = run_with(folder.path(), "clear-data", &["--yes"], &production).await;
    assert!(refused.code == Some(3) && refused.text.contains("refuses"), "{}", refused.text);
    let cleared = run(folder.path(), "clear-data", &["--yes"]).await;
    assert_eq!(cleared.code, Some(0), "{}", cleared.text);
    let create = ["create", "--email", "owner@example.com", "--role", "admin"];
    let created = run(folder.path(), "users", &create).await;
    assert_eq!(created.code, Some(0), "{}", created.text);
    let refused = run(folder.path(), "clear-data", &["--yes"]).await;
    assert!(refused.code == Some(3) && refused.text.contains("production"), "{}", refused.text);
}
