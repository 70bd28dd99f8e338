//! How the cache is configured: whether there is one, where it is, and for how long it keeps what.
//! Whether a shared one is there is seen when it is used: a server starts without it.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use onhand_engine::query::ReadError;
use onhand_engine::{Location, Reader, Submit};

use super::Cache;
use super::kept::Kept;
#[cfg(feature = "redis")]
use super::kept::prefix_of;
#[cfg(feature = "redis")]
use super::redis::{Redis, RedisUrlError};
#[cfg(feature = "redis")]
use crate::accounts::options::configured;
#[cfg(feature = "redis")]
use crate::auth::secrets::{Secret, SecretError};
#[cfg(feature = "redis")]
use crate::limits::CACHE_TIMEOUT;
use crate::limits::{
    CACHE_BYTES_DEFAULT, CACHE_BYTES_MAX, CACHE_BYTES_MIN, CACHE_TTL_DEFAULT, CACHE_TTL_SECS_MAX,
};

/// What others call the seconds for which an entry is kept.
const TTL_ALIAS: &str = "REDIS_CACHE_EXPIRATION";

/// Where the cache is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CacheKind {
    /// There is none.
    Off,
    /// In this process. On a server, whose database others may change, it keeps orders, and the
    /// database is asked each time whether one is still the same.
    Memory,
    /// In a Redis or Valkey, which all processes of a database share.
    Redis,
}

/// The cache of orders and products. The password of a Redis comes from ONHAND_REDIS_PASSWORD, or
/// from the file that ONHAND_REDIS_PASSWORD_FILE names.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheOptions {
    /// Where orders and products that were read are kept.
    #[arg(long, env = "ONHAND_CACHE", value_enum, default_value = "memory")]
    cache: CacheKind,
    /// Bytes of a cache in memory.
    #[arg(long, env = "ONHAND_CACHE_BYTES", default_value_t = CACHE_BYTES_DEFAULT,
        value_parser = clap::value_parser!(u64).range(CACHE_BYTES_MIN..=CACHE_BYTES_MAX))]
    cache_bytes: u64,
    /// For how many seconds something is kept at most; 600 when nothing is said. The variable
    /// REDIS_CACHE_EXPIRATION is taken, too.
    #[arg(long, env = "ONHAND_CACHE_TTL_SECS",
        value_parser = clap::value_parser!(u64).range(1..=CACHE_TTL_SECS_MAX))]
    cache_ttl_secs: Option<u64>,
    /// Where the Redis is: redis://host:6379/0. One with a password is refused.
    #[arg(
        long,
        env = "ONHAND_REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379/"
    )]
    redis_url: String,
}

/// Why there can be no such cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The program was built without it.
    #[error("this build cannot talk to Redis: build it with `--features redis`")]
    NotBuilt,
    /// The time of an entry is out of bounds.
    #[error("{TTL_ALIAS}: expected seconds from 1 to {CACHE_TTL_SECS_MAX}")]
    Ttl,
    /// It is not where a Redis is.
    #[cfg(feature = "redis")]
    #[error("--redis-url: {0}")]
    Url(#[from] RedisUrlError),
    /// The password cannot be had.
    #[cfg(feature = "redis")]
    #[error("ONHAND_REDIS_PASSWORD: {0}")]
    Password(SecretError),
}

/// A cache that can be had, before the database is open.
#[derive(Debug)]
pub struct Plan {
    place: Place,
    ttl: Duration,
}

#[derive(Debug)]
enum Place {
    Memory {
        bytes_max: u64,
        /// Whether nobody else changes the database.
        is_alone: bool,
    },
    #[cfg(feature = "redis")]
    Redis(Redis),
}

impl CacheOptions {
    /// Looks whether there can be such a cache; `None` where none is wanted. To be called within a
    /// runtime.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn plan(&self, location: &Location) -> Result<Option<Plan>, CacheError> {
        let place = match self.cache {
            CacheKind::Off => return Ok(None),
            CacheKind::Memory => Place::Memory {
                bytes_max: self.cache_bytes,
                is_alone: matches!(location, Location::File(_)),
            },
            CacheKind::Redis => self.redis()?,
        };
        let said = self.cache_ttl_secs.map(Duration::from_secs);
        let ttl = said.map_or_else(|| ttl_of(std::env::var(TTL_ALIAS).ok()), Ok)?;
        Ok(Some(Plan { place, ttl }))
    }

    #[cfg(feature = "redis")]
    fn redis(&self) -> Result<Place, CacheError> {
        let read = configured("ONHAND_REDIS_PASSWORD").map(|given| given.read()).transpose();
        let secrets = read.map_err(CacheError::Password)?.unwrap_or_default();
        let password = match secrets.as_slice() {
            [] => None,
            [password] => Some(password),
            [_, _, ..] => {
                return Err(CacheError::Password(SecretError::TooMany { many: secrets.len() }));
            }
        };
        let password = password.map(Secret::expose);
        Ok(Place::Redis(Redis::open(&self.redis_url, password, CACHE_TIMEOUT)?))
    }

    #[cfg(not(feature = "redis"))]
    fn redis(&self) -> Result<Place, CacheError> {
        let _ = &self.redis_url;
        Err(CacheError::NotBuilt)
    }
}

/// What the variable says that others use.
fn ttl_of(said: Option<String>) -> Result<Duration, CacheError> {
    let Some(text) = said.filter(|text| !text.is_empty()) else { return Ok(CACHE_TTL_DEFAULT) };
    let secs = text.parse().ok().filter(|secs| (1..=CACHE_TTL_SECS_MAX).contains(secs));
    secs.map(Duration::from_secs).ok_or(CacheError::Ttl)
}

impl Plan {
    /// The cache. Nothing may be handed in meanwhile: what is changed by that is not told.
    ///
    /// # Errors
    /// [`ReadError`], when it cannot be found out how far the log is.
    pub async fn begin(self, submit: &Submit, reader: &Reader) -> Result<Arc<Kept>, ReadError> {
        match self.place {
            Place::Memory { bytes_max, is_alone: true } => {
                let start = reader.position().await?;
                let cache = Cache::in_process(bytes_max, self.ttl, start);
                Ok(Kept::told(cache, "".into(), start, submit))
            }
            Place::Memory { bytes_max, is_alone: false } => {
                Ok(Kept::asking(Cache::in_process(bytes_max, self.ttl, 0)))
            }
            #[cfg(feature = "redis")]
            Place::Redis(redis) => {
                let start = reader.position().await?;
                let first = reader.events(0, Vec::new(), 1).await?;
                let cache = Cache::shared(redis, self.ttl, start);
                Ok(Kept::told(cache, prefix_of(first.rows.first()), start, submit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        cache: CacheOptions,
    }

    fn options(arguments: &[&str]) -> Result<CacheOptions, clap::Error> {
        let arguments = [&["onhand"], arguments].concat();
        Command::try_parse_from(arguments).map(|command| command.cache)
    }

    fn file() -> Location {
        Location::File("onhand.db".into())
    }

    fn server() -> Location {
        Location::Server("postgresql://localhost/onhand".into())
    }

    #[tokio::test]
    async fn everybody_keeps_in_memory_unless_told_otherwise() {
        let check = |arguments: &[&str], location: &Location, wanted: Result<bool, &str>| {
            let planned = options(arguments).unwrap().plan(location);
            match (planned, wanted) {
                (Ok(plan), Ok(is_there)) => {
                    assert_eq!(plan.is_some(), is_there, "{arguments:?}");
                    if let Some(Plan { place: Place::Memory { is_alone, .. }, .. }) = plan {
                        assert_eq!(is_alone, matches!(location, Location::File(_)));
                    }
                }
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{arguments:?} {error}");
                }
                (planned, wanted) => panic!("{arguments:?} {planned:?} {wanted:?}"),
            }
        };
        check(&[], &file(), Ok(true));
        check(&[], &server(), Ok(true));
        check(&["--cache=off"], &file(), Ok(false));
        check(&["--cache=off"], &server(), Ok(false));
        check(&["--cache=memory"], &file(), Ok(true));
        check(&["--cache=memory"], &server(), Ok(true));
        let redis = cfg!(feature = "redis");
        let wanted = if redis { Ok(true) } else { Err("build it with `--features redis`") };
        check(&["--cache=redis"], &file(), wanted);
        check(&["--cache=redis"], &server(), wanted);
        let odd = if redis { "--redis-url: " } else { "--features redis" };
        let arguments = ["--cache=redis", "--redis-url=http://:canary@localhost"];
        check(&arguments, &file(), Err(odd));
        let error = options(&arguments).unwrap().plan(&file()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for arguments in [
            ["--cache=yes"],
            ["--cache-bytes=0"],
            ["--cache-bytes=1000000000000"],
            ["--cache-ttl-secs=0"],
            ["--cache-ttl-secs=100000"],
        ] {
            assert!(options(&arguments).is_err(), "{arguments:?}");
        }
        for (said, wanted) in [
            (None, Some(600)),
            (Some(""), Some(600)),
            (Some("30"), Some(30)),
            (Some("0"), None),
            (Some("-1"), None),
            (Some("10m"), None),
            (Some("86401"), None),
        ] {
            let read = ttl_of(said.map(str::to_owned)).ok();
            assert_eq!(read, wanted.map(Duration::from_secs), "{said:?}");
        }
    }
}
