//! What every queue keeps, the database's and the brokers' alike, as an operator sees it: orders go
//! in at the running binary, and each is taken up once, whatever becomes of the process or of a
//! message beside it. A place where the work may wait is a [`House`].

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use axum::http::Method;
use onhand_core::jobs::{self, NewJob, Queue};
use onhand_core::text::Reference;
use onhand_core::{Actor, Command};
use onhand_engine::committer::Config;
use onhand_engine::database::{Database, Schema};
use onhand_engine::{Location, SystemClock};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::installation::Installation;
use crate::server::{Server, json, keyed};

/// Longest wait for everything to come to its end, leases of killed processes included.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);

/// What nobody can make anything of.
pub(crate) const POISON: &str = "not an order";

/// Where the work of orders waits.
pub(crate) trait House: Sized {
    /// One in which nothing waits.
    async fn furnish() -> Self;

    /// How a server is told of it.
    fn arguments(&self) -> Vec<String>;

    /// Puts [`POISON`] among what waits. Nobody serves the database meanwhile.
    async fn poison(&self, database: &str);
}

/// The database itself.
pub(crate) struct InDatabase;

impl House for InDatabase {
    async fn furnish() -> Self {
        Self
    }

    fn arguments(&self) -> Vec<String> {
        vec!["--queue=database".to_owned()]
    }

    /// As a consumer would that has gone wrong, of an event that concerns no other order: that the
    /// last one was taken up. No other way leads in.
    async fn poison(&self, database: &str) {
        let location = Location::parse(database).unwrap();
        let database = Database::open(&location, Schema::MigrateIfAlone).await.unwrap();
        let clock = std::sync::Arc::new(SystemClock);
        let config = Config { clock, crash: None, policy: std::sync::Arc::default() };
        let (submit, running, _) = database.start(config).unwrap();
        let reader = database.reader().unwrap();
        let queue = Queue::Processing;
        let cursor = reader.consumer(queue).await.unwrap().unwrap().cursor;
        let newest = reader.position().await.unwrap();
        assert!(newest > cursor, "no event is left to make a job of");
        let about = Reference::new(POISON).unwrap();
        let jobs = vec![NewJob { event: cursor + 1, about, lane: None }];
        let take_in =
            jobs::Command::TakeIn { queue, is_replay: false, from: cursor, to: cursor + 1, jobs };
        let answer = submit.submit(Command::Jobs(take_in), Actor::System, None).await.unwrap();
        answer.outcome.unwrap();
        drop((submit, reader));
        running.join().unwrap().unwrap();
    }
}

/// A house with a server on a database of its own.
struct Shop<H: House> {
    house: H,
    installation: Installation,
    folder: tempfile::TempDir,
    placed: usize,
}

impl<H: House> Shop<H> {
    async fn open() -> Self {
        let (house, installation) = (H::furnish().await, Installation::fresh().await);
        Self { house, installation, folder: tempfile::tempdir().unwrap(), placed: 0 }
    }

    async fn serve(&self, more: &[&str]) -> Server {
        let arguments = self.house.arguments();
        let arguments: Vec<&str> =
            arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let none: [(&str, OsString); 0] = [];
        Server::start_on(self.installation.url(), self.folder.path(), &arguments, &none).await
    }

    /// A server that has begun to read the log.
    async fn begin(&self) -> Server {
        let mut server = self.serve(&[]).await;
        server.receive(200).await;
        let has_begun = |rows: &Value| rows["data"].as_array().unwrap().iter().any(is_processing);
        until(&mut server, "/v1/consumers", has_begun).await;
        server
    }

    /// Places orders; answers their ids.
    async fn place(&mut self, server: &mut Server, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            self.placed += 1;
            let reply = server.place(&format!("key-{}", self.placed)).await.unwrap();
            ids.push(json(&reply)["id"].as_str().unwrap().to_owned());
        }
        ids
    }
}

fn is_processing(consumer: &Value) -> bool {
    consumer["queue"] == "processing"
}

/// Waits until something is as it should be.
async fn until(server: &mut Server, path: &str, is_right: impl Fn(&Value) -> bool) {
    let mut seen = Value::Null;
    let settled = async {
        loop {
            seen = json(&server.get(path).await);
            if is_right(&seen) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let is_settled = timeout(SETTLE_TIMEOUT, settled).await.is_ok();
    assert!(is_settled, "{path}: {seen}\n{}", server.log());
}

/// Each of these orders is taken up, once.
async fn expect_taken_up(server: &mut Server, orders: &[String]) {
    for order in orders {
        let timeline = format!("/v1/orders/{order}/timeline");
        until(server, &timeline, |events| kinds(events).len() > 1).await;
        let events = json(&server.get(&timeline).await);
        assert_eq!(kinds(&events), ["order.placed", "order.processing"], "{order}");
    }
}

fn kinds(events: &Value) -> Vec<&str> {
    let events = events["data"].as_array().unwrap().iter();
    events.map(|event| event["type"].as_str().unwrap()).collect()
}

/// Dead letters of orders, where operators look.
async fn letters(server: &mut Server) -> Vec<Value> {
    let page = json(&server.get("/v1/jobs?status=dead&queue=processing").await);
    page["data"].as_array().unwrap().clone()
}

pub(crate) async fn each_order_is_taken_up_once_whoever_is_killed<H: House>() {
    let mut shop = Shop::<H>::open().await;
    let mut server = shop.begin().await;
    let mut orders = Vec::new();
    for round in 0..4 {
        orders.extend(shop.place(&mut server, 10).await);
        // In the middle of whatever it is at, each time a little later.
        sleep(Duration::from_millis(15 * round)).await;
        server.kill().await;
        server = shop.serve(&[]).await;
    }
    expect_taken_up(&mut server, &orders).await;
    assert_eq!(letters(&mut server).await, Vec::<Value>::new());
    server.stop_and_verify().await;
}

pub(crate) async fn what_waits_is_kept_while_nobody_works<H: House>() {
    let mut shop = Shop::<H>::open().await;
    shop.begin().await.stop_and_verify().await;
    let mut server = shop.serve(&["--role=api"]).await;
    let mut orders = shop.place(&mut server, 6).await;
    let confirmed = json(&server.get(&format!("/v1/orders/{}", orders[0])).await);
    assert_eq!(confirmed["status"], "confirmed");
    // Whoever takes it up later finds that there is nothing to do any more.
    let gone = orders.pop().unwrap();
    let path = format!("/v1/orders/{gone}/cancel");
    let cancelled = server.connection.send(Method::POST, &path, &keyed("gone"), "{}".into()).await;
    assert!(cancelled.unwrap().status.is_success());
    server.stop_and_verify().await;
    let mut server = shop.serve(&[]).await;
    expect_taken_up(&mut server, &orders).await;
    let order = json(&server.get(&format!("/v1/orders/{gone}")).await);
    assert_eq!(order["status"], "cancelled");
    assert_eq!(letters(&mut server).await, Vec::<Value>::new());
    server.stop_and_verify().await;
}

pub(crate) async fn poison_is_a_dead_letter_and_its_neighbours_go_on<H: House>() {
    let mut shop = Shop::<H>::open().await;
    let mut server = shop.begin().await;
    let before = shop.place(&mut server, 3).await;
    expect_taken_up(&mut server, &before).await;
    server.stop_and_verify().await;
    let mut server = shop.serve(&["--role=api"]).await;
    let beside = shop.place(&mut server, 3).await;
    server.stop_and_verify().await;
    shop.house.poison(&shop.installation.url()).await;
    let mails = shop.folder.path().join("mails");
    let (mail, operator) =
        (format!("--mail=folder:{}", mails.display()), "--operator-mail=o@o.example");
    let mut server = shop.serve(&[&mail, operator]).await;
    let behind = shop.place(&mut server, 3).await;
    expect_taken_up(&mut server, &beside).await;
    expect_taken_up(&mut server, &behind).await;
    let is_dead = |page: &Value| !page["data"].as_array().unwrap().is_empty();
    until(&mut server, "/v1/jobs?status=dead&queue=processing", is_dead).await;
    let [letter] = &letters(&mut server).await[..] else { panic!("one is dead") };
    assert_eq!(letter["about"], POISON);
    let attempts = letter["attempts"].as_array().unwrap();
    let reason = attempts.last().unwrap()["reason"].as_str().unwrap();
    assert!(!reason.is_empty(), "{letter}");
    // It is told once, and an operator is written to; then they see to it.
    let told = "/v1/events?types=job.dead";
    let id = letter["id"].as_str().unwrap();
    until(&mut server, told, |page| page["data"][0]["data"]["job"] == id).await;
    until(&mut server, "/v1/consumers", |_| dead_letters(&mails) == 1).await;
    let path = format!("/v1/jobs/{}/skip", letter["id"].as_str().unwrap());
    let skipped = server.connection.send(Method::POST, &path, &keyed("skip"), "".into()).await;
    assert!(skipped.unwrap().status.is_success());
    assert_eq!(letters(&mut server).await, Vec::<Value>::new());
    assert_eq!(json(&server.get(told).await)["data"].as_array().unwrap().len(), 1);
    assert_eq!(dead_letters(&mails), 1);
    server.stop_and_verify().await;
}

/// Mails to operators about dead letters in a folder.
fn dead_letters(folder: &Path) -> usize {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".dead_letter.") && name.ends_with(".eml")).count()
}

/// What every queue keeps, for one of them.
macro_rules! keeps {
    ($house:ty; $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                crate::flow::$rule::<$house>().await;
            }
        )+
    };
    ($name:ident: $house:ty) => {
        mod $name {
            crate::flow::keeps! {
                $house;
                each_order_is_taken_up_once_whoever_is_killed,
                what_waits_is_kept_while_nobody_works,
                poison_is_a_dead_letter_and_its_neighbours_go_on,
            }
        }
    };
}
pub(crate) use keeps;
