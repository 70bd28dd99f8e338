//! The graph of an order's states, as the commands keep it: in every state each of them is carried
//! out exactly where the graph has an arrow for it, and refused as `invalid_transition` elsewhere,
//! whatever the order's lines have left.

use onhand_core::ids::OrderId;
use onhand_core::inventory;
use onhand_core::orders::{self, Action, LineQuantity, OrderPatch, Status, allowed};
use onhand_core::{Command, Refusal};

use crate::world::{World, place, units};

/// How to bring an order of three units into each state.
const PATHS: [(Status, &[Action]); 9] = [
    (Status::Pending, &[]),
    (Status::Confirmed, &[Action::Confirm]),
    (Status::Processing, &[Action::Confirm, Action::Process]),
    (Status::PartiallyFulfilled, &[Action::Confirm, Action::FulfilPartly]),
    (Status::Fulfilled, &[Action::Confirm, Action::Fulfil]),
    (Status::Delivered, &[Action::Confirm, Action::Fulfil, Action::Deliver]),
    (Status::Returned, &[Action::Confirm, Action::Fulfil, Action::Return]),
    (Status::Cancelled, &[Action::Cancel]),
    (Status::Expired, &[Action::Expire]),
];

fn command(action: Action) -> Command {
    let (id, expected_version) = (OrderId::new(1).unwrap(), None);
    let one = Some(vec![LineQuantity { line: 1, quantity: units(1) }]);
    let fulfil = |lines| orders::Command::Fulfil { id, expected_version, lines, tracking: None };
    let give_back = |lines| orders::Command::Return {
        id,
        expected_version,
        lines,
        restock: true,
        location_id: None,
        reason: None,
        reference: None,
    };
    Command::Orders(match action {
        Action::Confirm => orders::Command::Confirm { id, expected_version },
        Action::Process => orders::Command::Process { id },
        Action::Cancel => orders::Command::Cancel { id, expected_version, reason: None },
        Action::Expire => return Command::Inventory(inventory::Command::ExpireDue { most: 1 }),
        // What a payment does is in `payments.rs`.
        Action::Revive => panic!("nobody asks for it"),
        Action::FulfilPartly => fulfil(one),
        Action::Fulfil => fulfil(None),
        Action::Deliver => orders::Command::Deliver { id, expected_version },
        Action::ReturnPartly => give_back(one),
        Action::Return => give_back(None),
        Action::Update => {
            let patch = OrderPatch { shipping_address: None, metadata: None };
            orders::Command::Update { id, expected_version, patch }
        }
    })
}

fn world_in(status: Status, path: &[Action]) -> World {
    let mut world = World::with(&["main"], &[("a", &[3])]);
    assert_eq!(world.code(&place(&[("a", 3)], Some(60))), "ok");
    for action in path {
        if *action == Action::Expire {
            world.now = world.now.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
        }
        assert_eq!(world.code(&command(*action)), "ok", "{action:?} towards {status:?}");
    }
    assert_eq!(world.orders.values().next().unwrap().status, status);
    world
}

#[test]
fn each_command_is_carried_out_where_the_graph_has_an_arrow_and_nowhere_else() {
    for (status, path) in PATHS {
        let allowed: Vec<Action> = allowed(status).map(|arrow| arrow.action).collect();
        let by_hand = |action: &Action| *action != Action::Expire && *action != Action::Revive;
        for action in Action::ALL.iter().copied().filter(by_hand) {
            let mut world = world_in(status, path);
            let result = world.ask(&command(action));
            // What is left comes back, and that may be less than the whole.
            let is_partly = action == Action::Return && allowed.contains(&Action::ReturnPartly);
            let name = format!("{action:?} in {status:?}");
            match result {
                Ok(_) => assert!(allowed.contains(&action) || is_partly, "{name}"),
                Err(Refusal::Orders(orders::Refusal::InvalidTransition {
                    status: found,
                    allowed: named,
                    ..
                })) => {
                    assert!(!allowed.contains(&action), "{name}");
                    assert_eq!((found, &named), (status, &allowed), "{name}");
                }
                Err(refusal) => panic!("{name}: {refusal:?}"),
            }
        }
    }
}

#[test]
fn what_has_come_back_does_not_come_back_again() {
    let path = [Action::Confirm, Action::FulfilPartly, Action::Return];
    let mut world = world_in(Status::PartiallyFulfilled, &path);
    assert_eq!(world.code(&command(Action::Return)), "nothing_left");
    assert_eq!(world.code(&command(Action::ReturnPartly)), "more_than_left");
}
