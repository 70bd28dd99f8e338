//! Servers of a test's own: started, stopped without warning, copied to a standby and put in
//! another's place. They run from the installation that the environment names, as an ordinary user,
//! in a folder that goes with the value.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder with the programs of the server.
const BIN: &str = "ONHAND_TEST_POSTGRES_BIN";
/// Where their libraries are, when they do not know.
const LIB: &str = "ONHAND_TEST_POSTGRES_LIB";
/// The user as whom they run, when we may not run them ourselves.
const RUN_AS: &str = "ONHAND_TEST_RUN_AS";

/// A server in a folder of its own.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

/// A program of the installation, run as an ordinary user.
fn program(name: &str) -> Command {
    let bin = std::env::var(BIN);
    let bin = bin.unwrap_or_else(|_| panic!("{BIN} is not set: run `cargo xtask test`"));
    let path = Path::new(&bin).join(name);
    let mut command = match std::env::var(RUN_AS) {
        Ok(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", &user, "--"]).arg(path);
            command
        }
        Err(_) => Command::new(path),
    };
    if let Ok(lib) = std::env::var(LIB) {
        command.env("LD_LIBRARY_PATH", lib);
    }
    command.stdin(Stdio::null()).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].concat();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Gives a path to the user as whom the servers run.
pub(crate) fn hand_over(path: &Path) {
    if let Ok(user) = std::env::var(RUN_AS) {
        run(Command::new("chown").arg("-R").arg(user).arg(path));
    }
}

impl Cluster {
    /// An empty server that runs, with lines for its configuration.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let cluster = Self::in_folder();
        let data = cluster.data();
        run(program("initdb")
            .args(["-U", "onhand", "--auth=trust", "-E", "UTF8", "-D"])
            .arg(&data));
        cluster.configure(settings);
        cluster.up();
        cluster
    }

    fn in_folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        hand_over(folder.path());
        Self { folder, port: free_port() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Adds lines to its configuration, which a start or a reload takes in.
    pub(crate) fn configure(&self, settings: &[&str]) {
        let sockets = self.folder.path().display();
        let mut lines = format!(
            "port = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{sockets}'\n",
            self.port
        );
        for setting in settings {
            lines.push_str(setting);
            lines.push('\n');
        }
        let path = self.data().join("postgresql.conf");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, before + &lines).unwrap();
    }

    fn control(&self, arguments: &[&str]) {
        let log = self.folder.path().join("log");
        let mut command = program("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-l").arg(log).args(["-w", "-t", "60"]);
        // The server would keep a pipe open, and whoever reads it would wait for ever.
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().unwrap();
        assert!(status.success(), "{command:?}: {}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Starts it and waits until it answers.
    pub(crate) fn up(&self) {
        self.control(&["start"]);
    }

    /// Stops it as a power cut does.
    pub(crate) fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Takes in what was configured.
    pub(crate) fn reload(&self) {
        self.control(&["reload"]);
    }

    /// A running copy that follows it under a name.
    pub(crate) fn standby(&self, name: &str) -> Self {
        let copy = Self::in_folder();
        let source =
            format!("host=127.0.0.1 port={} user=onhand application_name={name}", self.port);
        run(program("pg_basebackup")
            .args(["-R", "-X", "stream", "-c", "fast", "-d", &source, "-D"])
            .arg(copy.data()));
        copy.configure(&[]);
        copy.up();
        copy
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        self.control(&["promote"]);
    }

    pub(crate) fn url(&self, user: &str, name: impl AsRef<OsStr>) -> String {
        format!("postgresql://{user}@127.0.0.1:{}/{}", self.port, name.as_ref().to_string_lossy())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.data().exists() {
            return;
        }
        let mut stop = program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
