//! The promises that every store must keep, asked through the committer. Each test ends by proving
//! its store in full. What happens when a store fails is in `faults.rs`.

use crate::backend::Backend;
use crate::world::{World, code, codes, key, order, place, sku, units};
use futures_util::future::{join, join_all};
use onhand_core::catalog::{self, NewCategory, ProductPatch, ProductRef};
use onhand_core::command::Reply;
use onhand_core::ids::{CategoryId, OrderId, ProductId};
use onhand_core::inventory::{self, Count};
use onhand_core::orders::{self, LineQuantity, Status};
use onhand_core::text::{Name, Reason};
use onhand_core::{Command, Refusal, Timestamp};
use onhand_engine::limits::OUTCOME_WINDOW_SECS;
use onhand_engine::query::{Seen, Unless};

pub(crate) async fn four_hundred_buyers_of_a_hundred_units_make_a_hundred_orders<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let buys = vec![place(&[("tea", 1)]); 400];
    let answers = world.at_once(onhand_core::Actor::Local, buys).await;
    let count = |wanted: &str| answers.iter().filter(|answer| code(answer) == wanted).count();
    assert_eq!((count("ok"), count("insufficient_stock")), (100, 300));
    assert_eq!(world.figures("tea").await, (100, 100, 0));
    let refusal = answers.into_iter().flatten().find_map(|answer| answer.outcome.err());
    let Some(Refusal::Inventory(inventory::Refusal::InsufficientStock { items })) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!((items[0].requested, items[0].available), (1, 0));
    world.close().await;
}

pub(crate) async fn one_key_has_one_effect_and_equal_answers_also_after_a_restart<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let twice = vec![(place(&[("tea", 2)]), Some(key(1))); 2];
    let answers = world.in_one_batch(|_| {}, twice).await;
    let [first, second] = answers.try_into().unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.outcome, second.outcome);
    assert!(!first.replayed && second.replayed);
    let refused = world.ask_once(place(&[("tea", 9)]), key(2)).await.unwrap();
    world.adjust("tea", 100, None).await.unwrap();
    let world = world.reopened().await;
    for (wanted, number, asked) in [(&first, 1, 2), (&refused, 2, 9)] {
        let again = world.ask_once(place(&[("tea", asked)]), key(number)).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.outcome, wanted.outcome);
    }
    assert_eq!(world.figures("tea").await, (105, 2, 103));
    world.close().await;
}

pub(crate) async fn a_product_is_one_whichever_way_a_batch_names_it<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5), ("cup", 5)]).await;
    // Nothing is at hand any more.
    let world = world.reopened().await;
    let by_id = |count| {
        let mut order = order(&[("tea", count)], None);
        order.items[0].product = ProductRef::Id(ProductId::new(1).unwrap());
        Command::Orders(orders::Command::Place(order))
    };
    let asked = [by_id(2), place(&[("tea", 2), ("cup", 1)]), by_id(1), by_id(1)];
    let answers = world.in_one_batch(|_| {}, asked.map(|command| (command, None)).into()).await;
    assert_eq!(codes(&answers), ["ok", "ok", "ok", "insufficient_stock"]);
    assert_eq!(world.figures("tea").await, (5, 5, 0));
    assert_eq!(world.figures("cup").await, (5, 1, 4));
    world.close().await;
}

pub(crate) async fn an_order_is_read_again_only_when_it_is_another<B: Backend>() {
    let world = World::<B>::with(&[("tea", 9)]).await;
    let (old, still) =
        (world.placed(&[("tea", 1)], Some(60)).await, world.placed(&[("tea", 2)], Some(60)).await);
    let before = Seen::of(&old);
    let confirm = orders::Command::Confirm { id: old.id, expected_version: None };
    assert_eq!(code(&world.ask(Command::Orders(confirm)).await), "ok");
    let new = world.reader.order(old.id).await;
    let of_another_history = Seen {
        created_at: Timestamp::from_microsecond(old.created_at.as_microsecond() + 1).unwrap(),
        ..Seen::of(&new)
    };
    let nobodys = OrderId::new(99).unwrap();
    // All at once: a store may answer several who ask together by one statement.
    let asked = [
        (old.id, before, Some(Unless::Other(new.clone()))),
        (still.id, Seen::of(&still), Some(Unless::Same)),
        (old.id, Seen::of(&new), Some(Unless::Same)),
        (nobodys, before, None),
        (old.id, of_another_history, Some(Unless::Other(new.clone()))),
    ];
    let asked: Vec<_> = asked.iter().cycle().take(64).collect();
    let reader = &world.reader.0;
    let compared = join_all(asked.iter().map(|(id, seen, _)| reader.order_unless(*id, *seen)));
    let read = join_all(asked.iter().map(|(id, ..)| reader.order(*id, None)));
    let (answers, read) = join(compared, read).await;
    let there = |id| [&new, &*still].into_iter().find(|order| order.id == id).cloned();
    for (order, (id, ..)) in read.into_iter().zip(&asked) {
        assert_eq!(order.unwrap(), there(*id));
    }
    for (answer, (id, seen, wanted)) in answers.into_iter().zip(asked) {
        assert_eq!(answer.unwrap(), *wanted, "{id:?} {seen:?}");
    }
    world.close().await;
}

pub(crate) async fn a_key_used_for_another_request_is_refused<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let other = onhand_engine::IdempotencyKey { fingerprint: [9; 32], ..key(1) };
    let asked = vec![(place(&[("tea", 1)]), Some(key(1))), (place(&[("tea", 2)]), Some(other))];
    let answers = world.in_one_batch(|_| {}, asked).await;
    assert_eq!(codes(&answers), ["ok", "key_reused"]);
    assert_eq!(code(&world.ask_once(place(&[("tea", 2)]), other).await), "key_reused");
    assert_eq!(world.figures("tea").await, (5, 1, 4));
    world.close().await;
}

pub(crate) async fn a_refusal_leaves_its_neighbours_untouched<B: Backend>() {
    let world = World::<B>::with(&[("tea", 3), ("cup", 1)]).await;
    let orders: [&[_]; 3] = [&[("tea", 1)], &[("tea", 1), ("cup", 2)], &[("tea", 2)]];
    let asked = orders.map(|items| (place(items), None)).into();
    let answers = world.in_one_batch(|_| {}, asked).await;
    assert_eq!(codes(&answers), ["ok", "insufficient_stock", "ok"]);
    assert_eq!(world.figures("tea").await, (3, 3, 0));
    assert_eq!(world.figures("cup").await, (1, 0, 1));
    world.close().await;
}

pub(crate) async fn a_hold_is_free_the_instant_it_runs_out_with_its_whole_order<B: Backend>() {
    let world = World::<B>::with(&[("tea", 1), ("cup", 1)]).await;
    let held = world.placed(&[("tea", 1), ("cup", 1)], Some(60)).await;
    world.clock.advance_secs(59);
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "insufficient_stock");
    world.clock.advance_secs(1);
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    let expired = world.reader.order(held.id).await;
    assert_eq!(expired.status, Status::Expired);
    assert_eq!(world.figures("cup").await, (1, 0, 1));
    let confirm = orders::Command::Confirm { id: held.id, expected_version: None };
    assert_eq!(code(&world.ask(Command::Orders(confirm)).await), "invalid_transition");
    world.close().await;
}

pub(crate) async fn the_sweeper_expires_what_is_due_and_nothing_else<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let due = world.placed(&[("tea", 1)], Some(10)).await;
    let later = world.placed(&[("tea", 1)], Some(20)).await;
    let confirmed = world.placed(&[("tea", 1)], None).await;
    world.clock.advance_secs(10);
    let sweep = inventory::Command::ExpireDue { most: 100 };
    let swept = world.ask(Command::Inventory(sweep)).await.unwrap();
    assert_eq!(swept.outcome, Ok(Reply::Expired { holds: 1 }));
    let mut statuses = Vec::new();
    for id in [due.id, later.id, confirmed.id] {
        statuses.push(world.reader.order(id).await.status);
    }
    assert_eq!(statuses, [Status::Expired, Status::Pending, Status::Confirmed]);
    world.close().await;
}

pub(crate) async fn an_order_lives_from_hold_to_return<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let id = world.placed(&[("tea", 3)], Some(60)).await.id;
    let line = |count| Some(vec![LineQuantity { line: 1, quantity: units(count) }]);
    let expected_version = None;
    let fulfil = |count| {
        let lines = line(count);
        orders::Command::Fulfil { id, expected_version, lines, tracking: None }
    };
    let give_back = |count| orders::Command::Return {
        id,
        expected_version,
        lines: line(count),
        restock: true,
        location_id: None,
        reason: None,
        reference: None,
    };
    let steps = [
        (fulfil(1), "invalid_transition", Status::Pending, (5, 3, 2)),
        (
            orders::Command::Confirm { id, expected_version: Some(9) },
            "version_mismatch",
            Status::Pending,
            (5, 3, 2),
        ),
        (
            orders::Command::Confirm { id, expected_version: Some(1) },
            "ok",
            Status::Confirmed,
            (5, 3, 2),
        ),
        (fulfil(4), "more_than_left", Status::Confirmed, (5, 3, 2)),
        (fulfil(1), "ok", Status::PartiallyFulfilled, (4, 2, 2)),
        (
            orders::Command::Cancel { id, expected_version: None, reason: None },
            "invalid_transition",
            Status::PartiallyFulfilled,
            (4, 2, 2),
        ),
        (fulfil(2), "ok", Status::Fulfilled, (2, 0, 2)),
        (orders::Command::Deliver { id, expected_version }, "ok", Status::Delivered, (2, 0, 2)),
        (give_back(4), "more_than_left", Status::Delivered, (2, 0, 2)),
        (give_back(1), "ok", Status::Delivered, (3, 0, 3)),
        (give_back(2), "ok", Status::Returned, (5, 0, 5)),
        (give_back(1), "invalid_transition", Status::Returned, (5, 0, 5)),
    ];
    for (step, wanted, status, figures) in steps {
        let name = format!("{step:?}");
        assert_eq!(code(&world.ask(Command::Orders(step)).await), wanted, "{name}");
        let order = world.reader.order(id).await;
        assert_eq!((order.status, world.figures("tea").await), (status, figures), "{name}");
    }
    let timeline = [
        "order.placed",
        "order.confirmed",
        "order.partially_fulfilled",
        "order.fulfilled",
        "order.delivered",
        "order.returned",
        "order.returned",
    ];
    assert_eq!(world.reader.timeline(id).await, timeline);
    world.close().await;
}

pub(crate) async fn the_past_is_read_through_marks_and_a_count_nets_what_happened_since<
    B: Backend,
>() {
    let world = World::<B>::with(&[("tea", 1_000)]).await;
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for _ in 0..300 {
        world.clock.advance_secs(1);
        world.adjust("tea", -1, None).await.unwrap();
    }
    for second in [-1, 0, 1, 63, 64, 65, 127, 128, 200, 299, 300, 400] {
        let at = start.checked_add(jiff::SignedDuration::from_secs(second)).unwrap();
        let levels = world.reader.levels(sku("tea"), Some(at)).await;
        let on_hand: i64 = levels.iter().map(|level| level.on_hand).sum();
        let wanted = if second < 0 { 0 } else { 1_000 - second.min(300) };
        assert_eq!(on_hand, wanted, "at second {second}");
    }
    // Counted 890 at second 100, when 900 were there: ten are missing now too.
    let count = Count {
        product: sku("tea"),
        location_id: None,
        counted: 890,
        change_from_quantity: Some(700),
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at: start.checked_add(jiff::SignedDuration::from_secs(100)).ok(),
    };
    let count = Command::Inventory(inventory::Command::Count(count));
    assert_eq!(code(&world.ask(count.clone()).await), "ok");
    assert_eq!(world.figures("tea").await, (690, 0, 690));
    assert_eq!(code(&world.ask(count).await), "change_from_quantity_stale");
    let mut heads = None;
    let mut entries = Vec::new();
    loop {
        let page = world.reader.movements(sku("tea"), heads, 50).await;
        entries.extend(page.0);
        if page.1.is_empty() {
            break;
        }
        heads = Some(page.1);
    }
    assert_eq!(entries.len(), 302);
    assert!(entries.is_sorted_by(|newer, older| newer.seq > older.seq));
    world.close().await;
}

pub(crate) async fn a_batch_is_placed_as_its_policy_says<B: Backend>() {
    let world = World::<B>::with(&[("tea", 2)]).await;
    let orders =
        vec![order(&[("tea", 1)], None), order(&[("tea", 5)], None), order(&[("tea", 1)], None)];
    for (error_policy, wanted, figures) in [
        (orders::ErrorPolicy::RejectAll, "insufficient_stock", (2, 0, 2)),
        (orders::ErrorPolicy::RejectFailed, "ok", (2, 2, 0)),
    ] {
        let command = orders::Command::PlaceMany { orders: orders.clone(), error_policy };
        assert_eq!(code(&world.ask(Command::Orders(command)).await), wanted);
        assert_eq!(world.figures("tea").await, figures);
    }
    world.close().await;
}

pub(crate) async fn a_restart_keeps_everything<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let placed = world.placed(&[("tea", 2)], None).await;
    let world = world.reopened().await;
    assert_eq!(world.reader.order(placed.id).await, *placed);
    assert_eq!(world.figures("tea").await, (5, 2, 3));
    world.close().await;
}

pub(crate) async fn a_key_is_remembered_for_a_window_and_not_for_ever<B: Backend>() {
    let world = World::<B>::with(&[("tea", 100)]).await;
    let mut sold = 0;
    for round in 0..7_u8 {
        // The outcome of the window before is still there, in whichever table it lies.
        if let Some(before) = round.checked_sub(1) {
            let again = world.ask_once(place(&[("tea", 1)]), key(before)).await.unwrap();
            assert!(again.replayed, "{round}");
        }
        assert!(!world.ask_once(place(&[("tea", 1)]), key(round)).await.unwrap().replayed);
        sold += 1;
        assert_eq!(world.figures("tea").await, (100, sold, 100 - sold), "{round}");
        world.clock.advance_secs(OUTCOME_WINDOW_SECS);
    }
    // Two windows have opened since: it is a new key.
    let first = world.ask_once(place(&[("tea", 1)]), key(0)).await.unwrap();
    assert!(!first.replayed);
    assert_eq!(world.figures("tea").await, (100, sold + 1, 99 - sold));
    let world = world.reopened().await;
    assert!(world.ask_once(place(&[("tea", 1)]), key(0)).await.unwrap().replayed);
    world.close().await;
}

/// A category is deleted or something is filed under it, in whichever order they are asked, and
/// whether or not the store was asked for the category's uses before.
pub(crate) async fn what_is_filed_in_a_batch_counts_in_that_batch<B: Backend>() {
    let world = World::<B>::with(&[("tea", 1)]).await;
    let category = |parent_id| {
        let name = Name::new("drinks").unwrap();
        Command::Catalog(catalog::Command::CreateCategory(NewCategory { name, parent_id }))
    };
    let id = |number| CategoryId::new(number).unwrap();
    let delete = |number| {
        let (id, expected_version) = (id(number), None);
        Command::Catalog(catalog::Command::DeleteCategory { id, expected_version })
    };
    let file = |categories: Vec<CategoryId>| {
        let patch = ProductPatch { category_ids: Some(categories), ..ProductPatch::default() };
        let (product, expected_version) = (sku("tea"), None);
        Command::Catalog(catalog::Command::UpdateProduct { product, expected_version, patch })
    };
    for number in 1..=3 {
        assert_eq!(code(&world.ask(category(None)).await), "ok", "{number}");
    }
    for (asked, wanted) in [
        (vec![file(vec![id(1)]), delete(1)], ["ok", "category_in_use"]),
        (vec![file(vec![id(2)]), delete(1)], ["ok", "ok"]),
        (vec![category(Some(id(3))), delete(3)], ["ok", "category_in_use"]),
        (vec![delete(4), delete(3)], ["ok", "ok"]),
        (vec![file(Vec::new()), delete(2)], ["ok", "ok"]),
    ] {
        let asked = asked.into_iter().map(|command| (command, None)).collect();
        let answers = world.in_one_batch(|_| {}, asked).await;
        assert_eq!(codes(&answers), wanted);
    }
    world.close().await;
}

pub(crate) async fn an_installation_is_known_by_its_first_commit<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let first = world.reader.0.first_commit().await.unwrap();
    world.placed(&[("tea", 1)], None).await;
    let world = world.reopened().await;
    assert_eq!(world.reader.0.first_commit().await.unwrap(), first);
    assert!(first.is_some());
    world.close().await;
}
