//! A service that runs as a process of its own and keeps nothing. It ends with us, however we end:
//! what it is started by waits for the end of its input, which is ours to hold.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::process::{ANSWER_MAX, tail};

/// Most bytes of output that an error may look at.
const SAID_BYTES_MAX: usize = 64 << 10;

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Companion(Child);

impl Companion {
    /// Starts one, which is there once it has written this, and ends when its input does.
    pub(super) fn start(name: &str, mut command: Command, ready: &'static str) -> Result<Self> {
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).current_dir("/");
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        // It holds the pipe's other end; only without it does the pipe end when the program does.
        drop(command);
        // From here on it ends with the value, also if it does not get ready.
        let companion = Self(child);
        let (said, hear) = mpsc::channel();
        thread::spawn(move || listen(reader, ready, &said));
        match hear.recv_timeout(ANSWER_MAX) {
            Ok(None) => Ok(companion),
            Ok(Some(text)) => Err(anyhow!("{name} ended: {}", tail(&text))),
            Err(_) => Err(anyhow!("{name} did not start within {} s", ANSWER_MAX.as_secs())),
        }
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It may have ended by itself.
        self.0.wait().ok();
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

    fn shell(script: &str) -> Result<Companion> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Companion::start("the shell", command, "ready")
    }

    #[test]
    fn it_ends_with_us_and_says_why_it_ended_before() {
        drop(shell("echo ready; cat").unwrap());
        let error = shell("echo no port").unwrap_err();
        assert_eq!(error.to_string(), "the shell ended: no port");
    }
}
