//! Rounds against a small server in this process: what is counted, and what latency means.

use std::sync::atomic::AtomicU32;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::*;
use crate::load::workload::Shape;

async fn serve(router: Router) -> Target {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Target::new(&url, None).unwrap()
}

fn orders(products: u32) -> Arc<Orders> {
    let lines = "2".parse().unwrap();
    Arc::new(Orders::prepare(Shape::Spread, products, lines, &mut Random::seeded(1)))
}

fn round(target: Target, operation: Operation, pace: Pace) -> Round {
    Round {
        target,
        operation,
        connections: 4,
        pace,
        warm_up: Duration::from_millis(20),
        length: Duration::from_millis(200),
        random_keys: false,
        random: Random::seeded(1),
        server: None,
    }
}

fn total(units: &[AtomicI64]) -> i64 {
    units.iter().map(|units| units.load(Ordering::Relaxed)).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_acknowledged_order_is_tallied_and_refusals_are_not() {
    let count = Arc::new(AtomicU32::new(0));
    let placed = Arc::new(AtomicU32::new(0));
    let (handler_count, handler_placed) = (Arc::clone(&count), Arc::clone(&placed));
    let place = post(move |body: Bytes| async move {
        assert!(body.starts_with(br#"{"items":["#));
        match handler_count.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => (StatusCode::SERVICE_UNAVAILABLE, r#"{"code":"overloaded"}"#),
            1 => (StatusCode::GATEWAY_TIMEOUT, r#"{"code":"outcome_unknown"}"#),
            _ => {
                handler_placed.fetch_add(1, Ordering::Relaxed);
                (StatusCode::CREATED, "{}")
            }
        }
    });
    let target = serve(Router::new().route("/v1/orders", place)).await;
    let tally = Arc::new(Tally::new(10));
    let operation = Operation::place(&orders(10));
    let outcome = round(target, operation, Pace::Closed).run(&tally).await.unwrap();
    let acknowledged = tally.acknowledged.load(Ordering::Relaxed);
    assert_eq!(acknowledged, u64::from(placed.load(Ordering::Relaxed)));
    assert!(tally.unknown.load(Ordering::Relaxed) > 0);
    // Two lines of at least one unit each.
    assert!(total(&tally.units) >= 2 * i64::try_from(acknowledged).unwrap());
    assert!(total(&tally.unknown_units) > 0);
    let statuses: Vec<u16> = outcome.statuses.keys().copied().collect();
    assert_eq!(statuses, [201, 503, 504]);
    assert!(outcome.per_second > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_open_loop_sends_what_is_due_and_counts_from_the_due_moment() {
    // Every answer takes 40 ms, so 4 connections give 100/s; 200/s are due, and the queue must
    // show.
    let slow = get(|| async { sleep(Duration::from_millis(40)).await });
    let target = serve(Router::new().route("/slow", slow)).await;
    let operation = Operation::Get(Arc::from(["/slow".to_owned()]));
    let tally = Arc::new(Tally::new(1));
    let outcome = round(target, operation, Pace::Open(200.0)).run(&tally).await.unwrap();
    assert_eq!(outcome.statuses[&200], 40);
    assert_eq!(outcome.unsent, 0);
    assert!(outcome.millis(0.0) >= 39.0, "{}", outcome.millis(0.0));
    assert!(outcome.millis(1.0) >= 150.0, "{}", outcome.millis(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lost_answer_is_of_unknown_outcome() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Takes every connection and closes it as soon as a request has come.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut byte = [0];
                stream.readable().await.ok();
                stream.try_read(&mut byte).ok();
            });
        }
    });
    let tally = Arc::new(Tally::new(10));
    let target = Target::new(&url, None).unwrap();
    let operation = Operation::place(&orders(10));
    let outcome = round(target, operation, Pace::Closed).run(&tally).await.unwrap();
    assert_eq!(tally.acknowledged.load(Ordering::Relaxed), 0);
    assert!(tally.unknown.load(Ordering::Relaxed) > 0);
    assert!(outcome.statuses[&0] > 0);
}
