//! Two server processes on one database, each with a load generator of its own. These do not begin
//! at the same moment, so their own figures do not add up: the servers are asked for what they have
//! done while both were under load.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::child::{Door, Server};
use super::driver::{Checks, Driver, Shape};
use super::machine::wait_until;

/// How far apart the two may begin, in seconds; so much longer each of them sends.
const APART_SECS_MAX: u32 = 4;
/// From the moment a load generator says that it begins until it measures: connections are warm.
const WARM_UP: Duration = Duration::from_millis(600);
/// What the load generators may take to prepare.
const PREPARATIONS_MAX: Duration = Duration::from_secs(5 * 60);
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Orders per second of both servers together, with the hot product.
pub(super) fn rate(driver: &Driver, servers: [&Server; 2], connections: u32) -> Result<f64> {
    let driver = &driver.longer(APART_SECS_MAX);
    let doors = servers.map(Server::door);
    let (say, begun) = mpsc::channel();
    thread::scope(|scope| {
        let loads = doors.map(|door| {
            let say = say.clone();
            scope.spawn(move || load(driver, door, connections / 2, &say))
        });
        drop(say);
        let watched = watch(
            doors.map(|door| door.url.as_str()),
            &begun,
            driver.length() - secs(APART_SECS_MAX),
        );
        for load in loads {
            load.join().unwrap_or_else(|_| Err(anyhow!("a load generator was not watched")))?;
        }
        watched
    })
}

fn load(driver: &Driver, door: &Door, connections: u32, say: &Sender<Instant>) -> Result<()> {
    let begun = || {
        // Nobody listens any more when the other one has failed.
        say.send(Instant::now()).ok();
    };
    driver.place(door, Shape::Hot, connections, Checks::Differ, begun).map(drop)
}

/// Watches both servers for a time in which both are under load.
fn watch(urls: [&str; 2], begun: &Receiver<Instant>, length: Duration) -> Result<f64> {
    let begin = || begun.recv_timeout(PREPARATIONS_MAX).context("no load generator began");
    let (first, last) = (begin()?, begin()?);
    ensure!(last.duration_since(first) < secs(APART_SECS_MAX), "they began too far apart");
    let from = last + WARM_UP;
    wait_until(from);
    let before = [commands(urls[0])?, commands(urls[1])?];
    wait_until(from + length);
    let mut rate = 0.0;
    for (url, before) in urls.into_iter().zip(before) {
        let after = commands(url)?;
        rate += (after.count - before.count) / after.at.duration_since(before.at).as_secs_f64();
    }
    Ok(rate)
}

fn secs(secs: u32) -> Duration {
    Duration::from_secs(secs.into())
}

/// What a server had done at a moment.
struct Commands {
    count: f64,
    at: Instant,
}

fn commands(url: &str) -> Result<Commands> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(stream, "GET /health HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    let count = commands_in(&text).context("`/health` does not tell what was done")?;
    Ok(Commands { count, at: Instant::now() })
}

fn commands_in(answer: &str) -> Option<f64> {
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let health: Value = serde_json::from_str(body).ok()?;
    health["committer"]["commands"].as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_the_answer() {
        let answer =
            "HTTP/1.0 200 OK\r\na: b\r\n\r\n{\"committer\":{\"batches\":1,\"commands\":7}}";
        assert_eq!(commands_in(answer), Some(7.0));
        assert_eq!(commands_in("HTTP/1.0 200 OK\r\n\r\n{}"), None);
    }
}
