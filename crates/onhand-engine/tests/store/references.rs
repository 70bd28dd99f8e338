//! What a reference of the caller's holds: found by reference and product, the oldest hold first,
//! and given back by parts of several holds, all of them or none.

use std::sync::Arc;

use onhand_core::command::Reply;
use onhand_core::ids::ReservationId;
use onhand_core::inventory::{self, HoldItem};
use onhand_core::text::Reference;
use onhand_core::{Actor, Command};
use onhand_engine::limits::HOLDS_OF_REFERENCE_MAX;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::world::{World, code, codes, key, sku, units};

const HOLD_SECS: i64 = 60;

/// Holds units of one product each.
fn hold(items: &[(&str, i64)], reference: Option<&str>) -> Command {
    let item = |(name, count): &(&str, i64)| HoldItem {
        product: sku(name),
        quantity: units(*count),
        location_id: None,
    };
    Command::Inventory(inventory::Command::Hold {
        items: items.iter().map(item).collect(),
        reference: reference.map(|name| Reference::new(name).unwrap()),
        hold_secs: HOLD_SECS,
    })
}

fn id(number: i64) -> ReservationId {
    ReservationId::new(number).unwrap()
}

/// Gives back so many units of each of these holds.
fn give_back(parts: &[(i64, i64)]) -> Command {
    let parts = parts.iter().map(|(number, count)| (id(*number), units(*count))).collect();
    Command::Inventory(inventory::Command::ReleaseMany { parts })
}

impl<B: Backend> World<B> {
    /// The holds of a reference, each with what it still has, and the number of the newest there
    /// ever was.
    async fn held(&self, reference: &str, product: &str) -> (Vec<(i64, i64)>, i64) {
        let reference = Reference::new(reference).unwrap();
        let found = self.reader.0.holds_of_reference(reference, sku(product)).await.unwrap();
        let found = found.unwrap();
        let product = self.reader.0.product(sku(product)).await.unwrap().unwrap();
        assert_eq!(found.product_id, product.id);
        let open = found.open.iter().map(|hold| (hold.id.number(), hold.open())).collect();
        (open, found.newest)
    }
}

pub(crate) async fn what_a_reference_holds_is_found_by_it_and_by_its_product<B: Backend>() {
    let world = World::<B>::with(&[("tea", 50), ("cup", 50)]).await;
    for (items, reference) in [
        (&[("tea", 3)][..], Some("o1")),
        (&[("cup", 4), ("tea", 2)], Some("o1")),
        (&[("tea", 5)], Some("o2")),
        (&[("tea", 6)], None),
    ] {
        world.done(hold(items, reference)).await;
    }
    // What an order holds is nobody's to give back but the order's.
    world.placed(&[("tea", 7)], Some(HOLD_SECS)).await;
    let world = world.reopened().await;
    assert_eq!(world.held("o1", "tea").await, (vec![(1, 3), (3, 2)], 3));
    assert_eq!(world.held("o1", "cup").await, (vec![(2, 4)], 2));
    assert_eq!(world.held("o2", "tea").await, (vec![(4, 5)], 4));
    assert_eq!(world.held("o2", "cup").await, (vec![], 0));
    assert_eq!(world.held("o", "tea").await, (vec![], 0));
    let reference = Reference::new("o1").unwrap();
    assert!(world.reader.0.holds_of_reference(reference, sku("pot")).await.unwrap().is_none());
    // However one of them ended, it was there.
    world.done(give_back(&[(1, 1)])).await;
    let consume = inventory::Command::Consume { id: id(3), quantity: Some(units(1)) };
    world.done(Command::Inventory(consume)).await;
    assert_eq!(world.held("o1", "tea").await, (vec![(1, 2), (3, 1)], 3));
    let consume = inventory::Command::Consume { id: id(3), quantity: None };
    world.done(Command::Inventory(consume)).await;
    world.done(give_back(&[(2, 4)])).await;
    assert_eq!(world.held("o1", "tea").await, (vec![(1, 2)], 3));
    assert_eq!(world.held("o1", "cup").await, (vec![], 2));
    // What has run out is told until it is tidied up: who asks looks at the clock.
    world.clock.advance_secs(HOLD_SECS);
    assert_eq!(world.held("o2", "tea").await, (vec![(4, 5)], 4));
    world.done(Command::Inventory(inventory::Command::ExpireDue { most: 100 })).await;
    assert_eq!(world.held("o2", "tea").await, (vec![], 4));
    assert_eq!(world.held("o1", "tea").await, (vec![], 3));
    assert_eq!(world.figures("tea").await, (48, 0, 48));
    world.close().await;
}

pub(crate) async fn of_very_many_holds_of_a_reference_the_oldest_are_told<B: Backend>() {
    let most = i64::try_from(HOLDS_OF_REFERENCE_MAX).unwrap();
    let world = World::<B>::with(&[("tea", 2 * most)]).await;
    for batch in 0..2 {
        let holds = (0..most / 2 + 1).map(|_| (hold(&[("tea", 1)], Some("o1")), None)).collect();
        let answers = world.in_one_batch(|_| {}, holds).await;
        assert!(answers.iter().all(|answer| code(answer) == "ok"), "{batch}");
    }
    let wanted = (1..=most).map(|number| (number, 1)).collect::<Vec<_>>();
    assert_eq!(world.held("o1", "tea").await, (wanted, most + 2));
    world.close().await;
}

pub(crate) async fn parts_of_holds_are_given_back_all_or_none<B: Backend>() {
    let world = World::<B>::with(&[("tea", 20), ("cup", 5)]).await;
    world.done(hold(&[("tea", 3)], Some("o1"))).await;
    world.done(hold(&[("tea", 2), ("cup", 4)], Some("o1"))).await;
    world.placed(&[("tea", 1)], Some(HOLD_SECS)).await;
    let figures = async || (world.figures("tea").await.1, world.figures("cup").await.1);
    for (parts, wanted, reserved) in [
        // One of them cannot, so that none does.
        (&[(1, 3), (2, 3)][..], "more_than_held", (6, 4)),
        (&[(3, 1), (1, 4)], "more_than_held", (6, 4)),
        (&[(1, 1), (99, 1)], "unknown_reservation", (6, 4)),
        (&[(1, 1), (4, 1)], "reservation_of_order", (6, 4)),
        (&[(1, 2), (1, 2)], "more_than_held", (6, 4)),
        // Of two products at once, and of one hold twice.
        (&[(1, 1), (3, 2), (2, 1)], "ok", (4, 2)),
        (&[(1, 1), (1, 1)], "ok", (2, 2)),
        (&[(1, 1)], "reservation_ended", (2, 2)),
        (&[(2, 1), (1, 1)], "reservation_ended", (2, 2)),
    ] {
        assert_eq!(code(&world.ask(give_back(parts)).await), wanted, "{parts:?}");
        assert_eq!(figures().await, reserved, "{parts:?}");
    }
    // Two in one batch: the second finds what the first has left; a refusal leaves it untouched.
    let asked = [&[(2, 1)][..], &[(2, 1)], &[(3, 3)], &[(3, 2)]];
    let asked = asked.map(|parts| (give_back(parts), None)).into();
    let answers = world.in_one_batch(|_| {}, asked).await;
    assert_eq!(codes(&answers), ["ok", "reservation_ended", "more_than_held", "ok"]);
    assert_eq!(figures().await, (1, 0));
    world.clock.advance_secs(HOLD_SECS);
    world.done(hold(&[("tea", 1)], Some("o2"))).await;
    world.clock.advance_secs(HOLD_SECS);
    assert_eq!(code(&world.ask(give_back(&[(5, 1)])).await), "reservation_expired");
    world.close().await;
}

pub(crate) async fn one_key_gives_back_once_also_after_a_restart<B: Backend>() {
    let world = World::<B>::with(&[("tea", 9)]).await;
    world.done(hold(&[("tea", 4)], Some("o1"))).await;
    let first = world.ask_once(give_back(&[(1, 1)]), key(1)).await.unwrap();
    let Ok(Reply::Reservations(views)) = &first.outcome else { panic!("{first:?}") };
    assert_eq!(views[0].reservation.open(), 3);
    let world = world.reopened().await;
    let again = world.ask_once(give_back(&[(1, 1)]), key(1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.outcome, first.outcome);
    assert_eq!(world.figures("tea").await, (9, 3, 6));
    world.close().await;
}

pub(crate) async fn sixty_four_at_once_give_back_what_is_held_and_no_more<B: Backend>() {
    let world = World::<B>::with(&[("tea", 50)]).await;
    world.done(hold(&[("tea", 10)], Some("o1"))).await;
    world.done(hold(&[("tea", 20)], Some("o1"))).await;
    world.done(hold(&[("tea", 5)], Some("o2"))).await;
    let barrier = Arc::new(Barrier::new(64));
    let mut asked = JoinSet::new();
    for _ in 0..64 {
        let (submit, barrier) = (world.submit.clone(), barrier.clone());
        asked.spawn(async move {
            barrier.wait().await;
            submit.submit(give_back(&[(1, 1), (2, 2)]), Actor::Local, None).await
        });
    }
    let answers = asked.join_all().await;
    assert_eq!(answers.iter().filter(|answer| code(answer) == "ok").count(), 10);
    assert_eq!(world.held("o1", "tea").await, (vec![], 2));
    assert_eq!(world.held("o2", "tea").await, (vec![(3, 5)], 3));
    assert_eq!(world.figures("tea").await, (50, 5, 45));
    world.close().await;
}
