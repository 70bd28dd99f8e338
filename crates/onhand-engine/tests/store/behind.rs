//! What a store may write later than the batch that it belongs to, lists and the rows of levels:
//! whoever asks must never notice. Each test asks while things are behind, after a start that
//! catches up, and after changes to what was caught up with.

use std::collections::BTreeMap;

use onhand_core::Command;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{self, Order, Status};
use onhand_engine::query::OrderFilter;

use crate::backend::Backend;
use crate::faulty::{Fault, Step};
use crate::world::{World, code, order, place};

/// All orders that a filter lets in, page by page.
async fn listed<B: Backend>(world: &World<B>, filter: &OrderFilter, rows: usize) -> Vec<OrderId> {
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let (page, next) = world.reader.orders(filter, before, rows).await;
        assert!(page.len() <= rows, "a page of {} rows, not of {rows}", page.len());
        ids.extend(page.iter().map(|order| order.id));
        before = next;
        if before.is_none() {
            return ids;
        }
    }
}

/// Every filter shows what going through all orders shows.
async fn check<B: Backend>(world: &World<B>, orders: &BTreeMap<OrderId, Order>) {
    let customers = [None, CustomerId::new(1), CustomerId::new(2), CustomerId::new(9)];
    let statuses = [None, Some(Status::Pending), Some(Status::Confirmed), Some(Status::Cancelled)];
    let products: Vec<_> =
        orders.values().flat_map(|order| &order.lines).map(|line| line.product_id).collect();
    let products = [None, products.iter().min().copied(), products.iter().max().copied()];
    for customer_id in customers {
        for status in statuses {
            for product_id in products {
                let filter = OrderFilter { customer_id, status, product_id, ..Default::default() };
                let lets_in = |order: &&Order| {
                    customer_id.is_none_or(|id| order.customer_id == Some(id))
                        && status.is_none_or(|status| order.status == status)
                        && product_id
                            .is_none_or(|id| order.lines.iter().any(|line| line.product_id == id))
                };
                let wanted: Vec<_> =
                    orders.values().filter(lets_in).map(|order| order.id).rev().collect();
                assert_eq!(listed(world, &filter, 7).await, wanted, "{filter:?}");
            }
        }
    }
}

/// The pages of a customer by their numbers show what going through all orders shows.
async fn check_numbered<B: Backend>(world: &World<B>, orders: &BTreeMap<OrderId, Order>) {
    for customer in [1, 2, 9].into_iter().filter_map(CustomerId::new) {
        let is_of = |order: &&Order| order.customer_id == Some(customer);
        let wanted: Vec<_> = orders.values().filter(is_of).map(|order| order.id).rev().collect();
        for (newer, limit) in [(0, 1), (0, 200), (3, 7), (14, 7), (15, 7), (10_000, 10)] {
            let page = world.reader.0.numbered_orders(customer, newer, limit).await.unwrap();
            let ids: Vec<_> = page.rows.iter().map(|order| order.id).collect();
            let wanted_page: Vec<_> = wanted.iter().copied().skip(newer).take(limit).collect();
            assert_eq!((ids, page.total), (wanted_page, wanted.len()), "{customer} {newer}");
        }
    }
}

async fn place_some<B: Backend>(world: &World<B>, orders: &mut BTreeMap<OrderId, Order>) {
    for number in 0..60 {
        let items: &[_] = match number % 3 {
            0 => &[("tea", 1)],
            1 => &[("cup", 1), ("tea", 2)],
            _ => &[("pot", 1)],
        };
        let mut new = order(items, (number % 2 == 0).then_some(3_600));
        new.customer_id = CustomerId::new(number % 4);
        let answer = world.ask(Command::Orders(orders::Command::Place(new))).await.unwrap();
        let Ok(onhand_core::command::Reply::Order(placed)) = answer.outcome else {
            panic!("{answer:?}");
        };
        orders.insert(placed.id, (*placed).clone());
        world.clock.advance_secs(1);
    }
}

/// Cancels or confirms every so many-th order that is pending.
async fn move_some<B: Backend>(
    world: &World<B>,
    orders: &mut BTreeMap<OrderId, Order>,
    each: usize,
) {
    let pending: Vec<_> =
        orders.values().filter(|order| order.status == Status::Pending).map(|o| o.id).collect();
    for (number, id) in pending.into_iter().enumerate().filter(|(n, _)| n % each == 0) {
        let command = if number % (2 * each) == 0 {
            orders::Command::Cancel { id, expected_version: None, reason: None }
        } else {
            orders::Command::Confirm { id, expected_version: None }
        };
        assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
        orders.insert(id, world.reader.order(id).await);
    }
}

pub(crate) async fn lists_miss_nothing_however_far_they_are_behind<B: Backend>() {
    let mut world = World::<B>::with(&[("tea", 900), ("cup", 900), ("pot", 900)]).await;
    let mut orders = BTreeMap::new();
    for _ in 0..3 {
        place_some(&world, &mut orders).await;
        check(&world, &orders).await;
        move_some(&world, &mut orders, 3).await;
        check(&world, &orders).await;
        check_numbered(&world, &orders).await;
        // A start takes in what there is; asked at once, it is anywhere between.
        world = world.reopened().await;
        check(&world, &orders).await;
        check_numbered(&world, &orders).await;
        move_some(&world, &mut orders, 2).await;
        check(&world, &orders).await;
    }
    world.close().await;
}

pub(crate) async fn times_of_placing_are_bounds_to_the_instant<B: Backend>() {
    let world = World::<B>::with(&[("tea", 900), ("cup", 900), ("pot", 900)]).await;
    let mut orders = BTreeMap::new();
    place_some(&world, &mut orders).await;
    let times: Vec<_> = orders.values().map(|order| order.created_at).collect();
    for (from, to) in [(0, 59), (10, 20), (20, 10), (30, 31), (5, 5)] {
        for customer_id in [None, CustomerId::new(1)] {
            let filter = OrderFilter {
                created_from: Some(times[from]),
                created_before: Some(times[to]),
                customer_id,
                ..Default::default()
            };
            let lets_in = |order: &&Order| {
                (times[from]..times[to]).contains(&order.created_at)
                    && customer_id.is_none_or(|id| order.customer_id == Some(id))
            };
            let wanted: Vec<_> =
                orders.values().filter(lets_in).map(|order| order.id).rev().collect();
            assert_eq!(listed(&world, &filter, 4).await, wanted, "{filter:?}");
        }
    }
    world.close().await;
}

pub(crate) async fn levels_are_right_however_far_their_rows_are_behind<B: Backend>() {
    let names: Vec<String> = (0..60).map(|number| format!("sku-{number}")).collect();
    let products: Vec<_> = names.iter().map(|name| (name.as_str(), 100)).collect();
    let mut world = World::<B>::with(&products).await;
    let mut reserved = 0;
    for _ in 0..2 {
        for _ in 0..5 {
            // More levels in one batch than a sweep writes with it.
            let many = names.iter().map(|name| order(&[(name, 1)], None)).collect();
            let command = orders::Command::PlaceMany {
                orders: many,
                error_policy: orders::ErrorPolicy::RejectAll,
            };
            assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
            reserved += 1;
            for name in &names {
                assert_eq!(world.figures(name).await, (100, reserved, 100 - reserved), "{name}");
            }
        }
        // The committer ends without having settled anything, as in a crash.
        world.faults.next(Step::Commit, 1, Fault::UnknownAndLost);
        assert_eq!(code(&world.ask(place(&[("sku-1", 1)])).await), "unknown");
        (world, _) = world.reopened_after_the_end().await;
        for name in &names {
            assert_eq!(world.figures(name).await, (100, reserved, 100 - reserved), "{name}");
        }
    }
    world.close().await;
}
