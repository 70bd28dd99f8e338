//! The connection to a shared cache. While there is none nobody waits for one: a task of its own
//! tries to make it. A connection that fails to answer a few times in a row is given up, because
//! what it still has to say would come too late, and nobody knows what is in between.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};

use crate::limits::{CACHE_CONNECT_TIMEOUT, CACHE_FAILURES_MAX, CACHE_LEFT_ALONE};

/// A connection, to be told how it went.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) connection: MultiplexedConnection,
    /// Failures of this connection, one after the other.
    failures: Arc<AtomicU32>,
}

/// Where the line is.
enum State {
    Up(Call),
    /// A task tries to connect.
    Down {
        /// Whether somebody was told.
        is_known: bool,
    },
}

pub(super) struct Line {
    client: Client,
    state: Mutex<State>,
}

impl Line {
    /// Begins to connect, and does so again whenever it has to, until the line is dropped.
    pub(super) fn open(client: Client) -> Arc<Self> {
        let state = Mutex::new(State::Down { is_known: false });
        let line = Arc::new(Self { client, state });
        tokio::spawn(connect(Arc::downgrade(&line)));
        line
    }

    /// The connection, if there is one.
    pub(super) fn call(&self) -> Option<Call> {
        match &*self.lock() {
            State::Up(call) => Some(call.clone()),
            State::Down { .. } => None,
        }
    }

    /// Notes how a call went: `Err` says why there was no answer.
    pub(super) fn note(self: &Arc<Self>, call: &Call, result: Result<(), &str>) {
        let Err(why) = result else {
            // Most of the time there is nothing to forget, and nothing that others would have to
            // see.
            if call.failures.load(Ordering::Relaxed) != 0 {
                call.failures.store(0, Ordering::Relaxed);
            }
            return;
        };
        if call.failures.fetch_add(1, Ordering::Relaxed) + 1 < CACHE_FAILURES_MAX {
            return;
        }
        let mut state = self.lock();
        // Of several who find out, one gives it up. What fails on a connection that was given up
        // says nothing about the next one.
        match &*state {
            State::Up(current) if Arc::ptr_eq(&current.failures, &call.failures) => {}
            State::Up(_) | State::Down { .. } => return,
        }
        *state = State::Down { is_known: true };
        drop(state);
        gone(why);
        tokio::spawn(connect(Arc::downgrade(self)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, and hears that somebody is there who speaks the same language.
    async fn try_connect(&self) -> Result<MultiplexedConnection, &'static str> {
        // Whoever asks has their own bound, which ends sooner.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CACHE_CONNECT_TIMEOUT))
            .set_response_timeout(None);
        let connecting = async {
            let connection = self.client.get_multiplexed_async_connection_with_config(&config);
            let mut connection = connection.await?;
            redis::cmd("PING").exec_async(&mut connection).await?;
            Ok(connection)
        };
        let connected = tokio::time::timeout(CACHE_CONNECT_TIMEOUT, connecting).await;
        connected.map_or(Err(LATE), |made| made.map_err(|error| why(&error)))
    }

    /// What came of a try; whether it was the last one.
    fn settle(&self, made: Result<MultiplexedConnection, &str>) -> bool {
        let mut state = self.lock();
        let is_known = matches!(*state, State::Down { is_known: true });
        match made {
            Ok(connection) => {
                *state = State::Up(Call { connection, failures: Arc::default() });
                if is_known {
                    tracing::info!("the cache is back");
                }
                true
            }
            Err(why) => {
                *state = State::Down { is_known: true };
                if !is_known {
                    gone(why);
                }
                false
            }
        }
    }
}

pub(super) const LATE: &str = "no answer in time";

/// What went wrong, without address and key, which the library's own words may have.
pub(super) fn why(error: &RedisError) -> &'static str {
    match error.code() {
        Some("NOAUTH" | "WRONGPASS" | "NOPERM") => "it does not accept our password",
        Some(_) => "it refuses what is asked",
        None if error.is_timeout() => LATE,
        None if error.is_io_error() => "there is no connection",
        None => "it does not speak the protocol",
    }
}

fn gone(why: &str) {
    tracing::warn!(why, "the cache is gone: everything is read from the database");
}

/// Tries until there is a connection, or nobody who wants one.
async fn connect(line: Weak<Line>) {
    loop {
        let Some(line) = line.upgrade() else { return };
        let made = line.try_connect().await;
        if line.settle(made) {
            return;
        }
        drop(line);
        tokio::time::sleep(CACHE_LEFT_ALONE).await;
    }
}
