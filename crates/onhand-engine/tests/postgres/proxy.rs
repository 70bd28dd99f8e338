//! A line between the store and the server that can be cut where it hurts: before a commit is sent,
//! or before its answer comes back. It passes on the real protocol and understands no more of it
//! than how a commit looks.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How `COMMIT` looks as a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// How the server says that it took place.
const COMMITTED: &[u8] = b"COMMIT\0";

/// How it says that it did not.
const ROLLED_BACK: &[u8] = b"ROLLBACK\0";

/// What the line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Passes everything on.
    Open,
    /// Lets nobody in and cuts whoever is.
    Down,
    /// Cuts in place of the next commit, which the server never sees.
    CutBeforeCommit,
    /// Passes the next commit on, waits until it has taken place, and cuts without its answer.
    CutAfterCommit,
    /// As `CutAfterCommit`, and then lets nobody in.
    DownAfterCommit,
    /// Passes the next commit on and then nothing more, without a cut.
    SilentAfterCommit,
    /// Hangs up on whoever commits next, and lets the server have what was sent when it is told to.
    Late,
}

/// A line that a test has in its hands.
#[derive(Debug, Clone)]
pub(crate) struct Proxy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    port: u16,
    server: String,
    line: Mutex<Line>,
    /// Counts up when everybody is cut.
    cut: watch::Sender<u32>,
    commits: AtomicU32,
    late: watch::Sender<Late>,
}

/// What comes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    KeptBack,
    Delivered,
    /// The server has said what came of it.
    Answered,
}

impl Proxy {
    /// A line to a server, by its host and port.
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = Inner {
            port: listener.local_addr().unwrap().port(),
            server: server.to_owned(),
            line: Mutex::new(Line::Open),
            cut: watch::Sender::new(0),
            commits: AtomicU32::new(0),
            late: watch::Sender::new(Late::KeptBack),
        };
        let proxy = Self(Arc::new(inner));
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *accepting.line() != Line::Down {
                    tokio::spawn(accepting.clone().pass(client));
                }
            }
        });
        proxy
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what the line does; `Down` also cuts who is connected.
    pub(crate) fn set(&self, line: Line) {
        *self.line() = line;
        if line == Line::Down {
            self.cut();
        }
    }

    fn cut(&self) {
        self.0.cut.send_modify(|cuts| *cuts += 1);
    }

    /// How many commits have passed.
    pub(crate) fn commits(&self) -> u32 {
        self.0.commits.load(Ordering::SeqCst)
    }

    /// Lets the server have what [`Line::Late`] keeps back, and waits for what comes of it.
    pub(crate) async fn deliver(&self) {
        self.0.late.send_replace(Late::Delivered);
        self.until_late(Late::Answered).await;
    }

    async fn until_late(&self, wanted: Late) {
        let mut late = self.0.late.subscribe();
        late.wait_for(|late| *late == wanted).await.unwrap();
    }

    async fn pass(self, client: TcpStream) {
        let mut cut = self.0.cut.subscribe();
        cut.borrow_and_update();
        let Ok(server) = TcpStream::connect(&self.0.server).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let answering = watch::Sender::new(Answering::PassedOn);
        tokio::select! {
            () = self.requests(from_client, to_server, &answering) => {}
            () = answers(from_server, to_client, &answering) => {}
            _ = cut.changed() => {}
        }
    }

    async fn requests(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        answering: &watch::Sender<Answering>,
    ) {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let bytes = &bytes[..count];
            let commit = bytes.windows(COMMIT.len()).position(|window| window == COMMIT);
            let line = *self.line();
            if commit.is_none() || line == Line::Open || line == Line::Down {
                if to.write_all(bytes).await.is_err() {
                    return;
                }
                self.0.commits.fetch_add(u32::from(commit.is_some()), Ordering::SeqCst);
                continue;
            }
            if line == Line::CutBeforeCommit {
                self.set(Line::Open);
                return;
            }
            if line == Line::Late {
                self.set(Line::Open);
                answering.send_replace(Answering::HungUp);
                drop(from);
                self.until_late(Late::Delivered).await;
                to.write_all(bytes).await.unwrap();
                let is_over = |answering: &Answering| *answering == Answering::Over;
                let _ = answering.subscribe().wait_for(is_over).await;
                self.0.late.send_replace(Late::Answered);
                return;
            }
            answering.send_replace(Answering::KeptBack);
            let _ = to.write_all(bytes).await;
            let is_committed = |answering: &Answering| *answering == Answering::Committed;
            let _ = answering.subscribe().wait_for(is_committed).await;
            self.0.commits.fetch_add(1, Ordering::SeqCst);
            match line {
                Line::SilentAfterCommit => {
                    self.set(Line::Open);
                    // Neither side hears anything more, as when a network is gone.
                    std::future::pending::<()>().await;
                }
                Line::DownAfterCommit => self.set(Line::Down),
                Line::Open
                | Line::Down
                | Line::CutBeforeCommit
                | Line::CutAfterCommit
                | Line::Late => self.set(Line::Open),
            }
            return;
        }
    }
}

/// What happens to the server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answering {
    PassedOn,
    KeptBack,
    /// Kept back, and one of them said that the commit took place.
    Committed,
    /// There is nobody to pass them on to.
    HungUp,
    /// And the server has said that the transaction ended, in whichever way.
    Over,
}

/// Passes answers on until there are to be none.
async fn answers(
    mut from: OwnedReadHalf,
    to: OwnedWriteHalf,
    answering: &watch::Sender<Answering>,
) {
    let mut to = Some(to);
    let mut bytes = vec![0; 1 << 16];
    let mut changed = answering.subscribe();
    loop {
        let count = tokio::select! {
            count = from.read(&mut bytes) => count,
            Ok(hung_up) = changed.wait_for(|now| *now == Answering::HungUp), if to.is_some() => {
                drop(hung_up);
                to = None;
                continue;
            }
        };
        let Ok(count @ 1..) = count else { return };
        let bytes = &bytes[..count];
        let has = |tag: &[u8]| bytes.windows(tag.len()).any(|window| window == tag);
        let now = *answering.borrow();
        match (now, &mut to) {
            (Answering::PassedOn, Some(to)) => {
                let passed_on = to.write_all(bytes).await;
                if passed_on.is_err() {
                    return;
                }
            }
            (Answering::HungUp, _) if has(COMMITTED) || has(ROLLED_BACK) => {
                answering.send_replace(Answering::Over);
            }
            (Answering::KeptBack, _) if has(COMMITTED) => {
                answering.send_replace(Answering::Committed);
            }
            _ => {}
        }
    }
}
