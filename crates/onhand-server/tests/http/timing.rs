//! How long a login takes says nothing about whether there is such an account, and how long a
//! registration takes nothing about whether the address is taken. The two kinds are timed in turns,
//! in random order, and compared by ranks (Mann-Whitney): what disturbs one disturbs the other.
//!
//! The test fails when twice in a row the ranks are so uneven that chance alone does it once in a
//! hundred times: one false alarm in ten thousand runs. A difference of a fifth of the spread of
//! the samples is found in one run of five, one of half of it in practically all, and a comparison
//! that is left out, which is many times the spread, always.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::Method;
use onhand_core::accounts::Role;
use onhand_server::random::{Random, fresh_seed};
use serde_json::json;
use tokio::task::JoinSet;

use crate::guessing::{PASSWORD, behind_a_proxy, hash, log_in};
use crate::people::register;
use crate::world::{Reply, World};

/// Samples of each kind.
const SAMPLES: u32 = 300;
/// Fewer than strangers may fail at before an account counts as attacked.
const TRIES_PER_ACCOUNT: u32 = 10;
/// The deviation that chance alone exceeds, to either side, once in a hundred times.
const DEVIATIONS_MAX: f64 = 2.576;

/// How far the ranks of the first kind are from what chance gives, in standard deviations.
fn deviations(first: &[Duration], second: &[Duration]) -> f64 {
    let mut all: Vec<_> = first.iter().map(|time| (*time, true)).collect();
    all.extend(second.iter().map(|time| (*time, false)));
    all.sort();
    let ranks = (1_u32..).zip(&all).filter(|(_, (_, is_first))| *is_first);
    let sum: f64 = ranks.map(|(rank, _)| f64::from(rank)).sum();
    let [n, m] = [first, second].map(|kind| f64::from(u32::try_from(kind.len()).unwrap()));
    let u = sum - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// Where a sample comes from: nobody is made to wait.
fn address(round: u32, sample: u32) -> String {
    format!("10.{round}.{}.{}", sample / 250, sample % 250)
}

async fn timed(world: &World, router: &Router, email: &str, from: &str) -> Duration {
    let begun = Instant::now();
    let reply = log_in(world, router, (email, "wrong guess"), from).await;
    let time = begun.elapsed();
    assert_eq!(reply.status, 401, "{}", reply.body);
    time
}

async fn round(world: &World, router: &Router, number: u32, random: &mut Random) -> f64 {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        let account = sample / TRIES_PER_ACCOUNT;
        // One that is there, one that is not, and the same length of both.
        let kinds = [("known", 2 * number), ("other", 2 * number + 1)];
        let first = random.index(2);
        for (kind, net) in [kinds[first], kinds[1 - first]] {
            let email = format!("{kind}-{number}-{account}@shop.example");
            let time = timed(world, router, &email, &address(net, sample)).await;
            if kind == "known" { known.push(time) } else { unknown.push(time) }
        }
    }
    deviations(&known, &unknown)
}

#[tokio::test]
async fn a_login_takes_as_long_whether_there_is_an_account_or_not() {
    let world = World::new().await;
    let router = behind_a_proxy(&world);
    let hash = hash();
    for number in 0..2 {
        for account in 0..SAMPLES.div_ceil(TRIES_PER_ACCOUNT) {
            let email = format!("known-{number}-{account}@shop.example");
            register(&world, &email, (Role::Customer, None), hash.clone()).await;
        }
    }
    let seed = fresh_seed();
    let mut random = Random::seeded(seed);
    let mut found = Vec::new();
    for number in 0..2 {
        let deviations = round(&world, &router, number, &mut random).await;
        if deviations.abs() < DEVIATIONS_MAX {
            return;
        }
        found.push(deviations);
    }
    panic!("known accounts differ by {found:?} standard deviations of their ranks (seed {seed})");
}

/// Registrations at the same time: each waits for most of the time that it takes.
const LANES: u32 = 15;

async fn sign_up(world: &World, router: &Router, email: &str, from: &str) -> Reply {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    world.knock_at(router, Method::POST, "/v1/auth/register", &headers, body).await
}

/// The times of addresses that are taken, and of those that are not.
type Times = (Vec<Duration>, Vec<Duration>);

async fn lane(world: Arc<World>, router: Router, name: String, mut random: Random) -> Times {
    let (mut taken, mut free) = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES / LANES {
        let kinds = [format!("taken@{name}.example"), format!("free-{sample}@{name}.example")];
        let first = random.index(2);
        for at in [first, 1 - first] {
            let from = format!("2001:db8:{at}:{}::1", random.below(1 << 16));
            let begun = Instant::now();
            let reply = sign_up(&world, &router, &kinds[at], &from).await;
            let time = begun.elapsed();
            assert_eq!(reply.status, 202, "{}", reply.body);
            if at == 0 { taken.push(time) } else { free.push(time) }
        }
    }
    (taken, free)
}

#[tokio::test]
async fn registering_takes_as_long_whether_the_address_is_taken_or_not() {
    let world = Arc::new(World::new().await);
    let router = behind_a_proxy(&world);
    let seed = fresh_seed();
    let mut random = Random::seeded(seed);
    let mut found = Vec::new();
    for number in 0..2 {
        let mut lanes = JoinSet::new();
        for at in 0..LANES {
            let name = format!("lane-{number}-{at}");
            let email = format!("taken@{name}.example");
            register(&world, &email, (Role::Customer, None), hash()).await;
            lanes.spawn(lane(world.clone(), router.clone(), name, random.fork()));
        }
        let (mut taken, mut free) = (Vec::new(), Vec::new());
        for times in lanes.join_all().await {
            taken.extend(times.0);
            free.extend(times.1);
        }
        let deviations = deviations(&taken, &free);
        if deviations.abs() < DEVIATIONS_MAX {
            return;
        }
        found.push(deviations);
    }
    panic!("addresses that are taken differ by {found:?} standard deviations (seed {seed})");
}

#[test]
fn the_ranks_tell_a_difference_from_none() {
    let times = |offset: u64| -> Vec<_> {
        (0..300).map(|at| Duration::from_micros(1_000 + (at * 7_919) % 1_009 + offset)).collect()
    };
    let shifted = |offset| deviations(&times(offset), &times(0));
    assert!(shifted(0).abs() < 0.1, "{}", shifted(0));
    assert!(shifted(200) > DEVIATIONS_MAX, "{}", shifted(200));
    assert!(deviations(&times(0), &times(200)) < -DEVIATIONS_MAX);
}
