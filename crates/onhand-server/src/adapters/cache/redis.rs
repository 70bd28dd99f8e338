//! A cache in Redis or Valkey, which several processes share. An entry is a hash with `position` and
//! `body`; an invalidation is one without a body, which stays as long as an entry would, so that
//! nobody puts in again what was read before it. One that is slow or gone is a miss, and is left
//! alone.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, cmd};

use super::Entry;
use super::health::{Health, Turn};
use crate::limits::{CACHE_CONNECT_TIMEOUT, CACHE_FORGET_KEYS_MAX};

/// Puts in what is not behind what is there. What somebody else has left under the key is no entry.
const PUT: &str = "\
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local there = redis.call('HGET', KEYS[1], 'position')
if there and tonumber(there) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'position', ARGV[1], 'body', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1";

/// Takes out what is behind a change, and leaves a mark.
const FORGET: &str = "\
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local there = redis.call('HGET', KEYS[1], 'position')
if there and tonumber(there) >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'position', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1";

/// What Redis says where something else than a hash is under a key.
const OF_ANOTHER_KIND: &str = "WRONGTYPE";

/// Why there can be no such cache. It does not repeat the address, which may have a password in it.
#[derive(Debug, thiserror::Error)]
pub enum RedisUrlError {
    /// It cannot be read.
    #[error("not the URL of a Redis: expected redis://[user:password@]host[:port][/database]")]
    Unreadable,
    /// Secrets and people's data would go over the network in the clear.
    #[error("`rediss://` is not supported: put the cache on a private network")]
    Encrypted,
}

/// A connection that is kept, and made anew when it is lost. Nothing waits for that.
pub struct Redis {
    connection: ConnectionManager,
    health: Health,
    timeout: Duration,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Redis {
    /// One at this address, which may take so long to answer; usually [`CACHE_TIMEOUT`](crate::limits::CACHE_TIMEOUT). Whether
    /// somebody is there is seen when it is asked. To be called within a runtime.
    ///
    /// # Errors
    /// [`RedisUrlError`].
    pub fn open(url: &str, timeout: Duration) -> Result<Self, RedisUrlError> {
        if url.starts_with("rediss://") {
            return Err(RedisUrlError::Encrypted);
        }
        let client = Client::open(url).map_err(|_| RedisUrlError::Unreadable)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CACHE_CONNECT_TIMEOUT))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(client, config);
        let connection = connection.map_err(|_| RedisUrlError::Unreadable)?;
        Ok(Self { connection, health: Health::new(), timeout })
    }

    /// What is there; nothing where it cannot be had.
    pub(super) async fn get(&self, key: &str) -> Option<Entry> {
        let mut question = cmd("HMGET");
        question.arg(key).arg("position").arg("body");
        let (position, body): (Option<i64>, Option<Bytes>) = self.ask(question).await?;
        Some(Entry { position: position?, body: body? })
    }

    pub(super) async fn put(&self, key: &str, entry: &Entry, ttl: Duration) {
        let mut question = cmd("EVAL");
        question.arg(PUT).arg(1).arg(key).arg(entry.position);
        question.arg(entry.body.as_ref()).arg(millis(ttl));
        self.ask::<bool>(question).await;
    }

    /// In pieces, each with its own time. What could not be told is known to this process, and ends
    /// elsewhere when its time is over.
    pub(super) async fn forget(&self, keys: &[&str], position: i64, ttl: Duration) {
        for some in keys.chunks(CACHE_FORGET_KEYS_MAX) {
            let mut pipeline = Pipeline::with_capacity(some.len());
            for key in some {
                pipeline.cmd("EVAL").arg(FORGET).arg(1).arg(*key).arg(position).arg(millis(ttl));
            }
            if !self.health.allows() {
                return;
            }
            let mut connection = self.connection.clone();
            let answer = pipeline.query_async::<()>(&mut connection);
            self.judge(tokio::time::timeout(self.timeout, answer).await.ok());
        }
    }

    async fn ask<T: FromRedisValue>(&self, question: Cmd) -> Option<T> {
        if !self.health.allows() {
            return None;
        }
        let mut connection = self.connection.clone();
        // Beyond what the library waits for an answer it would wait for a connection.
        let answer = question.query_async(&mut connection);
        self.judge(tokio::time::timeout(self.timeout, answer).await.ok())
    }

    /// An answer, if there is one; without one in time, `None`.
    fn judge<T>(&self, answer: Option<Result<T, RedisError>>) -> Option<T> {
        let is_answer = match &answer {
            Some(Ok(_)) => true,
            Some(Err(error)) => error.code() == Some(OF_ANOTHER_KIND),
            None => false,
        };
        match self.health.note(is_answer) {
            Some(Turn::Gone) => {
                // Neither address nor key: what the library says may have them.
                let why = match &answer {
                    Some(Err(error)) => error.category(),
                    Some(Ok(_)) | None => "no answer in time",
                };
                tracing::warn!(why, "the cache is gone: everything is read from the database");
            }
            Some(Turn::Back) => tracing::info!("the cache is back"),
            None => {}
        }
        answer?.ok()
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)
}
