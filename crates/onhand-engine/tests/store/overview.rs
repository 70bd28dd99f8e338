//! Questions of people who look at the whole: what was ordered in a span of time, and what happened
//! last.

use onhand_core::events::Subject;
use onhand_core::orders::{self, Order};
use onhand_core::{Actor, Command, Timestamp};
use onhand_engine::query::{EventRow, LogFilter};

use crate::backend::Backend;
use crate::world::{World, code, place};

/// Orders in each part, and which are in a sample of so many.
async fn traded<B: Backend>(
    world: &World<B>,
    bounds: &[Timestamp],
    most: usize,
) -> (Vec<u64>, Vec<i64>) {
    let trade = world.reader.0.trade(bounds.to_vec(), most).await.unwrap();
    (trade.placed, trade.sample.iter().map(|order| order.id.number()).collect())
}

pub(crate) async fn orders_are_counted_and_sampled_by_when_they_were_placed<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let mut placed: Vec<Timestamp> = Vec::new();
    for secs in [0, 10, 0, 5, 0, 0, 30] {
        world.clock.advance_secs(secs);
        // What is refused takes no number.
        assert_eq!(code(&world.ask(place(&[("tea", 101)])).await), "insufficient_stock");
        let order = world.placed(&[("tea", 1)], None).await;
        placed.push(order.created_at);
    }
    let at = |index: usize| placed[index];
    let end = Timestamp::MAX;
    let all = (1..=7).collect::<Vec<_>>();
    for (bounds, most, wanted) in [
        (vec![], 9, (vec![], vec![])),
        (vec![at(0)], 9, (vec![], vec![])),
        (vec![Timestamp::MIN, end], 9, (vec![7], all.clone())),
        (vec![at(0), at(1), at(3), at(6), end], 9, (vec![1, 2, 3, 1], all.clone())),
        (vec![at(1), at(6)], 9, (vec![5], vec![2, 3, 4, 5, 6])),
        (vec![at(6), at(6), end], 9, (vec![0, 1], vec![7])),
        (vec![end, end], 9, (vec![0], vec![])),
        (vec![Timestamp::MIN, end], 7, (vec![7], all)),
        (vec![Timestamp::MIN, end], 3, (vec![7], vec![1, 3, 5])),
        (vec![Timestamp::MIN, end], 1, (vec![7], vec![1])),
        (vec![Timestamp::MIN, end], 0, (vec![7], vec![])),
    ] {
        assert_eq!(traded(&world, &bounds, most).await, wanted, "{bounds:?} {most}");
    }
    world.close().await;
}

/// The whole log as a filter shows it, page by page.
async fn logged<B: Backend>(world: &World<B>, filter: &LogFilter, rows: usize) -> Vec<EventRow> {
    let (mut events, mut before) = (Vec::new(), None);
    loop {
        let page = world.reader.0.log(filter.clone(), before, rows).await.unwrap();
        assert!(page.rows.len() <= rows, "a page of {} rows, not of {rows}", page.rows.len());
        events.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return events;
        }
    }
}

pub(crate) async fn the_log_is_read_backwards_as_the_filter_says<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100), ("cup", 100)]).await;
    let mut placed: Vec<std::sync::Arc<Order>> = Vec::new();
    for _ in 0..3 {
        placed.push(world.placed(&[("tea", 1), ("cup", 1)], Some(60)).await);
    }
    let cancel = orders::Command::Cancel { id: placed[1].id, expected_version: None, reason: None };
    assert_eq!(code(&world.ask(Command::Orders(cancel)).await), "ok");
    let mut all = world.reader.0.events(0, Vec::new(), 200).await.unwrap().rows;
    all.reverse();
    let about = Subject::Order(placed[1].id);
    let kinds = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>();
    let actor = all[0].actor.clone();
    for filter in [
        LogFilter::default(),
        LogFilter { kinds: kinds(&["order.placed"]), ..LogFilter::default() },
        LogFilter { kinds: kinds(&["order.placed", "order.cancelled"]), ..LogFilter::default() },
        LogFilter { subject: Some(about), ..LogFilter::default() },
        LogFilter { subject: Some(about), kinds: kinds(&["order.cancelled"]), actor: None },
        LogFilter { subject: Some(about), kinds: kinds(&["stock.adjusted"]), actor: None },
        LogFilter { actor: Some(actor), ..LogFilter::default() },
        LogFilter { actor: Some(Actor::Other("nobody".into())), ..LogFilter::default() },
    ] {
        let lets_in = |event: &&EventRow| {
            (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                && filter.actor.as_ref().is_none_or(|actor| *actor == event.actor)
                && filter.subject.is_none_or(|subject| event.body.subject() == Some(subject))
        };
        let wanted: Vec<_> = all.iter().filter(lets_in).map(|event| event.seq).collect();
        for rows in [1, 2, 200] {
            let found = logged(&world, &filter, rows).await;
            let found: Vec<_> = found.iter().map(|event| event.seq).collect();
            assert_eq!(found, wanted, "{filter:?}");
        }
    }
    world.close().await;
}
