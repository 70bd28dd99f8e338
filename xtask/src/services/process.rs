//! Programs that are run for what they say, each with a bound on its time. What a user should watch
//! (cargo, tests) is not run here: this module keeps the output and shows it only in errors.

use std::io::{self, Read};
use std::iter;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// For questions that a program answers at once.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Lines of a failed program's output that an error repeats.
const LINES_MAX: usize = 6;

/// Runs a program to its end; what it wrote to either of its outputs.
pub(crate) fn output(mut command: Command, bound: Duration) -> Result<String> {
    let name = line(&command);
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start `{name}`"))?;
    // It holds the pipe's other end; only without it does the pipe end when the program does.
    drop(command);
    let (said, hear) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more when the time is up.
        said.send(read).ok();
    });
    let Ok(bytes) = hear.recv_timeout(bound) else {
        child.kill().ok();
        child.wait()?;
        bail!("`{name}` did not end within {} s", bound.as_secs());
    };
    let status = child.wait()?;
    let text = String::from_utf8_lossy(&bytes?).trim().to_owned();
    ensure!(status.success(), "`{name}` failed ({status}): {}", tail(&text));
    Ok(text)
}

/// A command as one would type it.
fn line(command: &Command) -> String {
    let words = iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The last lines of a text, as one line.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(LINES_MAX)..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, bound: Duration) -> Result<String> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        output(command, bound)
    }

    #[test]
    fn both_outputs_are_kept() {
        let text = shell("echo one; echo two >&2", ANSWER_MAX).unwrap();
        assert_eq!(text, "one\ntwo");
    }

    #[test]
    fn an_error_repeats_what_the_program_said_last() {
        let error = shell("for n in 1 2 3 4 5 6 7 8; do echo $n; done; exit 3", ANSWER_MAX);
        let text = error.unwrap_err().to_string();
        assert!(text.ends_with("3 | 4 | 5 | 6 | 7 | 8"), "{text}");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let error = shell("exec tail -f /dev/null", Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(Command::new("no-such-program"), ANSWER_MAX).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }
}
