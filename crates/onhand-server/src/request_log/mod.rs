//! The request log: one line for each request when it has come to its end, on standard output. The
//! lines are put into words and written by a thread of its own, behind a queue with a bound: a
//! request never waits for it, and what does not fit is dropped and counted. No line has a secret
//! or a person in it (`mask.rs`). What an operator should know of besides goes to the other log.

mod line;
mod mask;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use line::{Form, Line, Who};

use crate::limits::{REQUEST_LOG_LINES_MAX, REQUEST_LOG_NOTICE_EVERY, REQUEST_LOG_STOP_TIMEOUT};

/// How requests are written down.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Requests written down")]
pub struct RequestLogOptions {
    /// Write a line for each request to standard output: in the common log format, or as JSON.
    #[arg(
        long,
        value_name = "FORM",
        env = "ONHAND_LOG_REQUESTS",
        value_enum,
        default_value_t = Choice::Off
    )]
    log_requests: Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    Off,
    Common,
    Json,
}

impl RequestLogOptions {
    /// Begins to write, if that is asked for.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self) -> io::Result<Option<RequestLog>> {
        match self.log_requests {
            Choice::Off => Ok(None),
            Choice::Common => RequestLog::start(Form::Common, io::stdout()).map(Some),
            Choice::Json => RequestLog::start(Form::Json, io::stdout()).map(Some),
        }
    }
}

/// What the thread is told.
enum Told {
    Line(Box<Line>),
    /// Write what is there, and end.
    End,
}

/// Where requests are written down.
#[derive(Debug)]
pub struct RequestLog {
    lines: SyncSender<Told>,
    dropped: Arc<AtomicU64>,
    writing: Mutex<Option<JoinHandle<()>>>,
    has_ended: Mutex<Receiver<()>>,
}

impl RequestLog {
    fn start(form: Form, output: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, written) = sync_channel(REQUEST_LOG_LINES_MAX);
        let (ending, has_ended) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut writer =
            Writer { form, output, dropped: dropped.clone(), told: 0, text: String::new() };
        let writing = std::thread::Builder::new().name("request-log".into()).spawn(move || {
            writer.run(&written);
            let _ = ending.send(());
        })?;
        let (writing, has_ended) = (Mutex::new(Some(writing)), Mutex::new(has_ended));
        Ok(Self { lines, dropped, writing, has_ended })
    }

    /// Writes a line, unless too many wait already.
    pub fn write(&self, line: Line) {
        match self.lines.try_send(Told::Line(Box::new(line))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many lines were not written.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes what waits, for a bounded time: whoever reads it may be stuck.
    pub fn finish(&self) {
        // Where the queue is full nobody reads, and there is nothing to wait for.
        if self.lines.try_send(Told::End).is_err() {
            return;
        }
        let has_ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if has_ended.recv_timeout(REQUEST_LOG_STOP_TIMEOUT).is_ok()
            && let Some(writing) = writing
        {
            let _ = writing.join();
        }
    }
}

/// The thread's end.
struct Writer<W> {
    form: Form,
    output: W,
    dropped: Arc<AtomicU64>,
    /// How many of those that were dropped an operator was told of.
    told: u64,
    text: String,
}

impl<W: Write> Writer<W> {
    fn run(&mut self, lines: &Receiver<Told>) {
        loop {
            match lines.recv_timeout(REQUEST_LOG_NOTICE_EVERY) {
                Ok(first) => {
                    let mut is_end = self.take(first);
                    // What has come meanwhile is written together, up to a bound.
                    while !is_end
                        && self.text.len() < WRITE_BYTES
                        && let Ok(next) = lines.try_recv()
                    {
                        is_end = self.take(next);
                    }
                    self.flush();
                    if is_end {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tell_dropped();
        }
    }

    /// Puts a line into words. Answers whether it was the last.
    fn take(&mut self, told: Told) -> bool {
        match told {
            Told::Line(line) => {
                line.put(self.form, &mut self.text);
                self.text.push('\n');
                false
            }
            Told::End => true,
        }
    }

    fn flush(&mut self) {
        let lines = self.text.lines().count() as u64;
        let written =
            self.output.write_all(self.text.as_bytes()).and_then(|()| self.output.flush());
        if written.is_err() {
            // Nobody reads it, or the disk is full: the server goes on.
            self.dropped.fetch_add(lines, Ordering::Relaxed);
        }
        self.text.clear();
    }

    /// Says once in a while how many lines are missing.
    fn tell_dropped(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > self.told {
            tracing::warn!(lines = dropped - self.told, "the request log could not keep up");
            self.told = dropped;
        }
    }
}

/// About how many bytes are written at once.
const WRITE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that is stuck while somebody has its gate, and remembers.
    #[derive(Clone, Default)]
    struct Slow {
        gate: Arc<Mutex<()>>,
        text: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _gate = self.gate.lock().unwrap();
            self.text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that nobody reads any more.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_log_that_is_stuck_and_what_is_missing_is_counted() {
        let output = Slow::default();
        let stuck = output.gate.lock().unwrap();
        let log = RequestLog::start(Form::Common, output.clone()).unwrap();
        let sent = REQUEST_LOG_LINES_MAX * 2;
        for _ in 0..sent {
            log.write(Line::example());
        }
        let dropped = log.dropped();
        assert!(dropped > 0, "the queue has a bound");
        // Somebody reads again: what was taken is written, and nothing else.
        drop(stuck);
        log.lines.send(Told::End).unwrap();
        log.has_ended.lock().unwrap().recv().unwrap();
        let lines = output.text.lock().unwrap().lines().count();
        assert_eq!((lines as u64 + dropped, log.dropped()), (sent as u64, dropped));
    }

    #[test]
    fn a_log_that_nobody_reads_stops_nobody() {
        let log = RequestLog::start(Form::Json, Broken).unwrap();
        log.write(Line::example());
        log.finish();
        assert_eq!(log.dropped(), 1);
    }
}
