//! The server under test as a child process: started, watched until it is ready, killed without
//! warning, stopped politely, and verified offline. The contract with it is one line on its
//! standard output, `listening on http://HOST:PORT`, and `/readyz`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use super::api::{Api, Target};

/// What the server's first line begins with.
const LISTENING: &str = "listening on ";
/// What `verify` says of a promise that holds.
const HOLDS: &str = " rows  ok: ";
/// Longest wait until a started server is ready; recovery of a large database is inside.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest wait for a polite stop before the process is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How often `/readyz` is asked: small against the cold start that is measured with it.
const READY_POLL: Duration = Duration::from_millis(2);
/// Bytes of the server's own messages that an error shows.
const LOG_SHOWN_BYTES: usize = 2_000;
/// One caller plays all the customers of a shop: it is counted, and never too often.
const UNLIMITED: [&str; 6] =
    ["--rate-reads", "4000000", "--rate-writes", "4000000", "--rate-checkout", "4000000"];
/// Where any port will do.
const ANY_PORT: &str = "127.0.0.1:0";

/// How to start the server.
#[derive(Debug, Clone)]
pub(crate) struct ServerPlan {
    program: PathBuf,
    dir: PathBuf,
    database_url: String,
    extra: Vec<String>,
    /// Further variables of the environment: what is secret is no argument.
    environment: Vec<(&'static str, String)>,
    /// The API key of every request; made before the first start.
    key: OnceCell<String>,
}

/// What `verify` said.
#[derive(Debug)]
pub(crate) struct Verification {
    /// Whether every check passed.
    pub(crate) clean: bool,
    /// What it said, but for the promises that hold: who reads it wants to see the others.
    pub(crate) report: String,
}

impl ServerPlan {
    /// This very program, with its data in `dir` unless another database is named.
    pub(crate) fn new(dir: &Path, database_url: Option<&str>, extra: &[String]) -> Result<Self> {
        let program = std::env::current_exe().context("cannot tell the path of this program")?;
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let embedded = || format!("sqlite:{}", dir.join("onhand.db").display());
        let database_url = database_url.map_or_else(embedded, str::to_owned);
        let key = OnceCell::new();
        let (extra, environment) = (extra.to_vec(), Vec::new());
        Ok(Self { program, dir, database_url, extra, environment, key })
    }

    /// The same with further arguments and variables for the server.
    pub(crate) fn with(
        mut self,
        arguments: &[String],
        environment: &[(&'static str, &str)],
    ) -> Self {
        self.extra.extend_from_slice(arguments);
        let added = environment.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.environment.extend(added);
        self
    }

    /// Where the data is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the database is the embedded one.
    pub(crate) fn is_embedded(&self) -> bool {
        self.database_url.starts_with("sqlite:")
    }

    /// Where the server's messages go.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// An API key that may do everything, made offline before the first start.
    pub(crate) async fn key(&self) -> Result<&str> {
        let make = || async {
            // A database of its own server is brought up to date by hand.
            self.answer("migrate", &["up"]).await?;
            self.answer("keys", &["create", "--name", "load", "--scopes", "admin"]).await
        };
        self.key.get_or_try_init(make).await.map(String::as_str)
    }

    /// What a command says that must succeed.
    async fn answer(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(verb);
        command.args(arguments).args(["--database-url", &self.database_url]);
        let output = command.output().await?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            bail!("`{verb}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(said)
    }

    /// Starts the server, on the given address or on any port, and waits until it is ready.
    pub(crate) async fn start(&self, listen: Option<SocketAddr>) -> Result<ServerProcess> {
        self.key().await?;
        let started = Instant::now();
        let mut child = self.spawn(listen)?;
        let opening = async {
            let stdout = child.stdout.take().context("the server has no standard output")?;
            let mut lines = BufReader::new(stdout).lines();
            let address = listening_address(&mut lines).await?;
            // Read on, or the server would one day block on a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            let target = Target::new(&format!("http://{address}"), None)?;
            wait_until_ready(&target).await;
            Ok::<_, anyhow::Error>(address)
        };
        let opened = timeout(START_TIMEOUT, opening).await;
        let opened = opened.unwrap_or_else(|_| Err(anyhow!("not ready within {START_TIMEOUT:?}")));
        let pid = child.id();
        match (opened, pid) {
            (Ok(address), Some(pid)) => {
                Ok(ServerProcess { child, pid, address, start_time: started.elapsed() })
            }
            (opened, _) => {
                child.kill().await.ok();
                let why = opened.err().unwrap_or_else(|| anyhow!("it ended at once"));
                Err(why.context(format!("the server did not start:\n{}", self.log_tail())))
            }
        }
    }

    fn spawn(&self, listen: Option<SocketAddr>) -> Result<Child> {
        let listen = listen.map_or_else(|| ANY_PORT.to_owned(), |address| address.to_string());
        self.command("serve")
            .args(["--listen", &listen, "--database-url", &self.database_url, "--migrate"])
            .args(UNLIMITED)
            .args(&self.extra)
            .stdout(Stdio::piped())
            .stderr(self.log()?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))
    }

    /// Where every process writes what it has to say, behind what is there.
    pub(crate) fn log(&self) -> Result<File> {
        let path = self.log_path();
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.with_context(|| format!("cannot write to {}", path.display()))
    }

    /// The program in its own directory, so that no configuration file lying about changes it.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(verb).current_dir(&self.dir).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Checks the database offline, in full.
    pub(crate) async fn verify(&self) -> Result<Verification> {
        let arguments: [OsString; 3] =
            ["--full", "--database-url", &self.database_url].map(OsString::from);
        let output = self.command("verify").args(arguments).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors = if output.status.success() { "" } else { errors.trim() };
        let lines = said.lines().chain(errors.lines()).filter(|line| !line.contains(HOLDS));
        let report = lines.collect::<Vec<_>>().join("\n");
        Ok(Verification { clean: output.status.success(), report })
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(LOG_SHOWN_BYTES)..];
        String::from_utf8_lossy(tail).into_owned()
    }
}

async fn listening_address(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<SocketAddr> {
    let line = lines.next_line().await?.context("it ended before it listened")?;
    parse_listening(&line)
}

/// Reads the address out of the server's first line.
fn parse_listening(line: &str) -> Result<SocketAddr> {
    let Some(url) = line.strip_prefix(LISTENING) else {
        bail!("the first line is not `{LISTENING}http://..` but {line:?}");
    };
    let address = url.trim().trim_end_matches('/').strip_prefix("http://").unwrap_or(url);
    address.parse().with_context(|| format!("{address:?} is no address"))
}

/// Waits until the server takes requests; the caller bounds the wait.
async fn wait_until_ready(target: &Target) {
    let mut api = Api::new(target);
    while !api.is_ready().await {
        sleep(READY_POLL).await;
    }
}

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    pid: u32,
    address: SocketAddr,
    start_time: Duration,
}

impl ServerProcess {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// From the start of the process to the first ready answer.
    pub(crate) fn start_time(&self) -> Duration {
        self.start_time
    }

    /// Kills it without warning.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("cannot kill the server")
    }

    /// Stops it in the middle of whatever it does, for a while.
    pub(crate) async fn pause(&self, time: Duration) -> Result<()> {
        self.signal(Signal::STOP)?;
        sleep(time).await;
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        Ok(kill_process(pid.context("the server has no process id")?, signal)?)
    }

    /// Asks it to stop, and kills it if it does not.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        if let Ok(status) = timeout(STOP_TIMEOUT, self.child.wait()).await {
            return Ok(status?);
        }
        self.child.kill().await.ok();
        bail!("the server did not stop within {STOP_TIMEOUT:?} of SIGTERM")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A plan whose program is a shell script.
    fn script(text: &str) -> (tempfile::TempDir, ServerPlan) {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = ServerPlan::new(dir.path(), None, &[]).unwrap();
        plan.program = dir.path().join("program");
        fs::write(&plan.program, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&plan.program, fs::Permissions::from_mode(0o755)).unwrap();
        (dir, plan)
    }

    #[test]
    fn the_first_line_names_the_address() {
        let address = parse_listening("listening on http://127.0.0.1:4100").unwrap();
        assert_eq!(address, SocketAddr::from(([127, 0, 0, 1], 4100)));
        assert!(parse_listening("ready").is_err());
        assert!(parse_listening("listening on http://").is_err());
    }

    #[tokio::test]
    async fn a_server_that_ends_at_once_is_reported_with_its_own_words() {
        let (_dir, plan) = script("echo 'disk on fire' >&2; exit 3");
        let error = plan.start(None).await.unwrap_err();
        assert!(format!("{error:#}").contains("disk on fire"), "{error:#}");
    }

    #[tokio::test]
    async fn a_ready_server_is_killed_or_stopped() {
        let answer = || async { "ready" };
        let router = axum::Router::new().route("/readyz", axum::routing::get(answer));
        let listener = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        // Only `serve` stays: the commands before it are over at once.
        let serve = format!("echo 'listening on http://{address}'; exec sleep 60");
        let (_dir, plan) = script(&format!("[ \"$1\" = serve ] || exit 0\n{serve}"));
        let server = plan.start(None).await.unwrap();
        assert_eq!(server.url(), format!("http://{address}"));
        server.kill().await.unwrap();
        let server = plan.start(Some(address)).await.unwrap();
        assert!(!server.stop().await.unwrap().success());
    }

    #[tokio::test]
    async fn verify_is_clean_when_the_exit_code_is_zero() {
        let (_dir, plan) = script("echo \"$*\"");
        let verification = plan.verify().await.unwrap();
        assert!(verification.clean);
        assert!(verification.report.starts_with("verify --full --database-url sqlite:/"));
        let (_dir, plan) = script("echo 'I1 1 rows  ok: a'; echo 'I2 broken'; exit 1");
        let verification = plan.verify().await.unwrap();
        assert_eq!((verification.clean, verification.report.as_str()), (false, "I2 broken"));
    }
}
