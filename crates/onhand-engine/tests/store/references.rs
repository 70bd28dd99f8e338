//! What a reference of the caller's holds: it holds once, and gives back of its oldest hold first,
//! all that it is asked for or nothing.

use onhand_core::catalog::ProductRef;
use onhand_core::command::Reply;
use onhand_core::ids::{ProductId, ReservationId};
use onhand_core::inventory::{self, HoldItem};
use onhand_core::text::Reference;
use onhand_core::{Actor, Command};
use onhand_engine::limits::HOLDS_OF_REFERENCE_MAX;

use crate::backend::Backend;
use crate::world::{World, code, codes, key, sku, units};

const HOLD_SECS: i64 = 60;

fn reference(name: &str) -> Reference {
    Reference::new(name).unwrap()
}

fn item(product: ProductRef, count: i64) -> HoldItem {
    HoldItem { product, quantity: units(count), location_id: None }
}

/// Holds units, however often it is asked for.
fn hold(name: &str, count: i64, holder: &str) -> Command {
    Command::Inventory(inventory::Command::Hold {
        items: vec![item(sku(name), count)],
        reference: Some(reference(holder)),
        hold_secs: HOLD_SECS,
    })
}

fn once(name: &str, count: i64, holder: &str) -> Command {
    Command::Inventory(inventory::Command::HoldOnce {
        item: item(sku(name), count),
        reference: reference(holder),
        hold_secs: HOLD_SECS,
    })
}

fn give_back(name: &str, count: i64, holder: &str) -> Command {
    Command::Inventory(inventory::Command::ReleaseOf {
        reference: reference(holder),
        product: sku(name),
        quantity: units(count),
    })
}

/// What reservations a reply names, each with what it still has.
fn holds(reply: &Reply) -> Vec<(i64, i64)> {
    let Reply::Reservations(views) = reply else { panic!("{reply:?}") };
    views.iter().map(|view| (view.reservation.id.number(), view.reservation.open())).collect()
}

impl<B: Backend> World<B> {
    async fn held(&self, command: Command) -> Vec<(i64, i64)> {
        holds(&self.ask(command).await.unwrap().outcome.unwrap())
    }
}

pub(crate) async fn a_reference_holds_once_until_it_has_nothing_left<B: Backend>() {
    let world = World::<B>::with(&[("tea", 50), ("cup", 50)]).await;
    for (name, count, holder, wanted) in [
        ("tea", 3, "o1", vec![(1, 3)]),
        ("tea", 3, "o1", vec![(1, 3)]),
        // Another product, another reference.
        ("cup", 4, "o1", vec![(2, 4)]),
        ("tea", 5, "o2", vec![(3, 5)]),
        ("tea", 3, "o", vec![(4, 3)]),
        ("tea", 3, "o1", vec![(1, 3)]),
    ] {
        assert_eq!(world.held(once(name, count, holder)).await, wanted, "{holder} {name}");
    }
    for (name, count, wanted) in
        [("tea", 4, "holds_already"), ("cup", 3, "holds_already"), ("pot", 3, "unknown_sku")]
    {
        assert_eq!(code(&world.ask(once(name, count, "o1")).await), wanted, "{count} {name}");
    }
    // What an order holds, it holds for no reference.
    world.placed(&[("tea", 7)], Some(HOLD_SECS)).await;
    let world = world.reopened().await;
    assert_eq!(world.held(once("tea", 3, "o1")).await, [(1, 3)]);
    let by_id = Command::Inventory(inventory::Command::HoldOnce {
        item: item(ProductRef::Id(ProductId::new(1).unwrap()), 3),
        reference: reference("o1"),
        hold_secs: HOLD_SECS,
    });
    assert_eq!(world.held(by_id).await, [(1, 3)]);
    // Of what it was promised a part is back or has left: the promise is the same one.
    world.done(give_back("tea", 1, "o1")).await;
    assert_eq!(world.held(once("tea", 3, "o1")).await, [(1, 2)]);
    let consume = |quantity| {
        let id = ReservationId::new(1).unwrap();
        Command::Inventory(inventory::Command::Consume { id, quantity })
    };
    world.done(consume(Some(units(1)))).await;
    assert_eq!(code(&world.ask(once("tea", 1, "o1")).await), "holds_already");
    // However it has ended, it may hold again.
    world.done(consume(None)).await;
    assert_eq!(world.held(once("tea", 6, "o1")).await, [(6, 6)]);
    world.done(give_back("tea", 6, "o1")).await;
    assert_eq!(world.held(once("tea", 2, "o1")).await, [(7, 2)]);
    world.clock.advance_secs(HOLD_SECS);
    // It has run out, whether it was tidied up or not.
    assert_eq!(code(&world.ask(give_back("cup", 1, "o1")).await), "holds_less");
    assert_eq!(world.held(once("tea", 2, "o1")).await, [(8, 2)]);
    world.done(Command::Inventory(inventory::Command::ExpireDue { most: 100 })).await;
    assert_eq!(world.held(once("tea", 2, "o1")).await, [(8, 2)]);
    assert_eq!(world.figures("tea").await, (48, 2, 46));
    // What was held by the way that asks nothing counts like any other.
    world.done(hold("cup", 2, "o3")).await;
    world.done(hold("cup", 1, "o3")).await;
    assert_eq!(world.held(once("cup", 3, "o3")).await, [(9, 2), (10, 1)]);
    assert_eq!(code(&world.ask(once("cup", 2, "o3")).await), "holds_already");
    assert_eq!(code(&world.ask(once("tea", 47, "o4")).await), "insufficient_stock");
    world.close().await;
}

pub(crate) async fn within_one_batch_a_reference_holds_once<B: Backend>() {
    let world = World::<B>::with(&[("tea", 9)]).await;
    let asked = [
        once("tea", 3, "o1"),
        once("tea", 3, "o1"),
        once("tea", 4, "o1"),
        once("tea", 7, "o2"),
        once("tea", 2, "o2"),
        give_back("tea", 2, "o1"),
        give_back("tea", 2, "o1"),
        give_back("tea", 1, "o1"),
        once("tea", 4, "o1"),
        hold("tea", 1, "o3"),
        give_back("tea", 1, "o3"),
    ];
    let asked = asked.map(|command| (command, None)).into();
    let answers = world.in_one_batch(|_| {}, asked).await;
    let wanted = [
        "ok",
        "ok",
        "holds_already",
        "insufficient_stock",
        "ok",
        "ok",
        "holds_less",
        "ok",
        "ok",
        "ok",
        "ok",
    ];
    assert_eq!(codes(&answers), wanted);
    assert_eq!(world.figures("tea").await, (9, 6, 3));
    world.close().await;
}

pub(crate) async fn a_reference_gives_back_of_its_oldest_hold_first_all_or_none<B: Backend>() {
    let world = World::<B>::with(&[("tea", 20), ("cup", 5)]).await;
    world.done(hold("tea", 3, "o1")).await;
    world.done(hold("tea", 2, "o1")).await;
    world.done(hold("cup", 4, "o1")).await;
    world.done(hold("tea", 1, "o2")).await;
    world.placed(&[("tea", 1)], Some(HOLD_SECS)).await;
    for (name, count, holder, wanted) in [
        ("tea", 6, "o1", "holds_less"),
        ("cup", 5, "o1", "holds_less"),
        ("cup", 1, "o2", "holds_less"),
        ("tea", 1, "o3", "holds_less"),
        ("pot", 1, "o1", "unknown_sku"),
    ] {
        assert_eq!(code(&world.ask(give_back(name, count, holder)).await), wanted, "{count}");
        let figures = (world.figures("tea").await.1, world.figures("cup").await.1);
        assert_eq!(figures, (7, 4), "{count} {name} of {holder}");
    }
    assert_eq!(world.held(give_back("tea", 2, "o1")).await, [(1, 1)]);
    assert_eq!(world.held(give_back("tea", 2, "o1")).await, [(1, 0), (2, 1)]);
    assert_eq!(code(&world.ask(give_back("tea", 2, "o1")).await), "holds_less");
    assert_eq!(world.held(give_back("tea", 1, "o1")).await, [(2, 0)]);
    assert_eq!(world.held(give_back("cup", 4, "o1")).await, [(3, 0)]);
    assert_eq!((world.figures("tea").await.1, world.figures("cup").await.1), (2, 0));
    world.close().await;
}

pub(crate) async fn of_very_many_holds_of_a_reference_the_oldest_are_looked_at<B: Backend>() {
    let most = i64::try_from(HOLDS_OF_REFERENCE_MAX).unwrap();
    let world = World::<B>::with(&[("tea", 2 * most)]).await;
    for batch in 0..2 {
        let holds = (0..most / 2 + 1).map(|_| (hold("tea", 1, "o1"), None)).collect();
        let answers = world.in_one_batch(|_| {}, holds).await;
        assert!(answers.iter().all(|answer| code(answer) == "ok"), "{batch}");
    }
    assert_eq!(code(&world.ask(give_back("tea", most + 1, "o1")).await), "holds_less");
    let wanted = (1..=most).map(|number| (number, 0)).collect::<Vec<_>>();
    assert_eq!(world.held(give_back("tea", most, "o1")).await, wanted);
    assert_eq!(world.held(give_back("tea", 2, "o1")).await, [(most + 1, 0), (most + 2, 0)]);
    world.close().await;
}

pub(crate) async fn one_key_gives_back_once_also_after_a_restart<B: Backend>() {
    let world = World::<B>::with(&[("tea", 9)]).await;
    let first = world.ask_once(once("tea", 4, "o1"), key(1)).await.unwrap();
    // Nothing came of this one, and it has an answer of its own.
    let repeat = world.ask_once(once("tea", 4, "o1"), key(2)).await.unwrap();
    let back = world.ask_once(give_back("tea", 1, "o1"), key(3)).await.unwrap();
    assert_eq!(holds(back.outcome.as_ref().unwrap()), [(1, 3)]);
    let world = world.reopened().await;
    for (command, number, wanted) in [
        (once("tea", 4, "o1"), 1, first),
        (once("tea", 4, "o1"), 2, repeat),
        (give_back("tea", 1, "o1"), 3, back),
    ] {
        let again = world.ask_once(command, key(number)).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.outcome, wanted.outcome);
    }
    assert_eq!(world.figures("tea").await, (9, 3, 6));
    world.close().await;
}

pub(crate) async fn sixty_four_at_once_hold_once_and_give_back_what_is_held<B: Backend>() {
    let world = World::<B>::with(&[("tea", 50)]).await;
    let at_once = async |command: fn(usize) -> Command| {
        let answers = world.at_once(Actor::Local, (0..64).map(command).collect()).await;
        answers.iter().filter(|answer| code(answer) == "ok").count()
    };
    assert_eq!(at_once(|number| once("tea", 15, ["o1", "o2"][number % 2])).await, 64);
    assert_eq!(world.figures("tea").await, (50, 30, 20));
    assert_eq!(at_once(|_| give_back("tea", 2, "o1")).await, 7);
    assert_eq!(world.figures("tea").await, (50, 16, 34));
    let held = world.held(give_back("tea", 1, "o1")).await;
    assert!(matches!(held[..], [(_, 0)]), "{held:?}");
    world.close().await;
}
