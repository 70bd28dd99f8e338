//! A server in a process of its own, on a database in a folder of the test. Every wait has a bound;
//! a server that is forgotten is killed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::client::{Address, ClientError, Connection, Limits, Reply};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub(crate) const ONHAND: &str = env!("CARGO_BIN_EXE_onhand");

/// An address of this machine with a port that is free.
const ANYWHERE: &str = "127.0.0.1:0";
/// Longest wait for a process to start or to end.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    database: String,
    output: Arc<Mutex<String>>,
    pub(crate) url: String,
    /// An API key that may do everything.
    pub(crate) key: String,
    pub(crate) connection: Connection,
}

/// An API key that may do everything: the one that an earlier server of the folder had, or a new
/// one, made before anybody serves the database.
pub(crate) async fn key_of(database: &str, folder: &Path) -> String {
    let kept = folder.join("key");
    if let Ok(key) = std::fs::read_to_string(&kept) {
        return key;
    }
    let migrated = run_on(database, "migrate", &["up"], &[]).await;
    assert_eq!(migrated.code, Some(0), "{}", migrated.text);
    let create = ["create", "--name", "test", "--scopes", "admin"];
    let created = run_on(database, "keys", &create, &[]).await;
    assert_eq!(created.code, Some(0), "{}", created.text);
    let key = created.text.lines().find(|line| line.starts_with("onk_")).unwrap().to_owned();
    std::fs::write(&kept, &key).unwrap();
    key
}

/// The address of a server for whoever has a key.
pub(crate) fn address(url: &str, key: &str) -> Address {
    Address::parse(url).unwrap().with_token(key).unwrap()
}

/// How a command of the binary ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What it wrote, standard output first.
    pub(crate) text: String,
}

pub(crate) fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("onhand.db").display())
}

/// Runs a command of the binary to its end.
pub(crate) async fn run(folder: &Path, command: &str, extra: &[&str]) -> Ended {
    run_with(folder, command, extra, &[]).await
}

/// As [`run`], in an environment.
pub(crate) async fn run_with(
    folder: &Path,
    command: &str,
    extra: &[&str],
    environment: &[(&str, OsString)],
) -> Ended {
    run_on(&database(folder), command, extra, environment).await
}

/// As [`run_with`], on a database by its URL.
pub(crate) async fn run_on(
    database: &str,
    command: &str,
    extra: &[&str],
    environment: &[(&str, OsString)],
) -> Ended {
    let mut process = Command::new(ONHAND);
    process.arg(command).args(extra).args(["--database-url", database]);
    process.env("ONHAND_DEMO_ORDERS", "false");
    process.envs(environment.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PROCESS_TIMEOUT, process.output()).await.unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Ended { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
}

/// Every promise must hold in what is stored.
pub(crate) async fn verify(folder: &Path) {
    verify_on(&database(folder)).await;
}

/// As [`verify`], of a database by its URL.
pub(crate) async fn verify_on(database: &str) {
    let verified = run_on(database, "verify", &[], &[]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

/// Headers of a request with a JSON body under a key.
pub(crate) fn keyed(key: &str) -> [(HeaderName, HeaderValue); 2] {
    [
        (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json")),
        (HeaderName::from_static("idempotency-key"), HeaderValue::from_str(key).unwrap()),
    ]
}

/// Orders one smartphone.
pub(crate) async fn place_on(connection: &mut Connection, key: &str) -> Result<Reply, ClientError> {
    let body = r#"{"items":[{"sku":"smartphone","quantity":1}]}"#;
    connection.send(Method::POST, "/v1/orders", &keyed(key), body.into()).await
}

/// The body of a reply as JSON.
pub(crate) fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

impl Server {
    pub(crate) async fn start(folder: &Path, extra: &[&str]) -> Self {
        Self::start_with(folder, extra, &[]).await
    }

    /// Starts with the demo data and waits until the server listens.
    pub(crate) async fn start_with(
        folder: &Path,
        extra: &[&str],
        environment: &[(&str, OsString)],
    ) -> Self {
        Self::start_on(database(folder), folder, extra, environment).await
    }

    /// As [`Server::start_with`], on a database by its URL.
    pub(crate) async fn start_on(
        database: String,
        folder: &Path,
        extra: &[&str],
        environment: &[(&str, OsString)],
    ) -> Self {
        let extra = [&["--demo"], extra].concat();
        Self::spawn(database, folder, ANYWHERE, &extra, environment).await
    }

    /// Starts on a database that has the demo data. Nobody works beside the requests: whatever is
    /// committed, a customer has asked for.
    pub(crate) async fn start_seeded(database: String, folder: &Path, extra: &[&str]) -> Self {
        let extra = [&["--role", "api"], extra].concat();
        Self::spawn(database, folder, ANYWHERE, &extra, &[]).await
    }

    /// Starts at an address that another one had, on a database by its URL.
    pub(crate) async fn start_at(database: String, folder: &Path, listen: &str) -> Self {
        Self::spawn(database, folder, listen, &["--demo"], &[]).await
    }

    /// Starts at an address.
    pub(crate) async fn start_listening(folder: &Path, listen: &str, extra: &[&str]) -> Self {
        Self::start_taking(folder, listen, extra, &[]).await
    }

    /// The same in an environment.
    pub(crate) async fn start_taking(
        folder: &Path,
        listen: &str,
        extra: &[&str],
        environment: &[(&str, OsString)],
    ) -> Self {
        let extra = [&["--demo"], extra].concat();
        Self::spawn(database(folder), folder, listen, &extra, environment).await
    }

    async fn spawn(
        database: String,
        folder: &Path,
        listen: &str,
        extra: &[&str],
        environment: &[(&str, OsString)],
    ) -> Self {
        let key = key_of(&database, folder).await;
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log"));
        // Of the demo's dialects one has a port of its own, which is any where the server's is.
        let flow = if listen == ANYWHERE { "flow=127.0.0.1:0" } else { "flow=off" };
        let mut child = Command::new(ONHAND)
            .args(["serve", "--listen", listen])
            .args(extra)
            .env("ONHAND_SECRET_DIR", folder)
            // There may be a password in it.
            .env("ONHAND_DATABASE_URL", &database)
            // Tests count what they order.
            .env("ONHAND_DEMO_ORDERS", "false")
            .env("ONHAND_DIALECTS", flow)
            // Tests of crashes count batches.
            .env("ONHAND_VERIFY", "off")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(PROCESS_TIMEOUT, lines.next_line()).await.unwrap().unwrap();
        let folder = folder.to_owned();
        let Some(first) = first else {
            panic!("did not start: {}", std::fs::read_to_string(folder.join("log")).unwrap());
        };
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        let output = Arc::new(Mutex::new(first + "\n"));
        let written = output.clone();
        // The rest of the output is read to its end, so that the server never waits for us.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        // Nobody uses it where it would have to speak TLS.
        let plain = url.replacen("https://", "http://", 1);
        let connection = Connection::new(address(&plain, &key));
        Self { child, folder, database, output, url, key, connection }
    }

    /// What this server and those before it in the same folder have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// The header with the key, for requests that are written by hand.
    pub(crate) fn authorization(&self) -> String {
        format!("Authorization: Bearer {}", self.key)
    }

    /// What this server has written to its standard output so far.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// As [`Server::output`], once there is something in it.
    pub(crate) async fn output_with(&self, part: &str) -> String {
        let written = async {
            while !self.output().contains(part) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            self.output()
        };
        timeout(PROCESS_TIMEOUT, written).await.unwrap()
    }

    /// A further connection.
    pub(crate) fn connect(&self) -> Connection {
        Connection::new(address(&self.url, &self.key))
    }

    /// A connection that waits as long as it takes on a busy machine.
    pub(crate) fn connect_patiently(&self) -> Connection {
        let limits = Limits {
            connect_timeout: PROCESS_TIMEOUT,
            request_timeout: PROCESS_TIMEOUT * 2,
            ..Limits::default()
        };
        Connection::with_limits(address(&self.url, &self.key), limits)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; none where a signal ended it.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        timeout(PROCESS_TIMEOUT, self.child.wait()).await.unwrap().unwrap().code()
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn place(&mut self, key: &str) -> Result<Reply, ClientError> {
        place_on(&mut self.connection, key).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.connection.send(Method::GET, path, &[], "".into()).await.unwrap()
    }

    /// Receives so many smartphones more.
    pub(crate) async fn receive(&mut self, units: u32) {
        let body = format!(r#"{{"sku":"smartphone","delta":{units},"reason":"received"}}"#);
        let path = "/v1/stock/adjustments";
        let reply = self.connection.send(Method::POST, path, &keyed("more"), body.into()).await;
        let reply = reply.unwrap();
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// Smartphones that are promised.
    pub(crate) async fn reserved(&mut self) -> u64 {
        json(&self.get("/v1/stock/smartphone").await)["reserved"].as_u64().unwrap()
    }

    /// Stops the server as an operator does, and proves what it leaves.
    pub(crate) async fn stop_and_verify(mut self) {
        self.terminate();
        assert_eq!(self.exit_code().await, Some(0), "{}", self.log());
        verify_on(&self.database).await;
    }
}
