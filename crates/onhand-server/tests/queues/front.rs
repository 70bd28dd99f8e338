//! What stands between a client and a broker, to be taken away: bytes pass through unread. It fakes
//! nothing but a network that is gone.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A door to a broker.
#[derive(Debug)]
pub(crate) struct Front {
    broker: SocketAddr,
    pub(crate) at: SocketAddr,
    open: Option<JoinHandle<()>>,
}

impl Front {
    pub(crate) async fn open(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        Self { broker, at, open: Some(tokio::spawn(pass(listener, broker))) }
    }

    /// Every connection breaks, and no other is made.
    pub(crate) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.abort();
            open.await.ok();
        }
    }

    pub(crate) async fn reopen(&mut self) {
        let listener = TcpListener::bind(self.at).await.unwrap();
        self.open = Some(tokio::spawn(pass(listener, self.broker)));
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.abort();
        }
    }
}

async fn pass(listener: TcpListener, broker: SocketAddr) {
    // Dropped with the task, and with them all connections.
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            let mut server = TcpStream::connect(broker).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}
