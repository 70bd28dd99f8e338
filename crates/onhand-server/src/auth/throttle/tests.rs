//! Attacks on accounts, at any speed, and their owners beside them.

use super::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;

const START: i64 = 1_790_000_000;
const DAY: i64 = 24 * 60 * 60;
const OWNER: &str = "ann@shop.example";

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(START + secs).unwrap()
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
}

fn home() -> IpAddr {
    "2001:db8:1:2::3".parse().unwrap()
}

/// Each of so many addresses tries the owner's account as soon as it may. When each guess was made.
fn attack(throttle: &Throttle, addresses: u32, secs: i64, guesses_max: usize) -> Vec<i64> {
    let mut next: BinaryHeap<Reverse<(i64, u32)>> =
        (0..addresses).map(|number| Reverse((0, number))).collect();
    let mut guesses = Vec::new();
    while let Some(Reverse((time, number))) = next.pop() {
        if time > secs || guesses.len() >= guesses_max {
            break;
        }
        match throttle.begin(OWNER, address(number), at(time)) {
            Ok(_wrong) => {
                guesses.push(time);
                next.push(Reverse((time, number)));
            }
            Err(Wait { secs }) => next.push(Reverse((time + i64::from(secs), number))),
        }
    }
    guesses
}

/// How long somebody with the right password waits in all, doing what they are told.
fn login_secs(throttle: &Throttle, from: IpAddr, start: i64) -> i64 {
    let mut time = start;
    loop {
        match throttle.begin(OWNER, from, at(time)) {
            Ok(attempt) => {
                throttle.succeeded(attempt, at(time));
                return time - start;
            }
            Err(Wait { secs }) => time += i64::from(secs),
        }
    }
}

#[test]
fn ten_thousand_guesses_take_longer_than_a_day() {
    for (addresses, in_an_hour, in_a_day) in [(1, 20, 20), (10, 60, 80), (1_000, 3_020, 6_030)] {
        let throttle = Throttle::new();
        let guesses = attack(&throttle, addresses, DAY, 10_000);
        let early = guesses.iter().filter(|time| **time <= 3_600).count();
        assert!(early <= in_an_hour, "{addresses} addresses: {early} guesses in an hour");
        assert!(guesses.len() <= in_a_day, "{addresses} addresses: {} in a day", guesses.len());
        // And the throttle is no wall: whoever may try tries.
        assert!(guesses.len() * 2 > in_a_day, "{addresses} addresses: {} in a day", guesses.len());
    }
}

#[test]
fn the_owner_gets_in_whatever_the_attack() {
    for addresses in [1, 10, 1_000] {
        let throttle = Throttle::new();
        assert_eq!(login_secs(&throttle, home(), -DAY), 0);
        attack(&throttle, addresses, 7_200, 10_000);
        assert_eq!(login_secs(&throttle, home(), 7_200), 0, "{addresses}: from home");
        // Another address of the same network.
        let at_home = "2001:db8:1:2:9::9".parse().unwrap();
        assert_eq!(login_secs(&throttle, at_home, 7_200), 0, "{addresses}: from home");
        let abroad = "198.51.100.1".parse().unwrap();
        let waited = login_secs(&throttle, abroad, 7_200);
        assert!(waited <= THROTTLE_STRANGER_WAIT_SECS, "{addresses}: {waited} s from abroad");
        assert_eq!(login_secs(&throttle, abroad, 7_300), 0, "{addresses}: abroad, once known");
    }
}

#[test]
fn a_stranger_at_an_attacked_account_waits_just_so_long() {
    let throttle = Throttle::new();
    attack(&throttle, 1_000, 600, 10_000);
    let abroad = "198.51.100.1".parse().unwrap();
    assert_eq!(login_secs(&throttle, abroad, 600), THROTTLE_STRANGER_WAIT_SECS);
}

#[test]
fn waits_grow_and_end() {
    let throttle = Throttle::new();
    let mut time = 0;
    let mut waits = Vec::new();
    for _ in 0..12 {
        match throttle.begin(OWNER, home(), at(time)) {
            Ok(_wrong) => {}
            Err(Wait { secs }) => {
                waits.push(secs);
                time += i64::from(secs);
            }
        }
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    assert_eq!(login_secs(&throttle, home(), time), 0);
    for _ in 0..THROTTLE_PAIR_FREE {
        assert!(throttle.begin(OWNER, home(), at(time)).is_ok(), "after a success");
    }
}

#[test]
fn a_thousand_tries_at_the_same_moment_are_a_thousand_tries() {
    let throttle = Throttle::new();
    let begun = (0..1_000).filter(|_| throttle.begin(OWNER, home(), at(0)).is_ok()).count();
    assert_eq!(begun, usize::try_from(THROTTLE_PAIR_FREE).unwrap());
}

#[test]
fn an_address_that_fails_everywhere_waits_and_whoever_is_known_there_does_not() {
    let throttle = Throttle::new();
    assert_eq!(login_secs(&throttle, home(), 0), 0);
    let try_other = |number: u32, time| {
        throttle.begin(&format!("user{number}@shop.example"), home(), at(time)).map(|_| ())
    };
    let begun = (0..1_000).filter(|number| try_other(*number, 1).is_ok()).count();
    assert_eq!(begun, usize::try_from(THROTTLE_ADDRESS_FREE).unwrap());
    assert_eq!(login_secs(&throttle, home(), 1), 0);
    assert!(try_other(1_000, 1).is_err());
    assert_eq!(try_other(1_000, 2 + THROTTLE_FORGET_SECS), Ok(()));
}

#[test]
fn an_account_that_does_not_exist_is_treated_like_one_that_does() {
    let [real, missing] = [Throttle::new(), Throttle::new()];
    let outcome = |throttle: &Throttle, email: &str, number: u32, time: i64| {
        throttle.begin(email, address(number % 7), at(time)).map(|_| ())
    };
    for number in 0..500 {
        let time = i64::from(number) / 3;
        assert_eq!(
            outcome(&real, OWNER, number, time),
            outcome(&missing, "nobody@shop.example", number, time)
        );
    }
}

#[test]
fn spellings_of_one_address_are_one_account() {
    let throttle = Throttle::new();
    let spellings = [OWNER, " Ann@Shop.Example ", "ANN@SHOP.EXAMPLE"];
    let tries = (0..30).map(|number| spellings[number % 3]);
    let begun = tries.filter(|email| throttle.begin(email, home(), at(0)).is_ok()).count();
    assert_eq!(begun, usize::try_from(THROTTLE_PAIR_FREE).unwrap());
}

#[test]
fn a_try_that_was_not_compared_does_not_count() {
    let throttle = Throttle::new();
    for _ in 0..1_000 {
        let attempt = throttle.begin(OWNER, home(), at(0)).unwrap();
        throttle.withdraw(attempt);
    }
    let overlapping = throttle.begin(OWNER, home(), at(0)).unwrap();
    for _ in 1..THROTTLE_PAIR_FREE {
        let _wrong = throttle.begin(OWNER, home(), at(0)).unwrap();
    }
    assert!(throttle.begin(OWNER, home(), at(0)).is_err());
    throttle.withdraw(overlapping);
    let _wrong = throttle.begin(OWNER, home(), at(0)).unwrap();
    assert!(throttle.begin(OWNER, home(), at(0)).is_err());
}

#[test]
fn a_stranger_who_was_turned_away_by_others_need_not_wait_again() {
    let throttle = Throttle::new();
    attack(&throttle, 1_000, 600, 10_000);
    let abroad: IpAddr = "198.51.100.1".parse().unwrap();
    let wait = throttle.begin(OWNER, abroad, at(600)).unwrap_err();
    let free_at = 600 + i64::from(wait.secs);
    throttle.withdraw(throttle.begin(OWNER, abroad, at(free_at)).unwrap());
    assert_eq!(login_secs(&throttle, abroad, free_at + 2), 0);
}

#[test]
fn a_success_elsewhere_does_not_whitewash_an_address() {
    let throttle = Throttle::new();
    let mut guesses = 0;
    for number in 0..1_000 {
        let own = throttle.begin("eve@shop.example", home(), at(0));
        if let Ok(attempt) = own {
            throttle.succeeded(attempt, at(0));
        }
        let email = format!("user{number}@shop.example");
        guesses += u32::from(throttle.begin(&email, home(), at(0)).is_ok());
    }
    assert_eq!(guesses, THROTTLE_ADDRESS_FREE);
}
