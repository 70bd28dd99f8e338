//! One round: every load once, each on an empty database that is dropped behind it. It measures and
//! judges nothing; `table` makes rows of what is found here.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::child::Server;
use super::driver::{Checks, Driver, Report, Shape};
use super::postgres::{Postgres, SCRIPTS};
use super::{machine, pair};
use crate::services::process::output;

/// Connections of every load that places orders over HTTP.
const CONNECTIONS: u32 = 256;
/// Clients of pgbench; the best count is what is compared with.
const CLIENTS: &[u32] = &[1, 16, 64];
/// One caller plays all the customers of a shop: it is counted, and never too often. What is
/// measured is the placing of orders; nobody takes them up meanwhile, or writes to anybody.
const UNLIMITED: [&str; 8] = [
    "--rate-reads",
    "4000000",
    "--rate-writes",
    "4000000",
    "--rate-checkout",
    "4000000",
    "--processing=off",
    "--mail=off",
];
/// Longest wait for an API key.
const KEY_MAX: Duration = Duration::from_secs(30);
/// Databases of a round.
const PGBENCH: &str = "pgbench";
const PLAIN: &str = "plain";
const ONHAND: &str = "onhand";

/// What all rounds share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) driver: Driver,
    pub(super) postgres: Postgres,
    pub(super) plain_server: PathBuf,
    pub(super) seconds: u32,
}

/// What was found in a round. Rates are orders, or reads, per second.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// The share of the processors that others used just before it.
    pub(super) busy_percent: Option<f64>,
    /// Per script and number of clients.
    pub(super) pgbench: Vec<(String, f64)>,
    pub(super) plain_hot: f64,
    pub(super) plain_spread: f64,
    /// Write-ahead log per order.
    pub(super) wal_spread_kib: f64,
    pub(super) wal_hot_kib: f64,
    /// The hot product, from one server process and from two on one database.
    pub(super) one_process: f64,
    pub(super) two_processes: f64,
    pub(super) suite: Suite,
}

/// A round of `onhand bench --suite`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suite {
    pub(super) noop: f64,
    pub(super) spread: f64,
    pub(super) hot: f64,
    pub(super) spread_p99_ms: f64,
    /// At half the rate of `spread`.
    pub(super) half_p99_ms: f64,
    pub(super) noop_read: f64,
    pub(super) read: f64,
    /// Commits against what the disk can flush.
    pub(super) commits_percent: Option<f64>,
}

impl Scene {
    pub(super) fn round(&self) -> Result<Round> {
        let mut round = Round { busy_percent: machine::busy_percent(), ..Round::default() };
        self.on(PGBENCH, || self.pgbench(&mut round))?;
        self.on(PLAIN, || self.plain(&mut round))?;
        self.on(ONHAND, || {
            self.processes(&mut round)?;
            // Last, because it ends with a proof of all that was written before.
            self.suite(&mut round)
        })?;
        Ok(round)
    }

    fn on(&self, database: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.postgres.create(database)?;
        work().with_context(|| format!("measuring on the database `{database}`"))?;
        self.postgres.drop(database)
    }

    fn pgbench(&self, round: &mut Round) -> Result<()> {
        self.postgres.prepare(PGBENCH)?;
        for script in SCRIPTS {
            for clients in CLIENTS {
                self.postgres.checkpoint()?;
                let rate = self.postgres.pgbench(PGBENCH, script, *clients, self.seconds)?;
                let what = format!("pgbench, hot, {} ({clients})", script.what);
                tell(&what, rate);
                round.pgbench.push((what, rate));
            }
        }
        Ok(())
    }

    fn plain(&self, round: &mut Round) -> Result<()> {
        let mut command = Command::new(&self.plain_server);
        command.arg(self.postgres.url(PLAIN));
        let server = Server::start(command)?;
        (round.plain_hot, _) = self.place("plain server", &server, Shape::Hot)?;
        (round.plain_spread, _) = self.place("plain server", &server, Shape::Spread)?;
        server.stop()
    }

    fn processes(&self, round: &mut Round) -> Result<()> {
        let first = self.serve()?;
        (_, round.wal_spread_kib) = self.place("one process", &first, Shape::Spread)?;
        (round.one_process, round.wal_hot_kib) = self.place("one process", &first, Shape::Hot)?;
        let second = self.serve()?;
        self.postgres.checkpoint()?;
        round.two_processes = pair::rate(&self.driver, [&first, &second], CONNECTIONS)?;
        tell("two processes, hot", round.two_processes);
        second.stop()?;
        first.stop()
    }

    fn serve(&self) -> Result<Server> {
        let mut command = self.driver.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--migrate"]);
        command.args(["--database-url", &self.postgres.url(ONHAND)]);
        command.args(UNLIMITED);
        let server = Server::start(command)?;
        let mut command = self.driver.command("keys");
        command.args(["create", "--name", "bench", "--scopes", "admin"]);
        command.args(["--database-url", &self.postgres.url(ONHAND)]);
        let said = output(command, KEY_MAX)?;
        let key = said.lines().find(|line| line.starts_with("onk_"));
        Ok(server.with_token(key.context("no API key was made")?.to_owned()))
    }

    /// The rate of one server, and the log in KiB that the database has written for each order.
    fn place(&self, what: &str, server: &Server, shape: Shape) -> Result<(f64, f64)> {
        self.postgres.checkpoint()?;
        let mut before = Err(anyhow!("`onhand bench` did not say when it began"));
        let begun = || before = self.postgres.written_bytes();
        let report = self.driver.place(server.door(), shape, CONNECTIONS, Checks::Pass, begun)?;
        let bytes = self.postgres.written_bytes()? - before?;
        let rate = report.rate(shape)?;
        tell(&format!("{what}, {}", shape.name()), rate);
        Ok((rate, bytes / 1024.0 / report.acknowledged()?))
    }

    fn suite(&self, round: &mut Round) -> Result<()> {
        self.postgres.checkpoint()?;
        let report = self.driver.suite(&self.postgres.url(ONHAND), CONNECTIONS)?;
        round.suite = Suite::read(&report)?;
        if self.postgres.is_slowed() {
            // It was compared with a disk that is faster than this database's.
            round.suite.commits_percent = None;
        }
        tell("onhand, spread", round.suite.spread);
        tell("onhand, hot", round.suite.hot);
        Ok(())
    }
}

impl Suite {
    fn read(report: &Report) -> Result<Self> {
        let rate = |what| report.load(what, "per_second");
        Ok(Self {
            noop: rate("no-op post")?,
            spread: rate("place order, spread")?,
            hot: rate("place order, hot")?,
            spread_p99_ms: report.load("place order, spread", "p99_ms")?,
            half_p99_ms: report.load("place order, spread, open loop", "p99_ms")?,
            noop_read: rate("no-op get")?,
            read: rate("read order by id")?,
            commits_percent: report.measured("T7"),
        })
    }
}

fn tell(what: &str, rate: f64) {
    println!("  {what}: {rate:.0}/s");
}
