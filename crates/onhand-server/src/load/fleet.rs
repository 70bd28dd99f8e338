//! Servers on one database that are killed without warning, one after the other, and started again
//! where they were, and that are stopped in between for longer than others wait for them. Whoever
//! talks to them is told when each is up; nothing is checked here.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::api::Target;
use super::process::{ServerPlan, ServerProcess};
use super::progress::note;
use super::shopper::Up;
use crate::random::Random;

/// The first kills come at once: in the middle of the first orders.
const EARLY_KILL_MILLIS: u64 = 500;
/// The longest pause: a database ends the transaction of a process that pauses earlier, and its
/// neighbours would not wait so long for a lock.
const PAUSE_MAX_MILLIS: u64 = 4_000;

/// A port that is free now. Whoever starts on it says if it is not any more.
pub(super) fn free_address() -> Result<SocketAddr> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(socket.local_addr()?)
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    process: ServerProcess,
    up: watch::Sender<Option<Target>>,
}

/// The servers.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) plan: ServerPlan,
    servers: Vec<Server>,
    /// How many were killed.
    pub(super) kills: u32,
    /// How often one was stopped for a while.
    pub(super) pauses: u32,
}

impl Fleet {
    /// Starts a server at each address.
    pub(super) async fn start(plan: ServerPlan, addresses: Vec<SocketAddr>) -> Result<Self> {
        let mut servers = Vec::new();
        for address in addresses {
            let process = plan.start(Some(address)).await?;
            let (up, _) = watch::channel(Some(target(&plan, &process).await?));
            servers.push(Server { address, process, up });
        }
        Ok(Self { plan, servers, kills: 0, pauses: 0 })
    }

    /// The ways to all servers.
    pub(super) fn ways(&self) -> Vec<Up> {
        self.servers.iter().map(|server| server.up.subscribe()).collect()
    }

    /// A server that is up.
    pub(super) async fn target(&self) -> Result<Target> {
        let server = self.servers.first().context("a fleet without a server")?;
        target(&self.plan, &server.process).await
    }

    /// Kills one server after the other, at random times, and starts it again where it was: until
    /// everybody is done and enough was survived. After each kill one is stopped for a while.
    pub(super) async fn kill_until(
        &mut self,
        done: &Notify,
        (every, least): (Duration, u32),
        random: &mut Random,
    ) -> Result<()> {
        let mut are_done = false;
        loop {
            let early = Duration::from_millis(1 + random.below(EARLY_KILL_MILLIS));
            let later = every.mul_f64(0.5 + random.fraction());
            let wait = if self.kills == 0 { early.min(later) } else { later };
            tokio::select! {
                () = sleep(wait) => {}
                () = done.notified(), if !are_done => are_done = true,
            }
            if are_done && self.kills >= least {
                return Ok(());
            }
            self.kill_one(random).await?;
            self.pause_one(random).await?;
        }
    }

    async fn pause_one(&mut self, random: &mut Random) -> Result<()> {
        let server = &self.servers[random.index(self.servers.len())];
        let time = Duration::from_millis(random.below(PAUSE_MAX_MILLIS));
        server.process.pause(time).await?;
        self.pauses += 1;
        note(&format!("pause {}: for {} ms", self.pauses, time.as_millis()));
        Ok(())
    }

    async fn kill_one(&mut self, random: &mut Random) -> Result<()> {
        let index = random.index(self.servers.len());
        let server = self.servers.swap_remove(index);
        // Nobody may connect while nobody listens: a socket could catch the free port.
        server.up.send_replace(None);
        server.process.kill().await?;
        self.kills += 1;
        let process = self.plan.start(Some(server.address)).await;
        let process = process.with_context(|| format!("after kill {}", self.kills))?;
        let millis = process.start_time().as_millis();
        note(&format!("kill {}: up again after {millis} ms", self.kills));
        server.up.send_replace(Some(target(&self.plan, &process).await?));
        self.servers.push(Server { process, ..server });
        Ok(())
    }

    /// Stops the servers politely.
    pub(super) async fn stop(&mut self) -> Result<()> {
        for server in self.servers.drain(..) {
            server.process.stop().await?;
        }
        Ok(())
    }
}

async fn target(plan: &ServerPlan, process: &ServerProcess) -> Result<Target> {
    Target::new(&process.url(), Some(plan.key().await?))
}
