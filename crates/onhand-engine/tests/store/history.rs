//! A sound database with every kind of history: what `verify` is put to the proof with, and what is
//! moved from one store to another.

use onhand_core::accounts::{Command as Account, Role, Standing};
use onhand_core::effects::{EffectState, Outcome};
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{self, LineQuantity, PlaceOrder};
use onhand_core::payments::{Call, Seen};
use onhand_core::{Command, inventory, payments};
use onhand_engine::Clock;
use onhand_engine::report::{LevelFigures, Rebuild};

use crate::accounts::{api_key, email, new_key, password, register, session, token, user};
use crate::amounts::place_amount;
use crate::backend::Backend;
use crate::imports::with_imports;
use crate::outbox::with_outbox;
use crate::paying::{LEASE_SECS, captured, message, place_paid, refunded, retry};
use crate::warehouse::with_warehouse;
use crate::world::{World, code, key, order, place, sku, units};

/// Products that have stock: two by hand, the others from a file.
pub(crate) const LEVELS: i64 = 10;
/// The order whose money went back.
const PAID_BACK: i64 = 7;

/// A sound database with every kind of history.
pub(crate) async fn history<B: Backend>() -> World<B> {
    let world = World::with(&[("tea", 50), ("cup", 20)]).await;
    let kept = world.placed(&[("tea", 3), ("cup", 1)], Some(60)).await;
    let confirm = orders::Command::Confirm { id: kept.id, expected_version: None };
    let line = LineQuantity { line: 1, quantity: units(1) };
    let fulfil = orders::Command::Fulfil {
        id: kept.id,
        expected_version: None,
        lines: Some(vec![line]),
        tracking: None,
    };
    let lost = world.placed(&[("cup", 2)], None).await;
    let cancel = orders::Command::Cancel { id: lost.id, expected_version: None, reason: None };
    for command in [confirm, fulfil, cancel] {
        assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
    }
    world.placed(&[("cup", 1)], Some(5)).await;
    world.clock.advance_secs(10);
    let item = inventory::HoldItem { product: sku("tea"), quantity: units(2), location_id: None };
    for command in [
        inventory::Command::ExpireDue { most: 10 },
        inventory::Command::Hold { items: vec![item], reference: None, hold_secs: 60 },
    ] {
        assert_eq!(code(&world.ask(Command::Inventory(command)).await), "ok");
    }
    assert_eq!(code(&world.ask_once(place(&[("tea", 1)]), key(1)).await), "ok");
    let item = inventory::HoldItem { product: sku("cup"), quantity: units(1), location_id: None };
    let hold = inventory::Command::Hold { items: vec![item], reference: None, hold_secs: 60 };
    assert_eq!(code(&world.ask_once(Command::Inventory(hold), key(2)).await), "ok");
    with_payments(&world).await;
    let mine = PlaceOrder { customer_id: CustomerId::new(1), ..order(&[("tea", 1)], None) };
    let mine = Command::Orders(orders::Command::Place(mine));
    assert_eq!(code(&world.ask(mine).await), "ok");
    let open = PlaceOrder { customer_id: CustomerId::new(1), ..order(&[("tea", 1)], Some(60)) };
    let open = Command::Orders(orders::Command::Place(open));
    assert_eq!(code(&world.ask(open).await), "ok");
    with_amounts(&world).await;
    with_accounts(&world).await;
    with_outbox(&world).await;
    with_warehouse(&world).await;
    with_imports(&world).await;
    world
}

/// Orders that are paid through a gateway: one that waits, one that is paid, one that was paid
/// after its end, one whose money went back, and one whose gateway does not answer; and a message
/// that nobody knows what to do with.
async fn with_payments<B: Backend>(world: &World<B>) {
    world.payable(&[("tea", 2)], "order_2").await;
    world.done(message("e2", 2, captured("order_2", 200))).await;
    world.payable(&[("cup", 1)], "order_3").await;
    world.payable(&[("cup", 2)], "order_4").await;
    world.done(message("e4", 4, captured("order_4", 200))).await;
    world.clock.advance_secs(601);
    world.done(Command::Inventory(inventory::Command::ExpireDue { most: 10 })).await;
    world.done(message("e3", 3, captured("order_3", 100))).await;
    let refund = payments::Command::Refund {
        order_id: OrderId::new(PAID_BACK).unwrap(),
        expected_version: None,
        amount: None,
        reason: None,
    };
    assert_eq!(code(&world.ask_once(Command::Payments(refund), key(3)).await), "ok");
    for task in world.leased(10).await {
        let is_refund = matches!(task.call, Call::Refund { .. });
        let seen = if is_refund { refunded("pay_4", 200) } else { Seen::default() };
        world.settled(&task, seen, Outcome::Done).await;
    }
    world.payable(&[("tea", 1)], "order_1").await;
    world.done(place_paid(&[("cup", 1)], 100_000)).await;
    while world.reader.0.effects(Some(EffectState::Dead), None, 1).await.unwrap().rows.is_empty() {
        for task in world.leased(10).await {
            let is_stuck = matches!(task.call, Call::CreateIntent { .. });
            let outcome = if is_stuck { retry() } else { Outcome::Done };
            world.settled(&task, Seen::default(), outcome).await;
        }
        world.clock.advance_secs(LEASE_SECS);
    }
    world.done(message("e9", 9, captured("order_9", 900))).await;
}

/// Orders over an amount that buys nothing: 12 waits for its payment, 13 is paid, and 14 was
/// cancelled.
async fn with_amounts<B: Backend>(world: &World<B>) {
    for _ in 0..3 {
        world.done(place_amount(500, Some(2))).await;
    }
    world.paid_over(13, 500).await;
    let id = OrderId::new(14).unwrap();
    let cancel = orders::Command::Cancel { id, expected_version: None, reason: None };
    world.done(Command::Orders(cancel)).await;
}

/// An admin; an operator who is in, with a session that ended and one that did not; a customer who
/// was disabled; a key that was used and one that was revoked.
async fn with_accounts<B: Backend>(world: &World<B>) {
    for (name, role) in [("ada", Role::Admin), ("otto", Role::Operator), ("cora", Role::Customer)] {
        world.account(register(email(name), role)).await;
    }
    let start = |number, shown| {
        let (user_id, token) = (user(number), token(shown));
        Account::StartSession { user_id, token, life_secs: 1_000 }
    };
    let scopes = "orders:read stock:read".parse().ok();
    let less = Standing { scopes, ..Standing::default() };
    let shut = Standing { disabled: Some(true), ..Standing::default() };
    let set =
        |number, standing| Account::SetUser { id: user(number), expected_version: None, standing };
    for command in [
        start(2, 10),
        start(2, 20),
        start(3, 30),
        Account::Refresh {
            session_id: session(2),
            presented: token(20),
            successor: token(21),
            was_good: true,
        },
        Account::EndSession { session_id: session(1), presented: token(10) },
        set(2, less),
        set(3, shut),
        Account::UpgradePassword { user_id: user(1), seen: 1, new: password('b') },
        new_key(1),
        new_key(2),
        Account::TouchKeys { uses: vec![(api_key(1), world.clock.now())] },
        Account::RevokeKey { id: api_key(2) },
    ] {
        world.account(command).await;
    }
}

/// What may be done to levels: one is not what the ledger says, one is gone, and of one the ledger
/// knows nothing.
pub(crate) const DAMAGED_LEVELS: &str = "UPDATE levels SET on_hand = on_hand + 3, \
     received = received + 1, counted = counted + 2 WHERE product_id = 1; \
     DELETE FROM levels WHERE product_id = 2; \
     INSERT INTO levels VALUES (99, 1, 5, 0, 0, 10, 5, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0)";

/// Shows that, and nothing else.
pub(crate) fn expect_damage(rebuilt: &Rebuild) {
    let [changed, gone, unknown] = &rebuilt.differences[..] else { panic!("{rebuilt:#?}") };
    assert_eq!((rebuilt.levels, rebuilt.differing), (LEVELS, 3));
    let ids = rebuilt.differences.iter().map(|one| (&*one.product_id, &*one.location_id));
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids, [("prd_1", "loc_1"), ("prd_2", "loc_1"), ("prd_99", "loc_1")]);
    let (stored, ledger) = (changed.stored.clone().unwrap(), changed.ledger.clone().unwrap());
    let damaged = LevelFigures {
        on_hand: ledger.on_hand + 3,
        received: ledger.received + 1,
        counted: ledger.counted + 2,
        ..ledger
    };
    assert_eq!(stored, damaged);
    assert!(gone.stored.is_none() && gone.ledger.is_some(), "{gone:?}");
    assert!(unknown.ledger.is_none(), "{unknown:?}");
    assert_eq!(unknown.stored.as_ref().map(|figures| figures.on_hand), Some(5));
}
