//! The server that everything is measured on, and its own load generator, pgbench. It is reached
//! over its socket, the fastest way, by all who are measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::services::process::{ANSWER_MAX, output};
use crate::services::{Cluster, Installation, Services};

/// What docs/postgresql.md recommends, as far as it can be said before the start.
const SETTINGS: &str = "shared_buffers = '2GB'\nmax_wal_size = '8GB'\n";
/// Before each flush the server waits for so many microseconds, even if nobody else is active. Who
/// comes meanwhile is flushed too, as it would be by the next flush of a slower disk.
const DELAY: &str = "commit_siblings = 0\ncommit_delay = ";
/// For all connections, where the server was built with it.
const COMPRESSION: &str = "ALTER ROLE CURRENT_USER SET wal_compression = lz4";
/// What pgbench may take longer than it was told.
const GRACE: Duration = Duration::from_secs(60);
const CHECKPOINT_MAX: Duration = Duration::from_secs(5 * 60);
/// Threads of pgbench: those who send leave the rest to the server.
const THREADS_MAX: u32 = 2;
const SCRIPTS_FOLDER: &str = "scripts";
const SCHEMA: &str = include_str!("sql/schema.sql");
const WRITTEN: &str = include_str!("sql/written.sql");

/// A transaction of pgbench that places one order of which the first product is always the same.
#[derive(Debug)]
pub(super) struct Script {
    /// What is special about it.
    pub(super) what: &'static str,
    file: &'static str,
    text: &'static str,
}

pub(super) const SCRIPTS: &[Script] = &[
    Script { what: "stock last", file: "stock_last.sql", text: include_str!("sql/stock_last.sql") },
    Script {
        what: "stock first",
        file: "stock_first.sql",
        text: include_str!("sql/stock_first.sql"),
    },
];

/// A running server.
#[derive(Debug)]
pub(super) struct Postgres {
    found: Installation,
    cluster: Cluster,
    scripts: PathBuf,
    settings: String,
    compression: &'static str,
}

impl Postgres {
    pub(super) fn start(services: &Services, flush_micros: u32) -> Result<Self> {
        let found = services.newest_with("pgbench")?;
        let mut settings = SETTINGS.to_owned();
        if flush_micros > 0 {
            settings += &format!("{DELAY}{flush_micros}\n");
        }
        let cluster = services.start_with(&found, &settings)?;
        // It goes with the cluster.
        let scripts = cluster.folder().join(SCRIPTS_FOLDER);
        fs::create_dir(&scripts)?;
        fs::write(scripts.join("schema.sql"), SCHEMA)?;
        for script in SCRIPTS {
            fs::write(scripts.join(script.file), script.text)?;
        }
        let mut postgres = Self { found, cluster, scripts, settings, compression: "off" };
        if postgres.ask("postgres", COMPRESSION).is_ok() {
            postgres.compression = "lz4";
        }
        Ok(postgres)
    }

    /// Version and settings.
    pub(super) fn describe(&self) -> String {
        let settings = self.settings.replace('\'', "").replace(" = ", "=");
        let settings = settings.trim().replace('\n', ", ");
        let (host, compression) = (self.cluster.host(), self.compression);
        let way = if host.starts_with('/') { "a socket" } else { "TCP" };
        let version = self.found.version;
        format!("PostgreSQL {version} over {way}, {settings}, wal_compression={compression}")
    }

    /// Whether its flushes take longer than the disk does.
    pub(super) fn is_slowed(&self) -> bool {
        self.settings.contains(DELAY)
    }

    /// A folder for temporary files.
    pub(super) fn scripts(&self) -> &Path {
        &self.scripts
    }

    pub(super) fn url(&self, database: &str) -> String {
        self.cluster.url_of(database)
    }

    pub(super) fn create(&self, database: &str) -> Result<()> {
        output(self.program("createdb", &[database]), ANSWER_MAX).map(drop)
    }

    pub(super) fn drop(&self, database: &str) -> Result<()> {
        output(self.program("dropdb", &[database]), CHECKPOINT_MAX).map(drop)
    }

    /// Writes out what is due, so that nobody pays for those who were measured before.
    pub(super) fn checkpoint(&self) -> Result<()> {
        let checkpoint = ["--quiet", "--command", "CHECKPOINT", "postgres"];
        output(self.program("psql", &checkpoint), CHECKPOINT_MAX).map(drop)
    }

    /// Bytes of write-ahead log that this server has ever written.
    pub(super) fn written_bytes(&self) -> Result<f64> {
        let text = self.ask("postgres", WRITTEN)?;
        text.parse().with_context(|| format!("`{text}` is no position in the log"))
    }

    /// Makes the tables that the scripts write to.
    pub(super) fn prepare(&self, database: &str) -> Result<()> {
        let mut psql = self.program("psql", &["--quiet", "--set", "ON_ERROR_STOP=1", "--file"]);
        psql.arg(self.scripts.join("schema.sql")).arg(database);
        output(psql, ANSWER_MAX).map(drop)
    }

    /// Runs a script; its transactions per second.
    pub(super) fn pgbench(
        &self,
        database: &str,
        script: &Script,
        clients: u32,
        seconds: u32,
    ) -> Result<f64> {
        let mut pgbench = self.program("pgbench", &["--no-vacuum", "--protocol=prepared"]);
        pgbench.args(["--client", &clients.to_string()]);
        pgbench.args(["--jobs", &clients.min(THREADS_MAX).to_string()]);
        pgbench.args(["--time", &seconds.to_string(), "--file"]);
        pgbench.arg(self.scripts.join(script.file)).arg(database);
        let text = output(pgbench, Duration::from_secs(seconds.into()) + GRACE)?;
        rate(&text).with_context(|| format!("pgbench says no rate: {text}"))
    }

    /// The one value that a statement gives.
    fn ask(&self, database: &str, statement: &str) -> Result<String> {
        let bare = ["--no-psqlrc", "--no-align", "--tuples-only", "--command", statement, database];
        output(self.program("psql", &bare), ANSWER_MAX)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.found.bin.join(name));
        command.args(arguments).envs(self.cluster.environment()).current_dir(&self.scripts);
        command
    }
}

/// Reads the last `tps = 1234.5 (without initial connection time)`; older versions say the rate
/// with connecting before it.
fn rate(text: &str) -> Option<f64> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok().filter(|rate: &f64| rate.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_one_without_connecting() {
        let new = "latency average = 7.3 ms\ntps = 1394.25 (without initial connection time)\n";
        assert_eq!(rate(new), Some(1394.25));
        let old = "tps = 10.0 (including connections establishing)\n\
                   tps = 11.5 (excluding connections establishing)";
        assert_eq!(rate(old), Some(11.5));
        assert_eq!(rate("tps = -nan (without initial connection time)"), None);
    }

    #[test]
    fn both_scripts_write_the_same() {
        let sorted = |script: &Script| {
            let statements = script.text.lines().filter(|line| !line.starts_with("--"));
            let mut statements: Vec<&str> = statements.collect();
            statements.sort_unstable();
            statements
        };
        let [last, first] = SCRIPTS else { panic!("two scripts") };
        assert_eq!(sorted(last), sorted(first));
    }
}
