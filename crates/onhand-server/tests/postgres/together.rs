//! Several processes on one database: they sell what there is and no more, and each can be
//! restarted while the others go on.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use onhand_server::client::{Connection, Reply};
use onhand_server::limits::IDENTITY_SECS_MAX;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::buyers::{Buyers, hold_to};
use crate::cluster::Cluster;
use crate::server::{ONHAND, Server, address, json, keyed, place_on};

/// Servers with one API key: an idempotency key means something to one caller only.
async fn servers(url: &str, folders: &[tempfile::TempDir]) -> Vec<Server> {
    servers_with(url, folders, &[]).await
}

async fn servers_with(url: &str, folders: &[tempfile::TempDir], extra: &[&str]) -> Vec<Server> {
    let extra = [&["--migrate"], extra].concat();
    let mut servers: Vec<Server> = Vec::new();
    for folder in folders {
        if let Some(first) = servers.first() {
            std::fs::write(folder.path().join("key"), &first.key).unwrap();
        }
        servers.push(Server::start_on(url.to_owned(), folder.path(), &extra, &[]).await);
    }
    servers
}

fn folders(count: usize) -> Vec<tempfile::TempDir> {
    (0..count).map(|_| tempfile::tempdir().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_sell_what_there_is_and_no_more() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    let mut servers = servers(&cluster.url("onhand", "postgres"), &folders).await;
    let there_are = 100;
    let buyers = Buyers::at(&servers, 16);
    buyers.after(there_are).await;
    let told = buyers.finish().await;
    assert_eq!(told.count(), there_are);
    assert!(told.refused.load(Ordering::Relaxed) > 0);
    let mut one = servers.pop().unwrap();
    hold_to(&told, &mut one).await;
    for server in servers {
        server.stop_and_verify().await;
    }
    one.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_restarted_one_after_another_and_nobody_is_turned_away() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    let url = cluster.url("onhand", "postgres");
    let mut servers = servers(&url, &folders).await;
    servers[0].receive(1_000_000).await;
    let buyers = Buyers::at(&servers, 8);
    for folder in &folders {
        buyers.after(100).await;
        let mut old = servers.remove(0);
        let listen = old.url.strip_prefix("http://").unwrap().to_owned();
        old.terminate();
        assert_eq!(old.exit_code().await, Some(0), "{}", old.log());
        let again = Server::start_at(url.clone(), folder.path(), &listen).await;
        servers.push(again);
    }
    buyers.after(100).await;
    let told = buyers.finish().await;
    hold_to(&told, &mut servers[0]).await;
    for server in servers {
        server.stop_and_verify().await;
    }
}

/// How often an order was looked for where this process keeps them, and was found.
async fn found(server: &mut Server) -> u64 {
    let reply = server.get("/metrics").await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let line =
        text.lines().find(|line| line.starts_with(r#"onhand_cache_lookups_total{result="hit"#));
    line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_one_process_keeps_is_shown_as_another_has_changed_it() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    // No worker takes the order up in between.
    let extra = ["--role", "api"];
    let mut servers = servers_with(&cluster.url("onhand", "postgres"), &folders, &extra).await;
    let mut there = servers.pop().unwrap();
    let mut here = servers.pop().unwrap();
    let placed = json(&there.place("kept").await.unwrap());
    let path = format!("/v1/orders/{}", placed["id"].as_str().unwrap());
    let patch = [("if-match", "*"), ("content-type", "application/json")];
    let patch = patch.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let mut kept = 0;
    for at in 0..20 {
        let body = format!(r#"{{"metadata":{{"at":"{at}"}}}}"#);
        let changed = there.connection.send(Method::PATCH, &path, &patch, body.into()).await;
        let changed = changed.unwrap();
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
        // The first finds it changed, the second finds it kept.
        for _ in 0..2 {
            assert_eq!(json(&here.get(&path).await), json(&changed));
        }
        kept += 1;
        assert_eq!(found(&mut here).await, kept);
    }
    here.stop_and_verify().await;
    there.stop_and_verify().await;
}

/// Who is frozen may have its turn, and everybody else waits for that: not for so long that one of
/// their callers is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_turns_nobody_away_from_another() {
    let cluster = Cluster::start(&[]);
    let folders = folders(2);
    let mut servers = servers(&cluster.url("onhand", "postgres"), &folders).await;
    servers[0].receive(1_000_000).await;
    let (here, there) = (Buyers::at(&servers[..1], 4), Buyers::at(&servers[1..], 4));
    for _ in 0..3 {
        there.after(50).await;
        servers[1].signal(Signal::STOP);
        here.after(50).await;
        servers[1].signal(Signal::CONT);
    }
    let (told, told_there) = (here.finish().await, there.finish().await);
    assert_eq!(told.later.load(Ordering::Relaxed), 0, "somebody was told to come later");
    // Some keys were asked at both.
    told.placed.lock().unwrap().extend(told_there.placed.lock().unwrap().clone());
    hold_to(&told, &mut servers[0]).await;
    for server in servers {
        server.stop_and_verify().await;
    }
}

/// What signs the tokens of both processes.
const SECRET: &str = "5f0b8e1c7d3a49266813c6e0d7f94b25";

async fn send(connection: &mut Connection, method: Method, path: &str, body: &str) -> Reply {
    connection.send(method, path, &keyed("once"), body.to_owned().into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_taken_away_in_one_process_are_gone_in_the_other() {
    let cluster = Cluster::start(&[]);
    let url = cluster.url("onhand", "postgres");
    let folders = folders(2);
    let environment = [("ONHAND_TOKEN_SECRET", OsString::from(SECRET))];
    let migrate = ["--migrate"];
    let mut here = Server::start_on(url.clone(), folders[0].path(), &migrate, &environment).await;
    std::fs::write(folders[1].path().join("key"), &here.key).unwrap();
    let there = Server::start_on(url, folders[1].path(), &[], &environment).await;

    let body = r#"{"email":"eve@shop.example","password":"tomatoes & 7 bees"}"#;
    let registered = send(&mut here.connection, Method::POST, "/v1/auth/register", body).await;
    assert_eq!(registered.status, StatusCode::ACCEPTED);
    let logged_in = send(&mut here.connection, Method::POST, "/v1/auth/login", body).await;
    let logged_in = json(&logged_in);
    let token = logged_in["access_token"].as_str().unwrap();
    let user = logged_in["user"]["id"].as_str().unwrap();
    let mut eve = Connection::new(address(&there.url, token));
    // The other process knows her now, and believes what it knows for a minute.
    assert_eq!(send(&mut eve, Method::GET, "/v1/me", "").await.status, StatusCode::OK);
    let known_at = std::time::Instant::now();
    assert_eq!(place_on(&mut eve, "before").await.unwrap().status, StatusCode::CREATED);

    let path = format!("/v1/users/{user}");
    let version = [("if-match", "*"), ("content-type", "application/json")];
    let version = version.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let body = r#"{"disabled":true}"#.into();
    let disabled = here.connection.send(Method::PATCH, &path, &version, body).await.unwrap();
    assert_eq!(disabled.status, StatusCode::OK, "{disabled:?}");

    // Her next write there is refused in the decision itself, long before the minute is over.
    let refused = place_on(&mut eve, "after").await.unwrap();
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
    // By that the process has heard of it, and the reads end with the writes.
    let read = send(&mut eve, Method::GET, "/v1/me", "").await;
    assert_eq!(read.status, StatusCode::UNAUTHORIZED, "{read:?}");
    assert!(known_at.elapsed().as_secs() < IDENTITY_SECS_MAX, "the minute proves nothing");
    here.stop_and_verify().await;
    there.stop_and_verify().await;
}

/// Somebody who only works.
fn worker(url: &str, folder: &Path) -> Child {
    Command::new(ONHAND)
        .arg("work")
        .env("ONHAND_DATABASE_URL", url)
        .env("ONHAND_SECRET_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn until_taken_up(api: &mut Server, order: &str) {
    let taken_up = async {
        while json(&api.get(&format!("/v1/orders/{order}")).await)["status"] != "processing" {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), taken_up).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_answer_and_those_who_work_are_processes_of_their_own() {
    let cluster = Cluster::start(&[]);
    let url = cluster.url("onhand", "postgres");
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--migrate", "--role", "api"];
    let mut api = Server::start_on(url.clone(), folder.path(), &arguments, &[]).await;
    let mut workers = vec![worker(&url, folder.path())];
    let consumers = |api: &Value| api["data"].as_array().unwrap().len();
    let began = async {
        while consumers(&json(&api.get("/v1/consumers").await)) < 2 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), began).await.unwrap();
    // Nobody works: what is confirmed stays so, and waits in the log.
    workers[0].kill().await.unwrap();
    let order = json(&api.place("first").await.unwrap())["id"].as_str().unwrap().to_owned();
    let shown = json(&api.get(&format!("/v1/orders/{order}")).await);
    assert_eq!(shown["status"], "confirmed");
    workers = (0..2).map(|_| worker(&url, folder.path())).collect();
    until_taken_up(&mut api, &order).await;
    workers[0].kill().await.unwrap();
    let order = json(&api.place("second").await.unwrap())["id"].as_str().unwrap().to_owned();
    until_taken_up(&mut api, &order).await;
    let timeline = json(&api.get(&format!("/v1/orders/{order}/timeline")).await);
    assert_eq!(timeline["data"].as_array().unwrap().len(), 2, "{timeline}");
    workers[1].kill().await.unwrap();
    api.stop_and_verify().await;
}
