//! The sockets on which a server answers: opened before anything else can go wrong, told to whoever
//! has started it, and served until it is to stop. Where they are is said by `edge.rs` and by the
//! dialects; what happens on one is in `http/listener.rs`.

#![expect(clippy::print_stdout, reason = "the addresses are the command's answer")]

use std::net::SocketAddr;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::app::App;
use crate::edge::Edge;
use crate::http;
use crate::http::dialects::{Dialect, Dialects};
use crate::http::listener::Door;
use crate::limits::OPS_CONNECTIONS_MAX;
use crate::workers::options::Switch;

/// Every socket on which somebody may ask.
pub(crate) struct Doors {
    /// For everybody; none of a process that only works.
    public: Option<Door>,
    /// For operators, if theirs is another one.
    operations: Option<Door>,
    /// For dialects that have one of their own.
    dialects: Vec<(Dialect, Door)>,
}

/// What a process says that answers nobody.
pub(crate) const WORKING: &str = "working";

/// Opens one.
async fn door(edge: &Edge, address: SocketAddr) -> anyhow::Result<Door> {
    let socket = TcpListener::bind(address).await;
    let socket = socket.with_context(|| format!("listening on {address}"))?;
    Ok(Door::new(socket, edge.tls.clone(), &edge.proxies))
}

impl Doors {
    /// Opens those that are configured.
    ///
    /// # Errors
    /// In words for the operator.
    pub(crate) async fn open(edge: &Edge, spoken: &Dialects) -> anyhow::Result<Self> {
        let operations = Self::operations(edge).await?;
        let public = door(edge, edge.listen).await?;
        let mut dialects = Vec::new();
        for (dialect, address) in spoken.alone() {
            let name = dialect.as_str();
            let advice = || format!("say --dialect {name}=off, or give it another address");
            dialects.push((dialect, door(edge, address).await.with_context(advice)?));
        }
        spoken.warn();
        Ok(Self { public: Some(public), operations, dialects })
    }

    /// Those of a process that answers nobody else.
    pub(crate) async fn for_operators(edge: &Edge) -> anyhow::Result<Option<Self>> {
        let operations = Self::operations(edge).await?;
        let only = |door| Self { public: None, operations: Some(door), dialects: Vec::new() };
        Ok(operations.map(only))
    }

    async fn operations(edge: &Edge) -> anyhow::Result<Option<Door>> {
        let Some(address) = edge.ops_listen else { return Ok(None) };
        let connections_max = OPS_CONNECTIONS_MAX;
        Ok(Some(Door { connections_max, ..door(edge, address).await? }))
    }

    /// Says where they are; the address of the public one.
    pub(crate) fn announce(&self, admin: Switch) -> anyhow::Result<Option<SocketAddr>> {
        let url = |door: &Door| {
            let scheme = if door.tls.is_some() { "https" } else { "http" };
            anyhow::Ok(format!("{scheme}://{}", door.socket.local_addr()?))
        };
        let public = self.public.as_ref().map(url).transpose()?;
        match &public {
            Some(public) => println!("listening on {public}"),
            None => println!("{WORKING}"),
        }
        let inside = self.operations.as_ref().or(self.public.as_ref());
        match (&self.operations, public) {
            (Some(door), _) => {
                let operations = url(door)?;
                println!("  operations       {operations}/health");
                println!("  API description  {operations}/docs");
            }
            (None, Some(public)) => println!("  API description  {public}/docs"),
            (None, None) => {}
        }
        if let Some(door) = inside.filter(|_| admin == Switch::On) {
            println!("  administration   {}/admin", url(door)?);
        }
        for (dialect, door) in &self.dialects {
            println!("  {:<15}  {}", dialect.as_str(), url(door)?);
        }
        Ok(self.public.as_ref().map(|door| door.socket.local_addr()).transpose()?)
    }

    /// Serves on all of them until `stop` completes.
    pub(crate) async fn serve(self, app: App, stop: impl Future<Output = ()>) {
        let metrics = app.metrics.clone();
        // Whoever follows the live page would keep the stop waiting.
        let stop = stop.map(move |()| metrics.close()).shared();
        let watched = |door: Door| Door { app: Some(app.clone()), ..door };
        let serve_operations = async || {
            if let Some(door) = self.operations {
                let operations = http::operations(app.clone());
                http::listener::serve(watched(door), operations, stop.clone()).await;
            }
        };
        let serve_public = async || {
            if let Some(door) = self.public {
                let routes = http::router(app.clone());
                http::listener::serve(watched(door), routes, stop.clone()).await;
            }
        };
        let serve_dialects = self.dialects.into_iter().map(|(dialect, door)| {
            let routes = http::dialects::alone(app.clone(), dialect);
            http::listener::serve(watched(door), routes, stop.clone())
        });
        let serve_dialects = join_all(serve_dialects.collect::<Vec<_>>());
        tokio::join!(serve_public(), serve_operations(), serve_dialects);
    }
}
