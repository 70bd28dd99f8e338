//! TLS to clients: the handshake, and certificates that are renewed while the server runs. It knows
//! sockets and no requests. What is in the files and what is wrong with it is in `tls/files.rs`.

mod files;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use onhand_engine::SystemClock;
use onhand_engine::clock::Clock;
use tokio::net::TcpStream;
use tokio::signal::unix::Signal;
use tokio::sync::{Semaphore, watch};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use crate::limits::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX};
use files::Digest;
pub use files::{TlsError, TlsFiles};

/// Shakes hands with the newest certificate. Clones share everything.
#[derive(Debug, Clone)]
pub struct Tls {
    config: watch::Receiver<Arc<ServerConfig>>,
    handshakes: Arc<Semaphore>,
}

/// Looks after the files of a [`Tls`].
#[derive(Debug)]
pub struct Renewal {
    files: TlsFiles,
    config: watch::Sender<Arc<ServerConfig>>,
    /// What was found at the last look: the contents, or why there were none. Bad news is told
    /// once.
    seen: Result<Digest, String>,
}

/// Reads the files for the first time.
///
/// # Errors
/// When nobody could connect with what is in them.
pub fn open(files: TlsFiles, clock: &impl Clock) -> Result<(Tls, Renewal), TlsError> {
    let contents = files.read()?;
    let config = files.config(&contents, clock.now())?;
    let (config, newest) = watch::channel(Arc::new(config));
    let tls = Tls { config: newest, handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)) };
    Ok((tls, Renewal { files, config, seen: Ok(contents.digest()) }))
}

impl Tls {
    /// Shakes hands, or gives up in time.
    pub(super) async fn shake_hands(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let handshake = async {
            let _place = self.handshakes.acquire().await.map_err(io::Error::other)?;
            let config = self.config.borrow().clone();
            TlsAcceptor::from(config).accept(stream).await
        };
        timeout(HANDSHAKE_TIMEOUT, handshake).await?
    }
}

impl Renewal {
    /// Takes over what is new in the files: at once at a hangup, else when it is next looked at.
    /// What cannot be used is left, and the old certificate goes on. Runs until it is dropped.
    pub async fn run(mut self, mut hangup: Signal, every: Duration) {
        let mut ticks = interval(every);
        loop {
            let is_asked = tokio::select! {
                Some(()) = hangup.recv() => true,
                _ = ticks.tick() => false,
            };
            let looked = tokio::task::spawn_blocking(move || {
                self.look(is_asked);
                self
            });
            self = match looked.await {
                Ok(renewal) => renewal,
                Err(error) => {
                    tracing::error!(%error, "certificates are not renewed any more");
                    return;
                }
            };
        }
    }

    /// Looks once; `is_asked` when somebody waits for an answer in the log.
    fn look(&mut self, is_asked: bool) {
        let read = self.files.read();
        let found = match &read {
            Ok(contents) => Ok(contents.digest()),
            Err(error) => Err(told(error)),
        };
        if !is_asked && found == self.seen {
            return;
        }
        self.seen = found;
        let config = read.and_then(|contents| self.files.config(&contents, SystemClock.now()));
        match config {
            Ok(config) => {
                self.config.send_replace(Arc::new(config));
                tracing::info!("the certificate was renewed");
            }
            Err(error) => {
                let error = told(&error);
                tracing::error!(error, "not a certificate to go on with: the one before stays");
            }
        }
    }
}

/// An error with what caused it.
fn told(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use onhand_core::Timestamp;
    use onhand_engine::ManualClock;
    use tokio::signal::unix::{SignalKind, signal};

    use super::*;

    /// Longer than many looks take.
    const RENEWAL_TIMEOUT: Duration = Duration::from_secs(20);

    fn write(files: &TlsFiles) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.cert, parameters.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    fn files(folder: &std::path::Path) -> TlsFiles {
        let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        write(&files);
        files
    }

    fn clock() -> ManualClock {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        ManualClock::new(at)
    }

    #[tokio::test]
    async fn new_files_are_noticed_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (mut tls, renewal) = open(files.clone(), &clock()).unwrap();
        let hangup = signal(SignalKind::hangup()).unwrap();
        let running = tokio::spawn(renewal.run(hangup, Duration::from_millis(5)));
        for _ in 0..2 {
            write(&files);
            timeout(RENEWAL_TIMEOUT, tls.config.changed()).await.unwrap().unwrap();
        }
        running.abort();
    }

    #[test]
    fn only_what_is_new_and_good_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (tls, mut renewal) = open(files.clone(), &clock()).unwrap();
        let good = std::fs::read(&files.cert).unwrap();
        let mut check = |cert: Option<&[u8]>, is_asked, is_renewed| {
            match cert {
                Some(bytes) => std::fs::write(&files.cert, bytes).unwrap(),
                None => std::fs::remove_file(&files.cert).unwrap(),
            }
            let before = tls.config.borrow().clone();
            renewal.look(is_asked);
            assert_eq!(!Arc::ptr_eq(&before, &tls.config.borrow()), is_renewed);
            renewal.seen.clone()
        };
        let first = check(Some(&good), false, false);
        assert_eq!(check(Some(&good), true, true), first);
        let empty = check(Some(b""), false, false);
        assert_ne!(empty, first);
        assert!(check(None, false, false).unwrap_err().contains("cannot read"));
        assert_eq!(check(Some(&good), false, true), first);
    }
}
