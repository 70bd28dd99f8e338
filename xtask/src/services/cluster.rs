//! A throwaway cluster of PostgreSQL: made, started, stopped and removed. It listens to this
//! machine only and trusts everybody on it, so nothing but tests may live in it. It syncs to disk
//! like a real one: tests that kill it must find what was promised.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::account::{self, Account};
use super::installation::Installation;
use super::process::{self, tail};
use super::runs::Run;

const INITDB_MAX: Duration = Duration::from_secs(120);
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often the removal of a folder is tried.
const REMOVALS_MAX: usize = 100;
/// What a program may take longer than the wait that it was told.
const GRACE: Duration = Duration::from_secs(10);
/// The longest path of a socket that all our systems take.
const SOCKET_PATH_MAX: usize = 103;
const SUPERUSER: &str = "onhand";
/// The same on every machine, whatever its language. Unsynced, since nothing is in it yet.
const INITDB: &[&str] = &["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\n\
                        max_connections = 200\n\
                        shared_buffers = '256MB'\n\
                        max_wal_size = '4GB'\n\
                        log_min_messages = warning\n";

/// A running cluster; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    pub(super) fn start(
        found: &Installation,
        account: &Account,
        run: &Run,
        more: &str,
    ) -> Result<Self> {
        let folder = run.folder().join(format!("postgres-{}", found.version.major));
        fs::create_dir(&folder)?;
        // From here on its end is the folder's end, also if the start fails.
        let cluster = Self { folder, port: free_port()? };
        symlink(&found.bin, bin(&cluster.folder))?;
        account.give(&cluster.folder)?;
        let data = data(&cluster.folder);
        let mut initdb = account.command(found.bin.join("initdb"));
        initdb.args(INITDB).args(["--username", SUPERUSER]).arg("--pgdata").arg(&data);
        process::output(initdb, INITDB_MAX)?;
        let mut config = OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        config.write_all(settings(&cluster.folder, cluster.port, more).as_bytes())?;
        let log = cluster.folder.join("log");
        let mut start = account.command(found.bin.join("pg_ctl"));
        start.arg("start").arg("--pgdata").arg(&data).arg("--log").arg(&log);
        start.args(["--wait", "--timeout", &START_MAX.as_secs().to_string()]);
        process::output(start, START_MAX + GRACE).with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("PostgreSQL {} does not start: {}", found.version, tail(&log))
        })?;
        Ok(cluster)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://{SUPERUSER}@{}:{}/postgres", Ipv4Addr::LOCALHOST, self.port)
    }

    /// One of its databases, reached the fastest way.
    pub(crate) fn url_of(&self, database: &str) -> String {
        let (host, port) = (self.host(), self.port);
        format!("postgresql:///{database}?host={host}&port={port}&user={SUPERUSER}")
    }

    /// What tells PostgreSQL's own programs the fastest way to it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        let (host, port) = (self.host(), self.port.to_string());
        [("PGHOST", host), ("PGPORT", port), ("PGUSER", SUPERUSER.to_owned())]
    }

    /// The folder of its socket, or its address where there is none.
    pub(crate) fn host(&self) -> String {
        let socket = socket_folder(&self.folder, self.port).map(str::to_owned);
        socket.unwrap_or_else(|| Ipv4Addr::LOCALHOST.to_string())
    }

    /// What is in it goes when the cluster does.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            println!("{} cannot be removed: {error:#}", self.folder.display());
        }
    }
}

/// Stops what runs in the folder of a cluster, whoever started it, and removes it.
pub(super) fn remove(folder: &Path) -> Result<()> {
    let mut removed = attempt_to_remove(folder);
    // A program that its xtask left behind may still be writing, until it misses its files.
    for _ in 1..REMOVALS_MAX {
        if !folder.exists() {
            break;
        }
        removed = attempt_to_remove(folder);
    }
    removed
}

fn attempt_to_remove(folder: &Path) -> Result<()> {
    let stopped = if runs(folder) { stop(folder) } else { Ok(()) };
    // Also when it could not be stopped: a server whose data is gone ends by itself.
    fs::remove_dir_all(folder)?;
    stopped
}

fn stop(folder: &Path) -> Result<()> {
    let mut stop = account::command_of_owner(folder, bin(folder).join("pg_ctl"))?;
    stop.args(["stop", "--mode", "immediate", "--pgdata"]).arg(data(folder));
    stop.args(["--wait", "--timeout", &STOP_MAX.as_secs().to_string()]);
    process::output(stop, STOP_MAX + GRACE)?;
    Ok(())
}

/// Whether the server's file with its process id is there and true. After a crash of the machine
/// the number may be that of another server, which must not be stopped.
fn runs(folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(data(folder).join("postmaster.pid")) else {
        return false;
    };
    let processes = Path::new("/proc");
    let server = processes.join(text.lines().next().unwrap_or_default());
    // Without such a folder of processes there is nothing better than the file.
    !processes.join("self").exists()
        || fs::read_link(server.join("cwd")).is_ok_and(|cwd| cwd == data(folder))
}

fn bin(folder: &Path) -> PathBuf {
    folder.join("bin")
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// The usual settings, with `more` of them, which count where both name one.
fn settings(folder: &Path, port: u16, more: &str) -> String {
    let sockets = socket_folder(folder, port).unwrap_or_default();
    format!("{SETTINGS}{more}port = {port}\nunix_socket_directories = '{sockets}'\n")
}

/// The folder for the socket; `None` where its path cannot be one, and TCP has to do.
fn socket_folder(folder: &Path, port: u16) -> Option<&str> {
    let path = folder.to_str()?;
    let fits = path.len() + format!("/.s.PGSQL.{port}").len() <= SOCKET_PATH_MAX;
    // Characters that the setting reads as something else.
    let plain = !path.contains(['\'', '"', ',', '\\']);
    (fits && plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_a_short_and_plain_path_or_is_not_there() {
        let folder = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        let longest = SOCKET_PATH_MAX - "/.s.PGSQL.54321".len();
        assert!(socket_folder(&folder(longest), 54_321).is_some());
        assert!(socket_folder(&folder(longest + 1), 54_321).is_none());
        assert!(socket_folder(Path::new("/it's"), 54_321).is_none());
    }

    #[test]
    fn settings_name_the_port_and_the_socket() {
        let text = settings(Path::new("/tmp/onhand-runs-0/1/postgres-15"), 54_321, "a = 1\n");
        assert!(text.contains("\na = 1\nport = 54321\n"), "{text}");
        assert!(text.ends_with("= '/tmp/onhand-runs-0/1/postgres-15'\n"), "{text}");
        assert!(settings(&PathBuf::from("/x".repeat(99)), 1, "").ends_with("directories = ''\n"));
    }

    #[test]
    fn a_folder_without_a_server_does_not_run() {
        assert!(!runs(Path::new("/no-such-folder")));
    }
}
