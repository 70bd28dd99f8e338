//! Servers in Python: a package with what it needs, installed once into the cache, and a program
//! that is run as a process of its own. It ends with us, however we end, because it reads an input
//! that is ours.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::process::{ANSWER_MAX, output, tail};
use super::wheel::{DOWNLOAD_MAX, PIP_MISSING, cached, python};

/// What is said once it listens.
const READY: &str = "Running on";

/// Most bytes of output that an error may look at.
const SAID_BYTES_MAX: usize = 64 << 10;

/// A package and the program that makes a server of it.
#[derive(Debug)]
pub(super) struct Package {
    /// Its name in the index of Python packages.
    pub(super) name: &'static str,
    /// Fixed, so that the same commit gets the same verdict tomorrow. What it needs is not: which
    /// versions there are depends on that of Python.
    pub(super) version: &'static str,
    /// The program. Its first argument is where the package is installed, its second the port; it
    /// writes `Running on` when it listens, and ends with its input.
    pub(super) program: &'static str,
}

/// A running server; dropped, it is gone.
#[derive(Debug)]
pub(super) struct Server(Child);

impl Package {
    /// Starts a server on a port of this machine; installs what is not there.
    pub(super) fn start(&self, cache: &Path, port: u16) -> Result<Server> {
        let name = self.name;
        let folder = self.install(cache)?;
        let mut command = Command::new("python3");
        command.args(["-u", "-c", self.program]).arg(folder).arg(port.to_string());
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).current_dir("/");
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        // It holds the pipe's other end; only without it does the pipe end when the program does.
        drop(command);
        // From here on it ends with the value, also if it does not get ready.
        let server = Server(child);
        let (said, hear) = mpsc::channel();
        thread::spawn(move || listen(reader, &said));
        match hear.recv_timeout(ANSWER_MAX) {
            Ok(None) => Ok(server),
            Ok(Some(text)) => Err(anyhow!("{name} ended: {}", tail(&text))),
            Err(_) => Err(anyhow!("{name} did not start within {} s", ANSWER_MAX.as_secs())),
        }
    }

    fn install(&self, cache: &Path) -> Result<PathBuf> {
        let (name, fixed) = (self.name, self.version);
        let mut version = Command::new("python3");
        version.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        let version = output(version, ANSWER_MAX).context(PIP_MISSING)?;
        cached(cache, &format!("{name}-{fixed}-python-{version}"), |partial| {
            let target = partial.join("installed");
            let mut install = python(&["pip", "install", "--quiet", "--prefer-binary"]);
            install.args(["--disable-pip-version-check", "--no-input", "--retries", "1"]);
            install.arg("--target").arg(&target).arg(format!("{name}=={fixed}"));
            output(install, DOWNLOAD_MAX)?;
            Ok(target)
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Reads what a program writes until it ends; says when it is ready (`None`), or what it wrote
/// instead. A program whose output nobody reads comes to a halt.
fn listen(reader: PipeReader, said: &Sender<Option<String>>) {
    let mut text = String::new();
    for line in BufReader::new(reader).lines() {
        let Ok(line) = line else { break };
        if line.contains(READY) {
            // Nobody listens any more when the time is up.
            said.send(None).ok();
        } else if text.len() + line.len() < SAID_BYTES_MAX {
            text.push_str(&line);
            text.push('\n');
        }
    }
    said.send(Some(text)).ok();
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What is heard first of a program that writes this and ends.
    fn check(written: &str) -> Option<String> {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(written.as_bytes()).unwrap();
        drop(writer);
        let (said, hear) = mpsc::channel();
        listen(reader, &said);
        hear.recv().unwrap()
    }

    #[test]
    fn it_is_ready_when_it_says_so_and_not_when_it_ends() {
        assert_eq!(check("hello\n==== Running on http://127.0.0.1:1 ====\nbye\n"), None);
        assert_eq!(check("hello\nno module\n"), Some("hello\nno module\n".to_owned()));
        assert_eq!(check(""), Some(String::new()));
    }
}
