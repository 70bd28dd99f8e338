//! Programs that are listened to while they run: servers, which say where they listen, and the
//! load generator, which says when it begins to measure. Dropped, they are killed.

use std::io::{BufRead, BufReader, Read};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::services::process::{ANSWER_MAX, output, tail};

const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);
/// Lines that wait to be heard; whoever says more waits.
const LINES_MAX: usize = 1_000;
/// What a server's first line begins with.
const LISTENING: &str = "listening on ";

/// A line of a program's output.
#[derive(Debug)]
pub(super) enum Line {
    Answer(String),
    Note(String),
}

/// A running program.
#[derive(Debug)]
pub(super) struct Child {
    child: process::Child,
    lines: Receiver<Line>,
}

impl Child {
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start `{name}`"))?;
        let (say, lines) = mpsc::sync_channel(LINES_MAX);
        if let Some(stdout) = child.stdout.take() {
            pass_on(stdout, Line::Answer, say.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            pass_on(stderr, Line::Note, say);
        }
        Ok(Self { child, lines })
    }

    /// Waits for the next line; `None` when the program will say nothing more.
    pub(super) fn line(&self, deadline: Instant) -> Result<Option<Line>> {
        let wait = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(wait) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => bail!("it took too long"),
        }
    }

    /// The status of a program that says nothing more.
    pub(super) fn status(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It has mostly ended by then.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pass_on(from: impl Read + Send + 'static, kind: fn(String) -> Line, say: SyncSender<Line>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Read on when nobody listens any more, or the program would block on a full pipe.
            say.send(kind(line)).ok();
        }
    });
}

/// A server that has said where it listens.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    door: Door,
}

/// Where a server is, and what lets the load generator in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

impl Server {
    pub(crate) fn start(command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = Child::start(command)?;
        let deadline = Instant::now() + START_MAX;
        let mut notes = Vec::new();
        while let Some(line) = child.line(deadline)? {
            match line {
                Line::Answer(line) => match line.strip_prefix(LISTENING) {
                    Some(url) => {
                        let door = Door { url: url.trim().to_owned(), token: None };
                        return Ok(Self { child, door });
                    }
                    None => notes.push(line),
                },
                Line::Note(line) => notes.push(line),
            }
        }
        bail!("`{name}` does not start: {}", tail(&notes.join("\n")))
    }

    /// The same for whoever has this token.
    pub(crate) fn with_token(mut self, token: String) -> Self {
        self.door.token = Some(token);
        self
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(self) -> Result<()> {
        let mut kill = Command::new("kill");
        kill.arg(self.child.child.id().to_string());
        output(kill, ANSWER_MAX)?;
        let deadline = Instant::now() + STOP_MAX;
        while self.child.line(deadline)?.is_some() {}
        self.child.status()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_says_where_it_listens_and_stops_when_asked() {
        let script = "echo noise >&2; echo 'listening on http://x:1'; exec tail -f /dev/null";
        let server = Server::start(shell(script)).unwrap();
        assert_eq!(server.door().url, "http://x:1");
        server.stop().unwrap();
    }

    #[test]
    fn a_server_that_ends_at_once_is_reported_with_its_own_words() {
        let error = Server::start(shell("echo 'disk on fire' >&2; exit 3")).unwrap_err();
        assert!(error.to_string().contains("disk on fire"), "{error}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_not_waited_for() {
        let child = Child::start(shell("exec tail -f /dev/null")).unwrap();
        assert!(child.line(Instant::now()).is_err());
    }
}
