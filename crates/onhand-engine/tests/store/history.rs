//! A sound database with every kind of history: what `verify` is put to the proof with, and what is
//! moved from one store to another.

use onhand_core::accounts::{Command as Account, Role, Standing};
use onhand_core::ids::CustomerId;
use onhand_core::orders::{self, LineQuantity, PlaceOrder};
use onhand_core::{Command, inventory};
use onhand_engine::Clock;

use crate::accounts::{api_key, email, new_key, password, register, session, token, user};
use crate::backend::Backend;
use crate::world::{World, code, key, order, place, sku, units};

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
    let mine = PlaceOrder { customer_id: CustomerId::new(1), ..order(&[("tea", 1)], None) };
    let mine = Command::Orders(orders::Command::Place(mine));
    assert_eq!(code(&world.ask(mine).await), "ok");
    let open = PlaceOrder { customer_id: CustomerId::new(1), ..order(&[("tea", 1)], Some(60)) };
    let open = Command::Orders(orders::Command::Place(open));
    assert_eq!(code(&world.ask(open).await), "ok");
    with_accounts(&world).await;
    world
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
