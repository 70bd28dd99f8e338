//! A disk that fails under the running server (F3, F4 and F12 of the fault table): a flush that
//! fails, a disk that is full, a flush that does not come back for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::HeaderValue;
use onhand_engine::limits::{BATCH_COMMANDS_MAX, QUEUE_COMMANDS_MAX};
use onhand_server::client::{ClientError, Reply};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::pages::Operator;
use crate::server::{Server, json, place_on, run_with, verify};
use crate::shim::{Disk, Failure};

/// Longest wait for the server to come into a state.
const STATE_TIMEOUT: Duration = Duration::from_secs(60);

const ONE: HeaderValue = HeaderValue::from_static("1");

/// Callers at a time: more than the queue and the batch in the committer's hands can hold.
const CALLERS: usize = QUEUE_COMMANDS_MAX + BATCH_COMMANDS_MAX + 200;

/// Most memory of a server with a full queue and as many connections.
const OVERLOADED_KIB_MAX: u64 = 256 << 10;

/// Commands that wait for the committer.
async fn waiting(server: &mut Server) -> u64 {
    json(&server.get("/health").await)["committer"]["waiting"].as_u64().unwrap()
}

fn is_replayed(reply: &Reply) -> bool {
    reply.headers.contains_key("idempotency-replayed")
}

/// Callers that order over a connection of their own each.
#[derive(Default)]
struct Callers(JoinSet<(String, Result<Reply, ClientError>)>);

impl Callers {
    fn call(&mut self, server: &Server) {
        let mut connection = server.connect_patiently();
        let key = format!("caller-{}", self.0.len());
        self.0.spawn(async move {
            let reply = place_on(&mut connection, &key).await;
            (key, reply)
        });
    }

    /// Goes on calling until so many wait behind the batch that the committer has in hand.
    async fn call_until(&mut self, server: &mut Server, at_least: u64) {
        let reached = async {
            let mut ticks = interval(Duration::from_millis(10));
            while waiting(server).await < at_least {
                self.call(server);
                ticks.tick().await;
            }
        };
        timeout(STATE_TIMEOUT, reached).await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_flush_is_an_unknown_outcome_and_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut server = disk.server().await;
    let acknowledged = server.place("before").await.unwrap();
    assert_eq!(acknowledged.status, 201);
    // Some orders are in the batch that is lost, others behind it in the queue.
    disk.begin(Failure::HoldFlush);
    let mut callers = Callers::default();
    callers.call_until(&mut server, 10).await;
    disk.begin(Failure::FailFlush);
    disk.end(Failure::HoldFlush);
    let unknown = callers.0.join_all().await;
    let (mut told, mut refused) = (0, BTreeSet::new());
    for (key, reply) in &unknown {
        // A request that came too late to be read is not answered, or told that this is the end.
        let Ok(reply) = reply else { continue };
        assert_eq!((reply.status.as_u16(), &reply.headers["retry-after"]), (503, &ONE), "{key}");
        let body = json(reply);
        let code = body["code"].as_str().unwrap();
        assert!(["outcome_unknown", "stopping"].contains(&code), "{key}: {body}");
        told += u32::from(code == "outcome_unknown");
        if code == "stopping" {
            refused.insert(key);
        }
    }
    assert!(told >= 1 && refused.len() >= 5, "{unknown:?}");
    assert_eq!(server.exit_code().await, Some(74), "{}", server.log());
    disk.end(Failure::FailFlush);

    // Nobody else commits: whose batch stands still is known.
    let mut server = Server::start(folder.path(), &["--role", "api"]).await;
    let again = server.place("before").await.unwrap();
    assert!(is_replayed(&again));
    assert_eq!(again.body, acknowledged.body);
    // The truth, whichever it is: what the keys say is what the stock says.
    let reserved = server.reserved().await;
    let mut were_placed = 0;
    for (key, _) in &unknown {
        let settled = server.place(key).await.unwrap();
        assert_eq!(settled.status, 201, "{key}");
        assert!(
            !is_replayed(&settled) || !refused.contains(key),
            "{key}: was told that it was not"
        );
        were_placed += u64::from(is_replayed(&settled));
        let again = server.place(key).await.unwrap();
        assert!(is_replayed(&again), "{key}");
        assert_eq!(again.body, settled.body, "{key}");
    }
    assert_eq!(reserved, 1 + were_placed);
    assert_eq!(server.reserved().await, 1 + unknown.len() as u64);
    server.stop_and_verify().await;
}

#[tokio::test]
async fn what_was_not_flushed_is_flushed_before_anybody_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut server = disk.server().await;
    disk.begin(Failure::HoldFlush);
    let mut callers = Callers::default();
    callers.call_until(&mut server, 1).await;
    server.kill().await;
    // Written, and found in the log by whoever opens it, and perhaps not on the disk.
    disk.begin(Failure::FailFlush);
    disk.end(Failure::HoldFlush);
    let arguments = ["--listen", "127.0.0.1:0"];
    let refused = run_with(folder.path(), "serve", &arguments, &disk.environment()).await;
    assert_eq!(refused.code, Some(3), "{}", refused.text);
    assert!(refused.text.contains("disk I/O error"), "{}", refused.text);
    disk.end(Failure::FailFlush);

    let mut server = disk.server().await;
    let callers = callers.0.join_all().await;
    assert!(callers.iter().all(|(_, reply)| reply.is_err()), "{callers:?}");
    let reserved = server.reserved().await;
    let mut were_placed = 0;
    for (key, _) in &callers {
        let settled = server.place(key).await.unwrap();
        assert_eq!(settled.status, 201, "{key}");
        were_placed += u64::from(is_replayed(&settled));
    }
    assert_eq!(reserved, were_placed);
    server.stop_and_verify().await;
}

/// Orders are refused on a full disk, and everything can be read.
async fn check_full(server: &mut Server) {
    for key in ["during", "during", "another"] {
        let refused = server.place(key).await.unwrap();
        assert_eq!((refused.status.as_u16(), &json(&refused)["code"]), (507, &"disk_full".into()));
        assert_eq!(refused.headers["retry-after"], ONE);
        assert_eq!(server.reserved().await, 1);
        for path in ["/v1/orders", "/livez", "/readyz", "/health"] {
            assert_eq!(server.get(path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_orders_goes_on_reading_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut server = disk.server().await;
    let order = json(&server.place("before").await.unwrap());
    let mut operator = Operator::at(&server).await;
    disk.begin(Failure::Full);
    check_full(&mut server).await;
    // The pages show what there is, and say of a form why nothing came of it.
    let path = format!("/admin/orders/{}", order["id"].as_str().unwrap());
    let (page, cancel) = (operator.get(&path).await, format!("{path}/cancel"));
    assert_eq!(page.status, 200, "{page:?}");
    let refused = operator.send(&page, &cancel, "reason=marmalade").await;
    assert_eq!((refused.status, refused.retry_after.as_ref()), (507, Some(&ONE)), "{refused:?}");
    for said in ["role=\"alert\"", "disk", "marmalade"] {
        assert!(refused.html.contains(said), "{said}: {}", refused.html);
    }
    disk.end(Failure::Full);
    let done = operator.send(&refused, &cancel, "reason=marmalade").await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(server.place("between").await.unwrap().status, 201);
    disk.begin(Failure::Full);
    server.kill().await;
    let mut server = disk.server().await;
    check_full(&mut server).await;
    disk.end(Failure::Full);
    let placed = server.place("during").await.unwrap();
    assert_eq!(placed.status, 201);
    assert!(!is_replayed(&placed));
    assert_eq!(server.reserved().await, 2);
    verify(folder.path()).await;
    server.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_flush_turns_away_what_the_queue_cannot_hold() {
    let handles = u64::try_from(CALLERS * 2 + 1_000).unwrap();
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|most| most >= handles), "needs {handles} file handles");
    // The server inherits it.
    setrlimit(Resource::Nofile, Rlimit { current: Some(handles), maximum }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut server = disk.server().await;
    server.receive(100_000).await;
    disk.begin(Failure::HoldFlush);
    let mut callers = Callers::default();
    (0..CALLERS).for_each(|_| callers.call(&server));
    callers.call_until(&mut server, QUEUE_COMMANDS_MAX as u64).await;
    // Turned away while the flush still hangs; nobody who waits was answered.
    let (_, first) = timeout(STATE_TIMEOUT, callers.0.join_next()).await.unwrap().unwrap().unwrap();
    let first = first.unwrap();
    assert_eq!((first.status.as_u16(), &json(&first)["code"]), (503, &"overloaded".into()));
    assert_eq!(first.headers["retry-after"], ONE);
    let kib = resident_kib(server.pid());
    assert!(kib < OVERLOADED_KIB_MAX, "{kib} KiB");
    // A read that saw what is not durable waits, and is not kept for ever; the process is alive.
    for path in ["/v1/stock/smartphone", "/readyz"] {
        let read = server.get(path).await;
        assert_eq!(
            (read.status.as_u16(), &json(&read)["code"]),
            (503, &"store_unavailable".into())
        );
        assert_eq!(read.headers["retry-after"], ONE);
    }
    for path in ["/livez", "/health"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    disk.end(Failure::HoldFlush);

    let mut counts: BTreeMap<u16, u64> = BTreeMap::from([(503, 1)]);
    let mut acknowledged = Vec::new();
    for (key, reply) in callers.0.join_all().await {
        let reply: Reply = reply.unwrap_or_else(|error: ClientError| panic!("{key}: {error}"));
        *counts.entry(reply.status.as_u16()).or_default() += 1;
        if reply.status == 201 {
            acknowledged.push((key, reply));
        }
    }
    let turned_away = counts[&503];
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [201, 503], "{counts:?}");
    assert!(counts[&201] >= QUEUE_COMMANDS_MAX as u64 && turned_away >= 1, "{counts:?}");
    assert_eq!(server.reserved().await, counts[&201]);
    for (key, reply) in acknowledged.iter().step_by(97) {
        let again = server.place(key).await.unwrap();
        assert!(is_replayed(&again), "{key}");
        assert_eq!(again.body, reply.body, "{key}");
    }
    server.stop_and_verify().await;
}

/// Memory that a process has in use.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
