//! Caches on the server of the tests, and a way to it that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use onhand_server::adapters::cache::redis::Redis;
use onhand_server::adapters::cache::{Cache, Entry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any machine is busy.
pub(crate) const PATIENT: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn url() -> String {
    std::env::var("ONHAND_TEST_REDIS_URL").unwrap()
}

/// A key that no other test and no other run has.
pub(crate) fn fresh_key() -> String {
    format!("order:{}", onhand_server::random::uuid_v4())
}

/// A process of its own on that server.
pub(crate) async fn process(ttl: Duration) -> Cache {
    let cache = Cache::shared(Redis::open(&url(), PATIENT).unwrap(), ttl, 0);
    until_it_works(&cache, &fresh_key()).await;
    cache
}

/// Puts in and gets until that works. It may be left alone for a while, and the machine be busy.
pub(crate) async fn until_it_works(cache: &Cache, key: &str) {
    for _ in 0..3_000 {
        put(cache, key, 1, "here").await;
        if cache.get(key).await == Some(entry(1, "here")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not there");
}

pub(crate) fn entry(position: i64, body: &str) -> Entry {
    Entry { position, body: Bytes::copy_from_slice(body.as_bytes()) }
}

pub(crate) async fn put(cache: &Cache, key: &str, position: i64, body: &str) {
    cache.put(key, position, entry(position, body).body).await;
}

/// Says something to the server that no cache would say.
pub(crate) async fn say<T: redis::FromRedisValue>(words: &[&str]) -> T {
    let client = redis::Client::open(url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await.unwrap()
}

/// How a way behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Hands on what comes.
    Open,
    /// Takes everything, and hands on nothing.
    Silent,
    /// Ends every connection.
    Cut,
    /// Answers something else.
    Lying,
}

/// A way to the server.
#[derive(Debug)]
pub(crate) struct Way {
    mood: AtomicU8,
    /// How often something came, connections included.
    pub(crate) came: AtomicUsize,
}

impl Way {
    /// One, and the address at which it begins.
    pub(crate) async fn new(mood: Mood) -> (Arc<Self>, SocketAddr) {
        let way = Arc::new(Self { mood: AtomicU8::new(mood as u8), came: AtomicUsize::new(0) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let all = Arc::clone(&way);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                all.came.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(Arc::clone(&all).carry(stream));
            }
        });
        (way, at)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::SeqCst) == mood as u8
    }

    /// One connection. What is there when the mood changes goes by the new one.
    async fn carry(self: Arc<Self>, mut stream: TcpStream) {
        let address = url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let mut server = TcpStream::connect(address).await.unwrap();
        let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
        loop {
            tokio::select! {
                read = stream.read(&mut asked) => {
                    let Some(read) = read.ok().filter(|read| *read > 0) else { return };
                    self.came.fetch_add(1, Ordering::SeqCst);
                    if self.is(Mood::Cut) {
                        return;
                    } else if self.is(Mood::Lying) {
                        _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                    } else if self.is(Mood::Open) {
                        server.write_all(&asked[..read]).await.unwrap();
                    }
                }
                read = server.read(&mut answered) => {
                    let Some(read) = read.ok().filter(|read| *read > 0) else { return };
                    if self.is(Mood::Open) && stream.write_all(&answered[..read]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
