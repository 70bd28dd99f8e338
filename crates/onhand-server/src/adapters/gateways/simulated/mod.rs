//! A gateway that speaks Razorpay's protocol over HTTP and moves no money: for the demo, for tests
//! and for whoever writes a shop. It has a ledger of its own (`ledger.rs`), sends signed messages
//! (`senders.rs`), goes wrong as planned (`faults.rs`, `mischief.rs`) and is told what customers do
//! (`control.rs`). It shares no code with the adapter but the signature, so that a mistake in the
//! one is not repeated by the other.

mod agenda;
mod answers;
mod api;
mod books;
pub mod command;

mod control;
mod faults;
mod ledger;
mod mischief;
mod senders;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onhand_engine::SystemClock;
use onhand_engine::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::agenda::{Agenda, Deed, Delivery};
use self::answers::Answers;
use self::faults::Chance;
pub use self::faults::{Fault, FaultPlan, PlanError};
use self::ledger::{Ledger, Message, Try};
use self::senders::Target;
use super::signature::sign;
use crate::auth::forwarded::Proxies;
use crate::auth::secrets::Secret;
use crate::http::crowd::Crowd;
use crate::http::listener::{self, Door};
use crate::limits::{SIMULATED_CONNECTIONS_MAX, SIMULATED_READY_MAX, SIMULATED_SENDERS};

/// How fast the simulated world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long a customer takes to pay, and a bank to give money back.
    pub customer: Duration,
    /// How late a late authorisation is.
    pub late: Duration,
    /// The first wait before a message is sent again; each doubles it.
    pub again: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            customer: Duration::from_millis(200),
            late: Duration::from_secs(3),
            again: Duration::from_millis(500),
        }
    }
}

/// How to simulate.
#[derive(Debug, Clone)]
pub struct SimulatedConfig {
    /// The name of the key that requests carry.
    pub key_id: String,
    /// Its secret.
    pub key_secret: Secret,
    /// What messages are signed with.
    pub webhook_secret: Secret,
    /// Where messages are sent, `http://host:port/path`; none: nowhere.
    pub webhook_url: Option<String>,
    /// Whether an imaginary customer pays each order.
    pub auto_pay: bool,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// What chance is made of.
    pub seed: u64,
    /// How fast things go.
    pub pace: Pace,
}

/// Why nothing can be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulatedError {
    /// Messages cannot be sent there.
    #[error("messages go to a URL like `http://127.0.0.1:8080/path`, not to `{0}`")]
    Webhook(String),
    /// Nothing can be measured.
    #[error(transparent)]
    Measure(#[from] hdrhistogram::CreationError),
}

/// Serves until `stop` completes. What is not delivered by then is lost.
///
/// # Errors
/// When messages cannot be sent where they should be, or not be measured.
pub async fn serve(
    config: SimulatedConfig,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), SimulatedError> {
    let target = config.webhook_url.as_deref().map(Target::parse).transpose()?;
    let state = State {
        ledger: Ledger::default(),
        deeds: Agenda::default(),
        outbox: Agenda::default(),
        chance: Chance::new(config.faults, config.seed),
        counts: Counts::default(),
        answers: Answers::new()?,
    };
    let simulated = Arc::new(Simulated {
        config,
        state: Mutex::new(state),
        wake_doing: Notify::new(),
        wake_sending: Notify::new(),
    });
    let (ready, is_ready) = mpsc::channel(SIMULATED_READY_MAX);
    // They end with this function, when the set is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn(simulated.clone().follow_deeds());
    if let Some(target) = target {
        tasks.spawn(simulated.clone().follow_outbox(ready));
        let is_ready = Arc::new(tokio::sync::Mutex::new(is_ready));
        for _ in 0..SIMULATED_SENDERS {
            tasks.spawn(senders::send(simulated.clone(), target.clone(), is_ready.clone()));
        }
    }
    let crowd = Crowd::new(SIMULATED_CONNECTIONS_MAX, &Proxies::none());
    let connections_max = SIMULATED_CONNECTIONS_MAX;
    let door = Door { socket: listener, tls: None, connections_max, crowd, app: None };
    listener::serve(door, api::router(simulated), stop).await;
    Ok(())
}

/// The gateway.
#[derive(Debug)]
struct Simulated {
    config: SimulatedConfig,
    state: Mutex<State>,
    /// Something may be to be done earlier than was thought.
    wake_doing: Notify,
    /// The same for messages. Apart, so that a listener who does not answer holds up no customer.
    wake_sending: Notify,
}

/// What changes.
#[derive(Debug)]
struct State {
    ledger: Ledger,
    deeds: Agenda<Deed>,
    outbox: Agenda<Delivery>,
    chance: Chance,
    counts: Counts,
    answers: Answers,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
struct Counts {
    /// Requests with the right key.
    requests: u64,
    /// Messages that were answered with a yes.
    delivered: u64,
    /// Tries to deliver that were not.
    not_delivered: u64,
    /// Messages and plans for which there was no room, or no further try.
    given_up: u64,
}

impl Simulated {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the ledger, and sees to what comes of it.
    fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> T) -> T {
        let millis = SystemClock.now().as_millisecond();
        let mut state = self.lock();
        let done = change(&mut state, millis);
        let messages = std::mem::take(&mut state.ledger.messages);
        for message in messages {
            self.post(&mut state, message, millis);
        }
        drop(state);
        self.wake_doing.notify_one();
        self.wake_sending.notify_one();
        done
    }

    /// A customer tries to pay, and the bank is of the mood that is planned for it.
    fn visit(&self, state: &mut State, order_id: &str, millis: i64) {
        let is_late = state.chance.hits(Fault::Late);
        let is_declined = !is_late && state.chance.hits(Fault::Decline);
        let result = if is_late || is_declined { Try::Fails } else { Try::Succeeds };
        if let Ok(payment) = state.ledger.pay(order_id, None, result, millis)
            && is_late
        {
            state.do_in(self.config.pace.late, Deed::Authorize(payment));
        }
    }

    /// Puts a message into the outbox, as often and as late as is planned.
    fn post(&self, state: &mut State, (kind, mut payload): Message, millis: i64) {
        let State { chance, ledger, .. } = state;
        if self.config.webhook_url.is_none() || chance.hits(Fault::Lost) {
            return;
        }
        if chance.hits(Fault::WrongAmount) {
            distort(&mut payload["payment"]["entity"]);
        }
        let contains: Vec<&String> =
            payload.as_object().map(|parts| parts.keys().collect()).unwrap_or_default();
        let body = json!({
            "entity": "event", "account_id": "acc_Simulated00000", "event": kind,
            "contains": contains, "payload": payload, "created_at": millis / 1_000,
        });
        let body = body.to_string().into_bytes();
        let delivery = Delivery {
            event_id: ledger.id("evt", millis),
            signature: sign(&self.config.webhook_secret, &body),
            body: body.into(),
            tries: 0,
        };
        let copies = if chance.hits(Fault::Repeat) { chance.below(4) + 2 } else { 1 };
        let delay = if chance.hits(Fault::Delay) { chance.below(5_000) } else { 0 };
        for _ in 0..copies {
            let jitter = state.chance.hits(Fault::Permute);
            let jitter = if jitter { state.chance.below(250) } else { 0 };
            let after = Duration::from_millis(delay + jitter);
            state.deliver_in(after, delivery.clone());
        }
    }

    /// Does what is due when it is due.
    async fn follow_deeds(self: Arc<Self>) {
        loop {
            let (due, next) = self.lock().deeds.take_due(Instant::now());
            match due {
                Some(Deed::Pay(order)) => {
                    self.change(|state, millis| self.visit(state, &order, millis));
                }
                Some(Deed::Authorize(payment)) => {
                    self.change(|state, _| _ = state.ledger.authorize(&payment, None));
                }
                Some(Deed::SettleRefund(refund)) => self.change(|state, _| {
                    let is_back = !state.chance.hits(Fault::RefundFail);
                    if state.ledger.settle_refund(&refund, is_back).is_err() {
                        tracing::debug!(refund, "forgotten before it was settled");
                    }
                }),
                None => sleep_until(next, &self.wake_doing).await,
            }
        }
    }

    /// Hands over messages when they are due.
    async fn follow_outbox(self: Arc<Self>, ready: mpsc::Sender<Delivery>) {
        loop {
            let (due, next) = self.lock().outbox.take_due(Instant::now());
            match due {
                Some(delivery) => {
                    if ready.send(delivery).await.is_err() {
                        return;
                    }
                }
                None => sleep_until(next, &self.wake_sending).await,
            }
        }
    }
}

/// Sleeps until then, or until it is woken.
async fn sleep_until(next: Option<Instant>, wake: &Notify) {
    let asleep = async {
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wake.notified() => {}
        () = asleep => {}
    }
}

impl State {
    /// Does this later, if there is room for it until then.
    fn do_in(&mut self, after: Duration, deed: Deed) {
        if !self.deeds.add(Instant::now() + after, deed) {
            self.counts.given_up += 1;
        }
    }

    /// Sends this later, if there is room for it until then.
    fn deliver_in(&mut self, after: Duration, delivery: Delivery) {
        if !self.outbox.add(Instant::now() + after, delivery) {
            self.counts.given_up += 1;
        }
    }
}

/// Makes a wrong amount of a right one.
fn distort(entity: &mut Value) {
    if let Some(amount) = entity["amount"].as_i64() {
        entity["amount"] = json!(amount + 100);
    }
}
