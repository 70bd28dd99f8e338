//! A cache in Redis or Valkey, which several processes share. An entry is a hash with `position`,
//! `key` and `body`; an invalidation is one with the position alone, which stays as long as an
//! entry would, so that nobody puts in again what was read before it. One that is slow or gone is a
//! miss.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Client, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError};

use super::Entry;
use super::line::{Call, LATE, Line, why};
use crate::limits::CACHE_FORGET_KEYS_MAX;

/// Puts in what is not behind what is there. What somebody else has left under the key is no entry.
const PUT: &str = "\
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local there = tonumber(redis.call('HGET', KEYS[1], 'position') or '')
if there and there > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'position', ARGV[1], 'key', KEYS[1], 'body', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1";

/// Takes out what is behind a change, and leaves a mark.
const FORGET: &str = "\
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local there = tonumber(redis.call('HGET', KEYS[1], 'position') or '')
if there and there >= tonumber(ARGV[1]) then return 0 end
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
    #[error("not the URL of a Redis: expected redis://[user@]host[:port][/database]")]
    Unreadable,
    /// Whoever lists the processes of the machine would see it.
    #[error(
        "a password does not belong into the URL, where others see it: set ONHAND_REDIS_PASSWORD, \
         or ONHAND_REDIS_PASSWORD_FILE with the file that has it"
    )]
    Shown,
    /// Secrets and people's data would go over the network in the clear.
    #[error("`rediss://` is not supported: put the cache on a private network")]
    Encrypted,
    /// It cannot be said over the protocol as it is used here.
    #[error("the password is not UTF-8")]
    Password,
}

/// A cache behind a connection that is kept, and made anew when it is lost. Nobody waits for that.
pub struct Redis {
    line: Arc<Line>,
    timeout: Duration,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Redis {
    /// One at this address, which has no password in it. It may take so long to
    /// answer; usually [`CACHE_TIMEOUT`](crate::limits::CACHE_TIMEOUT). Until somebody is there
    /// everything is a miss. To be called within a runtime.
    ///
    /// # Errors
    /// [`RedisUrlError`].
    pub fn open(
        url: &str,
        password: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Self, RedisUrlError> {
        if url.starts_with("rediss://") {
            return Err(RedisUrlError::Encrypted);
        }
        let info = url.into_connection_info().map_err(|_| RedisUrlError::Unreadable)?;
        if info.redis_settings().password().is_some() {
            return Err(RedisUrlError::Shown);
        }
        let info = match password.map(std::str::from_utf8) {
            Some(Ok(password)) => {
                let settings = info.redis_settings().clone().set_password(password);
                info.set_redis_settings(settings)
            }
            Some(Err(_)) => return Err(RedisUrlError::Password),
            None => info,
        };
        let client = Client::open(info).map_err(|_| RedisUrlError::Unreadable)?;
        Ok(Self { line: Line::open(client), timeout })
    }

    /// What is there; nothing where it cannot be had.
    pub(super) async fn get(&self, key: &str) -> Option<Entry> {
        let mut question = Pipeline::with_capacity(1);
        question.cmd("HMGET").arg(key).arg("position").arg("key").arg("body");
        type Found = (Option<String>, Option<String>, Option<Bytes>);
        let ((position, of, body),): (Found,) = self.ask(&question).await?;
        // Answers come in the order of the questions. Should they ever get out of it, nobody is
        // shown what belongs to somebody else.
        (of? == key).then_some(())?;
        Some(Entry { position: position?.parse().ok()?, body: body? })
    }

    pub(super) async fn put(&self, key: &str, entry: &Entry, ttl: Duration) {
        let mut question = Pipeline::with_capacity(1);
        question.cmd("EVAL").arg(PUT).arg(1).arg(key).arg(entry.position);
        question.arg(entry.body.as_ref()).arg(millis(ttl));
        self.ask::<()>(&question).await;
    }

    /// In pieces, each with its own time. What could not be told is known to this process, and ends
    /// elsewhere when its time is over.
    pub(super) async fn forget(&self, keys: &[&str], position: i64, ttl: Duration) {
        for some in keys.chunks(CACHE_FORGET_KEYS_MAX) {
            let mut question = Pipeline::with_capacity(some.len());
            for key in some {
                question.cmd("EVAL").arg(FORGET).arg(1).arg(*key).arg(position).arg(millis(ttl));
            }
            self.ask::<()>(&question).await;
        }
    }

    async fn ask<T: FromRedisValue>(&self, question: &Pipeline) -> Option<T> {
        let mut call = self.line.call()?;
        let answer = question.query_async(&mut call.connection);
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => self.judge(&call, answer),
            Err(_) => {
                self.line.note(&call, Err(LATE));
                None
            }
        }
    }

    fn judge<T>(&self, call: &Call, answer: Result<T, RedisError>) -> Option<T> {
        let said = match &answer {
            Err(error) if error.code() != Some(OF_ANOTHER_KIND) => Err(why(error)),
            Ok(_) | Err(_) => Ok(()),
        };
        self.line.note(call, said);
        answer.ok()
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)
}
