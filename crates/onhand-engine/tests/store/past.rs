//! The past by two clocks: what was shown then never changes, what happened then is what is known
//! of it today, and neither costs more in a long ledger than in a short one.

use jiff::SignedDuration;
use onhand_core::inventory::{self, Count};
use onhand_core::text::Reason;
use onhand_core::{Command, Timestamp};
use onhand_engine::Clock;
use onhand_engine::query::{LedgerClock, Moment};

use crate::backend::Backend;
use crate::world::{World, code, sku};

fn after(start: Timestamp, secs: i64) -> Timestamp {
    start.checked_add(SignedDuration::from_secs(secs)).unwrap()
}

/// What was done to the stock of tea: units, when it happened and when it was recorded.
type Entry = (i64, Timestamp, Timestamp);

impl<B: Backend> World<B> {
    async fn on_hand(&self, at: Timestamp, clock: LedgerClock) -> i64 {
        let (on_hand, terms) = self.reader.explained(sku("tea"), Moment { at, clock }).await;
        assert_eq!(terms.iter().sum::<i64>(), on_hand, "{at} {clock:?}: {terms:?}");
        on_hand
    }

    /// Both clocks are what the entries say, at each of these instants.
    async fn expect_past(&self, entries: &[Entry], instants: &[Timestamp]) {
        let sum = |is_in: &dyn Fn(&Entry) -> bool| {
            entries.iter().filter(|entry| is_in(entry)).map(|(units, _, _)| units).sum::<i64>()
        };
        for at in instants {
            let occurred = sum(&|(_, occurred, _)| occurred <= at);
            let recorded = sum(&|(_, _, recorded)| recorded <= at);
            assert_eq!(self.on_hand(*at, LedgerClock::Occurred).await, occurred, "occurred {at}");
            assert_eq!(self.on_hand(*at, LedgerClock::Recorded).await, recorded, "recorded {at}");
        }
    }
}

/// Seconds from the beginning of a ledger at which one may ask.
const INSTANTS: [i64; 16] = [
    -YEAR * 71,
    -YEAR - 1,
    -YEAR,
    -3_601,
    -90,
    -1,
    0,
    1,
    63,
    64,
    100,
    120,
    149,
    151,
    180,
    YEAR * 500,
];
const YEAR: i64 = 86_400 * 365;

pub(crate) async fn late_entries_change_what_happened_and_never_what_was_shown<B: Backend>() {
    let world = World::<B>::with(&[("tea", 1_000)]).await;
    let start = world.clock.now();
    let mut entries: Vec<Entry> = vec![(1_000, start, start)];
    // Some are on time, some late by seconds to years, some a little ahead of the server's clock.
    let late = [0, 0, 1, 90, 0, 3_600, YEAR, -30, 0, YEAR * 70];
    for step in 0..150_i64 {
        world.clock.advance_secs(1);
        let now = world.clock.now();
        let secs = late[usize::try_from(step).unwrap() % late.len()];
        let (units, occurred) = (step % 7 - 3, after(now, -secs));
        let units = if units == 0 { 5 } else { units };
        let said = (secs != 0).then_some(occurred);
        assert_eq!(code(&world.adjust("tea", units, said).await), "ok");
        entries.push((units, if secs == 0 { now } else { occurred }, now));
    }
    let instants: Vec<Timestamp> = INSTANTS.map(|secs| after(start, secs)).into();
    world.expect_past(&entries, &instants).await;
    // To the microsecond.
    let (_, occurred, _) = entries[7];
    let just_before = occurred.checked_sub(SignedDuration::from_micros(1)).unwrap();
    world.expect_past(&entries, &[just_before, occurred]).await;
    let world = world.reopened().await;
    world.expect_past(&entries, &instants).await;
    world.close().await;
}

pub(crate) async fn a_count_of_long_ago_nets_all_that_came_since<B: Backend>() {
    let world = World::<B>::with(&[("tea", 1_000)]).await;
    let start = world.clock.now();
    for _ in 0..150 {
        world.clock.advance_secs(1);
        let late = after(world.clock.now(), -70);
        assert_eq!(code(&world.adjust("tea", -1, None).await), "ok");
        assert_eq!(code(&world.adjust("tea", 2, Some(late)).await), "ok");
    }
    let at = after(start, 40);
    let then = world.on_hand(at, LedgerClock::Occurred).await;
    assert_eq!(then, 1_000 - 40 + 2 * 110);
    let shown = world.on_hand(at, LedgerClock::Recorded).await;
    let count = Count {
        product: sku("tea"),
        location_id: None,
        counted: then + 11,
        change_from_quantity: None,
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at: Some(at),
    };
    // Twice in one batch: the second one finds what the first has found.
    let count = Command::Inventory(inventory::Command::Count(count));
    let twice = vec![(count.clone(), None), (count, None)];
    for answer in world.in_one_batch(|_| {}, twice).await {
        assert_eq!(code(&answer), "ok");
    }
    assert_eq!(world.figures("tea").await.0, 1_000 + 150 + 11);
    assert_eq!(world.on_hand(at, LedgerClock::Occurred).await, then + 11);
    assert_eq!(world.on_hand(at, LedgerClock::Recorded).await, shown, "never rewritten");
    world.close().await;
}
