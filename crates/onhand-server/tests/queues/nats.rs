//! NATS JetStream, as nats-server does it: each stream has a server of its own, which may be killed
//! and comes back with what it has stored.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use onhand_server::adapters::queues::Queue;
use onhand_server::adapters::queues::nats::{Nats, NatsConfig, NatsLink, NatsLogin};
use onhand_server::adapters::queues::parcel::REASON;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::brokered::Broker;
use crate::world::{Form, Letter, unique};

const HINT: &str = "`cargo xtask test` or `cargo xtask services` starts nats-server";
/// Longest wait for a server that is starting.
const START: Duration = Duration::from_secs(30);

/// Where the shared server is.
pub(crate) fn shared() -> String {
    std::env::var("ONHAND_TEST_NATS_URL").expect(HINT)
}

/// A context to look at a server with.
pub(crate) async fn context(url: &str) -> jetstream::Context {
    jetstream::new(async_nats::connect(url).await.unwrap())
}

/// The product's own link to a server.
pub(crate) async fn link(url: &str) -> NatsLink {
    link_as(url, NatsLogin::Nobody).await
}

pub(crate) async fn link_as(url: &str, login: NatsLogin) -> NatsLink {
    NatsLink::open(NatsConfig { url: url.to_owned(), login }).await.unwrap()
}

/// A server of one's own. What it has stored outlives it.
pub(crate) struct Server {
    child: Option<Child>,
    at: SocketAddr,
    folder: TempDir,
    more: &'static [&'static str],
}

impl Server {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further arguments.
    pub(crate) async fn start_with(more: &'static [&'static str]) -> Self {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = probe.local_addr().unwrap();
        drop(probe);
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { child: None, at, folder, more };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let program = std::env::var_os("ONHAND_TEST_NATS_BIN").expect(HINT);
        let mut command = Command::new(Path::new(&program));
        command.args(["--addr", "127.0.0.1", "--port", &self.at.port().to_string()]);
        command.arg("--jetstream").arg("--store_dir").arg(self.folder.path()).args(self.more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let began = Instant::now();
        while TcpStream::connect(self.at).await.is_err() {
            assert!(began.elapsed() < START, "nats-server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.at)
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A stream of its own.
pub(crate) struct Stream {
    server: Server,
    pub(crate) name: String,
    lease: Duration,
}

impl Stream {
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }
}

impl Form for Stream {
    async fn fresh(lease: Duration) -> Self {
        Self { server: Server::start().await, name: unique(), lease }
    }

    async fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(Nats::new(link(&self.url()).await, self.name.clone(), self.lease))
    }

    async fn dead(&self) -> Vec<Letter> {
        let context = context(&self.url()).await;
        let stream = context.get_stream(format!("{}-dead", self.name)).await.unwrap();
        let mut letters = Vec::new();
        for position in 1..=stream.cached_info().state.last_sequence {
            let message = stream.get_raw_message(position).await.unwrap();
            let reason = message.headers.get(REASON).unwrap().to_string();
            letters.push((message.payload, reason));
        }
        letters
    }

    async fn send_bare(&self, body: &str) -> bool {
        // The stream is made by whoever uses it first.
        self.queue().await.receive(1, Duration::ZERO).await.unwrap();
        let context = context(&self.url()).await;
        let sent = context.publish(self.name.clone(), body.to_owned().into()).await.unwrap();
        sent.await.unwrap();
        true
    }

    async fn away(&mut self) {
        self.server.kill();
    }

    async fn back(&mut self) {
        self.server.run().await;
    }
}

impl Broker for Stream {
    fn named(&self) -> Vec<String> {
        let (url, name) = (self.url(), &self.name);
        vec!["--queue=nats".into(), format!("--nats-url={url}"), format!("--nats-stream={name}")]
    }
}
