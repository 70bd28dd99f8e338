//! A sound database with every kind of history: what `verify` is put to the proof with, and what is
//! moved from one store to another.

use onhand_core::ids::CustomerId;
use onhand_core::orders::{self, LineQuantity, PlaceOrder};
use onhand_core::{Command, inventory};

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
    world
}
