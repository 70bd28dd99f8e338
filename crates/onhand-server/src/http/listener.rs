//! The accept loop. Our own rather than `axum::serve`, which leaves hyper's header time-out without
//! a timer, so that a client that sends its headers byte by byte would keep a connection for ever.

use std::sync::Arc;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::crowd::Crowd;
use super::peer::Attended;
use super::tls::Tls;
use crate::app::App;
use crate::auth::forwarded::Proxies;
use crate::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, DRAIN_TIMEOUT, HEADER_TIMEOUT};

/// A socket, and who may come in.
#[derive(Debug)]
pub struct Door {
    /// Where connections arrive.
    pub socket: TcpListener,
    /// How to keep what is said there to ourselves; none where a proxy does.
    pub tls: Option<Tls>,
    /// Most connections at a time; beyond it new ones wait in the backlog.
    pub connections_max: usize,
    /// How many of them one address may have; beyond it new ones are closed.
    pub crowd: Crowd,
    /// Whose figures its requests are; nobody's where none are kept.
    pub app: Option<App>,
}

impl Door {
    /// For everybody, with the usual bounds.
    pub fn new(socket: TcpListener, tls: Option<Tls>, proxies: &Proxies) -> Self {
        let crowd = Crowd::new(CONNECTIONS_PER_ADDRESS_MAX, proxies);
        Self { socket, tls, connections_max: CONNECTIONS_MAX, crowd, app: None }
    }
}

/// Serves until `stop` completes, then lets requests that have begun finish. Whoever is not done in
/// time is cut off: a connection has a way to the committer, which ends when all of them are gone.
pub async fn serve(door: Door, router: Router, stop: impl Future<Output = ()>) {
    let Door { socket, tls, connections_max, crowd, app } = door;
    let places = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    let (close, is_closed) = watch::channel(());
    let (cut_off, is_cut_off) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (socket.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, mostly: wait for some to come back instead of spinning.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let Some(place_of_address) = crowd.enter(address.ip()) else {
            tracing::debug!(%address, "has as many connections as it may");
            app.iter().for_each(|app| app.metrics.traffic.crowded());
            continue;
        };
        let routes = Attended::new(router.clone(), address);
        let watcher = graceful.watcher();
        let (tls, app, mut is_closed) = (tls.clone(), app.clone(), is_closed.clone());
        let connection = async move {
            let _open = app.clone().map(Open::of);
            match tls {
                None => attend(stream, routes, app, watcher).await,
                Some(tls) => tokio::select! {
                    handshake = tls.shake_hands(stream) => match handshake {
                        Ok(stream) => attend(stream, routes, app, watcher).await,
                        Err(error) => {
                            tracing::debug!(%address, %error, "no handshake");
                            if let Some(app) = app {
                                app.metrics.traffic.no_handshake();
                            }
                        }
                    },
                    // Nothing was asked yet.
                    _ = is_closed.changed() => {}
                },
            }
        };
        let mut is_cut_off = is_cut_off.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = connection => {}
                _ = is_cut_off.changed() => {}
            }
            drop((place, place_of_address));
        });
    }
    drop((socket, close));
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    drop(cut_off);
}

/// A connection that is counted as long as it lives.
struct Open(App);

impl Open {
    fn of(app: App) -> Self {
        app.metrics.traffic.connected();
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.traffic.disconnected();
    }
}

/// Answers the requests of one connection until it ends.
async fn attend<S>(stream: S, routes: Attended, app: Option<App>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = hyper::server::conn::http1::Builder::new();
    let builder = builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let stream = TokioIo::new(stream);
    let ended = match app {
        Some(app) => {
            let answer =
                service_fn(move |request| routes.clone().answer_noted(app.clone(), request));
            watcher.watch(builder.serve_connection(stream, answer)).await
        }
        None => {
            let answer = service_fn(move |request| routes.clone().answer(request));
            watcher.watch(builder.serve_connection(stream, answer)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::http::peer::Peer;

    /// A server on a free port of this machine, which counts this machine's connections too.
    async fn serve_counted(most: usize) -> SocketAddr {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let who = |Extension(peer): Extension<Peer>| async move { peer.address.to_string() };
        let router = Router::new().route("/", get(who));
        let crowd = Crowd::strict(most);
        let door = Door { socket, tls: None, connections_max: 10, crowd, app: None };
        tokio::spawn(serve(door, router, std::future::pending()));
        address
    }

    /// What the server says to a request on this connection; nothing when it is closed.
    async fn ask(stream: &mut TcpStream) -> String {
        let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut bytes = vec![0; 4_096];
        let read = stream.read(&mut bytes).await.unwrap_or_default();
        assert!(asked.is_ok() || read == 0);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }

    #[tokio::test]
    async fn requests_know_who_has_connected() {
        let address = serve_counted(10).await;
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let local = stream.local_addr().unwrap().to_string();
            for _ in 0..2 {
                let answer = ask(&mut stream).await;
                assert!(
                    answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&local),
                    "{answer}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_address_with_too_many_connections_gets_no_more_until_one_ends() {
        let address = serve_counted(2).await;
        let connect = async || TcpStream::connect(address).await.unwrap();
        let (mut first, mut second, mut third) =
            (connect().await, connect().await, connect().await);
        assert!(!ask(&mut first).await.is_empty());
        assert!(!ask(&mut second).await.is_empty());
        assert_eq!(ask(&mut third).await, "");
        assert!(!ask(&mut second).await.is_empty());
        drop(first);
        while ask(&mut connect().await).await.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
