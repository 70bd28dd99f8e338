//! Services that are programs in Python, or are minded by one: each runs as a process of its own,
//! says in a line when it listens, and ends when its input does, which is when we do, however that
//! comes about. What they need is installed once, into the cache.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::process::{ANSWER_MAX, output, tail};
use super::wheel::{DOWNLOAD_MAX, PIP_MISSING, cached, python};

/// Most bytes of output that an error may look at.
const SAID_BYTES_MAX: usize = 64 << 10;
/// How long a service may take to end by itself, and how often we look.
const END_MAX: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A package for a service. Its version is fixed, so that the same commit gets the same verdict
/// tomorrow. What it needs is not: which versions there are depends on that of Python.
#[derive(Debug)]
pub(super) struct Requirement {
    pub(super) name: &'static str,
    /// Parts of it that are wanted too: `[server]`.
    pub(super) extras: &'static str,
    pub(super) version: &'static str,
}

impl Requirement {
    /// The folder in which it is installed, for Python's path; installs what is not there.
    pub(super) fn folder(&self, cache: &Path) -> Result<PathBuf> {
        let Self { name, extras, version } = self;
        let mut ask = Command::new("python3");
        ask.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        let running = output(ask, ANSWER_MAX).context(PIP_MISSING)?;
        cached(cache, &format!("{name}-{version}-python-{running}"), |partial| {
            let target = partial.join("installed");
            let mut install = python(&["pip", "install", "--quiet", "--prefer-binary"]);
            install.args(["--disable-pip-version-check", "--no-input", "--retries", "1"]);
            install.arg("--target").arg(&target).arg(format!("{name}{extras}=={version}"));
            output(install, DOWNLOAD_MAX)?;
            Ok(target)
        })
    }
}

/// A running service; dropped, it is gone.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
}

impl Service {
    /// Runs a script of Python with these arguments, and waits until it writes a line with `ready`
    /// in it. It has to end at the end of its input.
    pub(super) fn start(
        name: &str,
        script: &str,
        ready: &'static str,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self> {
        let mut command = Command::new("python3");
        command.args(["-u", "-c", script]).args(arguments);
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).current_dir("/");
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        // It holds the pipe's other end; only without it does the pipe end when the program does.
        drop(command);
        // From here on it ends with the value, also if it does not get ready.
        let service = Self { child };
        let (said, hear) = mpsc::channel();
        thread::spawn(move || listen(reader, ready, &said));
        match hear.recv_timeout(ANSWER_MAX) {
            Ok(None) => Ok(service),
            Ok(Some(text)) => Err(anyhow!("{name} ended: {}", tail(&text))),
            Err(_) => Err(anyhow!("{name} did not start within {} s", ANSWER_MAX.as_secs())),
        }
    }

    /// Whether it has ended by itself within a while.
    fn ends(&mut self) -> bool {
        let began = Instant::now();
        let (_clock, tick) = mpsc::channel::<()>();
        while began.elapsed() < END_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            // Nobody sends: it is a wait.
            tick.recv_timeout(LOOK_EVERY).ok();
        }
        false
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The end of its input: it ends what it has started itself.
        self.child.stdin.take();
        if !self.ends() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Reads what a program writes until it ends; says when it is ready (`None`), or what it wrote
/// instead. A program whose output nobody reads comes to a halt.
fn listen(reader: PipeReader, ready: &str, said: &Sender<Option<String>>) {
    let mut text = String::new();
    for line in BufReader::new(reader).lines() {
        let Ok(line) = line else { break };
        if line.contains(ready) {
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
        listen(reader, "Running on", &said);
        hear.recv().unwrap()
    }

    #[test]
    fn it_is_ready_when_it_says_so_and_not_when_it_ends() {
        assert_eq!(check("hello\n==== Running on http://127.0.0.1:1 ====\nbye\n"), None);
        assert_eq!(check("hello\nno module\n"), Some("hello\nno module\n".to_owned()));
        assert_eq!(check(""), Some(String::new()));
    }
}
