//! Runs against a warehouse, over the running binary: what differs is counted, what is promised is
//! not taken, what is hard to believe waits for an operator, and nothing is half done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::fake::{http, ok};
use crate::server::{Server, json as read, keyed};
use crate::shop::{Says, ended, open, plain, post, stock, sync, words};

async fn order(server: &mut Server, sku: &str, quantity: i64, key: &str) {
    let body = json!({"items": [{"sku": sku, "quantity": quantity}]});
    post(server, "/v1/orders", key, &body).await;
}

#[tokio::test]
async fn what_differs_is_counted_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[("headphones", 35), ("nothing", 3), ("smartphone", 60)]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    let before = read(&server.get("/v1/warehouse").await);
    assert_eq!((&before["answered_at"], &before["is_configured"]), (&Value::Null, &json!(true)));
    let (headphones, _) = stock(&mut server, "headphones").await;
    let (phones, _) = stock(&mut server, "smartphone").await;
    says.now(plain(&[("headphones", 35), ("nothing", 3), ("smartphone", phones)]));
    // Told first, and changes nothing.
    let dry = sync(&mut server, "dry", true).await;
    let wanted = format!(
        "1 headphones {headphones}->35 reported, 2 nothing ?->3 unknown_product, \
         3 smartphone {phones}->{phones} unchanged"
    );
    assert!(words(&dry).starts_with(&format!("reported: {wanted}")), "{}", words(&dry));
    assert!(words(&dry).contains("not_named"), "{}", words(&dry));
    assert_eq!(stock(&mut server, "headphones").await.0, headphones);
    // And then counted.
    let run = sync(&mut server, "real", false).await;
    let wanted = wanted.replace("reported", "counted");
    assert!(words(&run).starts_with(&format!("applied: {wanted}")), "{}", words(&run));
    assert_eq!(stock(&mut server, "headphones").await.0, 35);
    assert_eq!(stock(&mut server, "smartphone").await.0, phones);
    let movements = read(&server.get("/v1/stock/headphones/movements?limit=1").await);
    assert_eq!(movements["data"][0]["reason"], "warehouse_sync");
    assert_eq!(movements["data"][0]["reference"], format!("{}/1", run["id"].as_str().unwrap()));
    let after = read(&server.get("/v1/warehouse").await);
    assert!(after["age_s"].as_i64().unwrap() < 60, "{after}");
    assert_eq!(after["newest"]["id"], run["id"]);
    // The same key is the same run.
    let again = post(&mut server, "/v1/warehouse/syncs", "real", &json!({"dry_run": false})).await;
    assert_eq!(again["id"], run["id"]);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn what_is_promised_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[("headphones", 1)]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    order(&mut server, "headphones", 3, "order").await;
    let run = sync(&mut server, "sync", false).await;
    assert_eq!(run["rows"]["data"][0]["action"], "shortfall", "{run}");
    assert_eq!(run["rows"]["data"][0]["missing"], 2);
    assert_eq!(stock(&mut server, "headphones").await, (3, 3));
    // Whoever looks at the stock sees it; of the past it is not told.
    let seen = read(&server.get("/v1/stock/headphones").await);
    assert_eq!((&seen["missing"], &seen["locations"][0]["missing"]), (&json!(2), &json!(2)));
    let path = "/v1/stock/headphones?as_of=2100-01-01T00:00:00Z";
    let past = read(&server.get(path).await);
    assert_eq!((&past["on_hand"], &past["missing"]), (&json!(3), &Value::Null), "{past}");
    assert_eq!(past["locations"][0]["missing"], Value::Null);
    let why = read(&server.get("/v1/stock/headphones/explain").await);
    assert!(why["sentence"].as_str().unwrap().contains(", 2 of it missing -"), "{why}");
    let open = read(&server.get("/v1/warehouse/shortfalls").await);
    assert_eq!(open["data"][0]["sku"], "headphones", "{open}");
    assert_eq!(open["data"][0]["missing"], 2);
    // It comes in, and the warehouse says so.
    says.now(plain(&[("headphones", 8)]));
    sync(&mut server, "later", false).await;
    assert_eq!(stock(&mut server, "headphones").await, (8, 3));
    let open = read(&server.get("/v1/warehouse/shortfalls").await);
    assert_eq!(open["data"], json!([]));
    server.stop_and_verify().await;
}

#[tokio::test]
async fn what_differs_by_much_waits_for_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &["--warehouse-hold-units", "5"]).await;
    let (headphones, _) = stock(&mut server, "headphones").await;
    let (phones, _) = stock(&mut server, "smartphone").await;
    says.now(plain(&[("headphones", headphones + 6), ("smartphone", phones + 700)]));
    let run = sync(&mut server, "sync", false).await;
    assert_eq!(run["status"], "held", "{run}");
    assert_eq!(stock(&mut server, "headphones").await.0, headphones);
    let path = format!("/v1/warehouse/syncs/{}", run["id"].as_str().unwrap());
    let one = post(&mut server, &format!("{path}/rows/1/approve"), "one", &json!({})).await;
    assert_eq!(one["status"], "held");
    assert_eq!(stock(&mut server, "headphones").await.0, headphones + 6);
    let two = post(&mut server, &format!("{path}/rows/2/reject"), "two", &json!({})).await;
    assert_eq!(two["status"], "applied");
    assert_eq!(stock(&mut server, "smartphone").await.0, phones);
    // Decided is decided.
    for (row, status) in [(1, StatusCode::CONFLICT), (77, StatusCode::CONFLICT)] {
        let path = format!("{path}/rows/{row}/approve");
        let headers = keyed(&format!("more-{row}"));
        let sent = server.connection.send(Method::POST, &path, &headers, "".into());
        assert_eq!(sent.await.unwrap().status, status, "{row}");
    }
    let held = read(&server.get(&format!("{path}?action=held")).await);
    assert_eq!(held["rows"]["data"], json!([]));
    server.stop_and_verify().await;
}

/// Mails of a template in a folder.
fn mails(folder: &Path, template: &str) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = files.map(|file| file.unwrap().path());
    let is_mail = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.contains(&format!(".{template}.")) && name.ends_with(".eml")
    };
    paths.filter(is_mail).map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Waits until a mail of a template is there, and the log has said the same.
async fn mailed(folder: &Path, template: &str, says: &str, server: &Server) -> Vec<String> {
    let comes = async {
        while mails(folder, template).is_empty() || !server.log().contains(says) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let has_come = timeout(Duration::from_secs(60), comes).await.is_ok();
    assert!(has_come, "{template}: {}", server.log());
    mails(folder, template)
}

#[tokio::test]
async fn operators_are_written_to_once_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("mails");
    let says = Says::rows(&[("headphones", 1), ("smartphone", 1)]).await;
    let mail = format!("--mail=folder:{}", sent.display());
    let options = [mail.as_str(), "--operator-mail=o@o.example"];
    let mut server = open(folder.path(), &says, &options).await;
    order(&mut server, "headphones", 3, "one").await;
    order(&mut server, "smartphone", 2, "two").await;
    // Two rows are short, and of that there is one mail.
    let run = sync(&mut server, "short", false).await;
    assert_eq!(run["actions"]["shortfall"], 2, "{run}");
    let logged = "less is there than is promised";
    let [mail] = &mailed(&sent, "shortfall", logged, &server).await[..] else { panic!("one mail") };
    let id = run["id"].as_str().unwrap();
    assert!(mail.contains(&format!("Subject: Less is there than is promised: {id}")), "{mail}");
    assert!(mail.contains("Newly missing: 3 units, in 2 rows"), "{mail}");
    // What is known is not told again; that a run waits is, with nothing about those.
    says.now(plain(&[("headphones", 1), ("smartphone", 1)]));
    assert_eq!(sync(&mut server, "same", false).await["actions"]["shortfall"], 2);
    let rows = read(&server.get("/v1/stock?limit=200").await);
    let skus = rows["data"].as_array().unwrap().iter().map(|row| row["sku"].as_str().unwrap());
    says.now(plain(&skus.map(|sku| (sku, 0)).collect::<Vec<_>>()));
    let run = sync(&mut server, "empty", false).await;
    assert_eq!(run["status"], "held", "{run}");
    let logged = "a run of the warehouse waits for approval";
    let mails_of_it = mailed(&sent, "warehouse_held", logged, &server).await;
    let [mail] = &mails_of_it[..] else { panic!("one mail") };
    let id = run["id"].as_str().unwrap();
    assert!(mail.contains(&format!("Subject: Warehouse run held: {id}")), "{mail}");
    assert!(mail.contains("Would be empty: ") && !mail.contains("missing"), "{mail}");
    assert!(mail.contains(&format!("onhand warehouse approve {id}")), "{mail}");
    assert_eq!(mails(&sent, "shortfall").len(), 1);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_feed_that_goes_to_zero_does_not_empty_the_shop() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    let rows = read(&server.get("/v1/stock?limit=200").await);
    let skus: Vec<_> = rows["data"].as_array().unwrap().iter().collect();
    let nothing: Vec<_> = skus.iter().map(|row| (row["sku"].as_str().unwrap(), 0)).collect();
    says.now(plain(&nothing));
    let run = sync(&mut server, "sync", false).await;
    assert_eq!(run["status"], "held");
    assert_eq!(run["guard"]["is_approved"], Value::Null, "{run}");
    let unchanged = read(&server.get("/v1/stock?limit=200").await);
    assert_eq!(unchanged["data"], rows["data"]);
    let path = format!("/v1/warehouse/syncs/{}", run["id"].as_str().unwrap());
    post(&mut server, &format!("{path}/reject"), "no", &json!({})).await;
    assert_eq!(ended(&mut server, run["id"].as_str().unwrap()).await["status"], "rejected");
    assert_eq!(read(&server.get("/v1/stock?limit=200").await)["data"], rows["data"]);
    // It is true, says the operator.
    let run = sync(&mut server, "again", false).await;
    let path = format!("/v1/warehouse/syncs/{}", run["id"].as_str().unwrap());
    post(&mut server, &format!("{path}/approve"), "yes", &json!({})).await;
    assert_eq!(ended(&mut server, run["id"].as_str().unwrap()).await["status"], "applied");
    assert_eq!(stock(&mut server, nothing[0].0).await.0, 0);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn an_answer_that_is_none_changes_nothing_and_the_next_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    for (then, wanted) in [
        (http("200 OK", "", "<html>"), "for_people"),
        (ok(r#"[{"productId":"headphones","stockLevel":0}"#), "truncated"),
        (http("404 Not Found", "", ""), "status"),
        (ok(r#"{"unit":"kg","rows":[]}"#), "unit"),
    ] {
        says.now(then);
        let run = sync(&mut server, wanted, false).await;
        assert_eq!(run["status"], "failed", "{run}");
        assert!(run["outcome"].as_str().unwrap().starts_with(&format!("{wanted}: ")), "{run}");
    }
    let state = read(&server.get("/v1/warehouse").await);
    assert_eq!(
        (&state["answered_at"], &state["newest"]["status"]),
        (&Value::Null, &json!("failed"))
    );
    // Rows that nobody can use are listed, and the others go on.
    let odd = r#"[{"productId":"headphones","stockLevel":7},
        {"productId":"smartphone","stockLevel":-1},
        {"productId":"headphones","stockLevel":7},{"productId":"smartphone","stockLevel":1.5},7,
        {"productId":"laptop","stockLevel":4},{"productId":"laptop","stockLevel":5}]"#;
    says.now(ok(odd));
    let run = sync(&mut server, "back", false).await;
    let rows = run["rows"]["data"].as_array().unwrap();
    let reasons: Vec<_> = rows
        .iter()
        .take(7)
        .map(|row| {
            let reason = row["reason"].as_str().unwrap_or("-").to_owned();
            format!("{} {}", row["action"].as_str().unwrap(), reason)
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @r"
    counted -
    invalid negative: the figure is negative
    duplicate as row 1
    invalid fractional: the figure is not a whole number
    invalid not_an_object: the row is not an object
    invalid contradicts row 7
    invalid contradicts row 6
    ");
    assert_eq!(stock(&mut server, "headphones").await.0, 7);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn what_has_not_changed_is_not_compared_again() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    let answer = r#"[{"productId":"headphones","stockLevel":7}]"#;
    says.now(http("200 OK", "ETag: \"v1\"\r\n", answer));
    let mut outcomes = Vec::new();
    for turn in 1..=2 {
        post(&mut server, "/v1/schedules/warehouse/run", "-", &json!({})).await;
        let run = loop {
            let runs = read(&server.get("/v1/warehouse/syncs").await);
            let runs = runs["data"].as_array().unwrap().clone();
            if runs.len() == turn {
                break ended(&mut server, runs[0]["id"].as_str().unwrap()).await;
            }
            sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((&run["trigger"], &run["status"]), (&json!("schedule"), &json!("applied")));
        outcomes.push(run["outcome"].as_str().unwrap().to_owned());
    }
    assert!(outcomes[0].contains("1 counted"), "{outcomes:?}");
    assert_eq!(outcomes[1], "nothing has changed since the answer before");
    // Who asks by hand gets a whole answer.
    let run = sync(&mut server, "hand", false).await;
    assert_eq!(run["rows_received"], 1);
    server.stop_and_verify().await;
}

/// So many products with ten of each.
async fn stocked(server: &mut Server, products: usize) -> Vec<String> {
    let skus: Vec<String> = (0..products).map(|number| format!("part-{number}")).collect();
    for sku in &skus {
        let body = json!({"sku": sku, "name": sku, "price": {"amount": 100, "currency": "INR"}});
        post(server, "/v1/products", sku, &body).await;
    }
    for (number, some) in skus.chunks(100).enumerate() {
        let line = |sku: &String| json!({"sku": sku, "delta": 10, "reason": "received"});
        let lines: Vec<_> = some.iter().map(line).collect();
        post(
            server,
            "/v1/stock/adjustments",
            &format!("all-{number}"),
            &json!({"adjustments": lines}),
        )
        .await;
    }
    skus
}

#[tokio::test]
async fn orders_go_on_beside_a_run_and_are_netted() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    let skus = stocked(&mut server, 300).await;
    let rows: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 20)).collect();
    says.now(plain(&rows));
    let begun = post(&mut server, "/v1/warehouse/syncs", "sync", &json!({})).await;
    let mut placed = 0;
    // Sold, and received, while it is compared and counted.
    for (number, sku) in skus.iter().enumerate() {
        order(&mut server, sku, 2, &format!("order-{number}")).await;
        let body = json!({"sku": sku, "delta": 1, "reason": "received"});
        post(&mut server, "/v1/stock/adjustments", &format!("in-{number}"), &body).await;
        placed += 1;
    }
    let run = ended(&mut server, begun["id"].as_str().unwrap()).await;
    assert_eq!(run["status"], "applied", "{run}");
    assert_eq!(placed, 300);
    for sku in &skus {
        // The figure was true before the one that came in, whenever it was counted; or, where the
        // warehouse was asked after that, it has it already.
        let (on_hand, reserved) = stock(&mut server, sku).await;
        assert!((20..=21).contains(&on_hand) && reserved == 2, "{sku}: {on_hand} {reserved}");
    }
    server.stop_and_verify().await;
}

#[tokio::test]
async fn a_run_whose_process_is_killed_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[]).await;
    let mut server = open(folder.path(), &says, &[]).await;
    let skus = stocked(&mut server, 400).await;
    // What was counted last, and what is to be counted next.
    let (mut current, mut level) = (10, 30);
    for (turn, wait) in [0, 5, 40, 80, 160, 320].into_iter().enumerate() {
        level += 1;
        let rows: Vec<_> = skus.iter().map(|sku| (sku.as_str(), level)).collect();
        says.now(plain(&rows));
        let begun = post(&mut server, "/v1/warehouse/syncs", &format!("{turn}"), &json!({})).await;
        sleep(Duration::from_millis(wait)).await;
        server.kill().await;
        server = open(folder.path(), &says, &[]).await;
        let run = ended(&mut server, begun["id"].as_str().unwrap()).await;
        // Before the answer was whole nothing was counted, from then on all is.
        match run["status"].as_str().unwrap() {
            "failed" => {}
            "applied" => current = level,
            other => panic!("{other}: {run}"),
        }
        for sku in skus.iter().step_by(37) {
            let (on_hand, _) = stock(&mut server, sku).await;
            assert_eq!(on_hand, current, "{sku} after {wait} ms: {}", run["outcome"]);
        }
    }
    server.stop_and_verify().await;
}
