//! What the external warehouse says: a run goes on where it was, whoever died between two of its
//! steps and whoever else tries, and what it finds missing is nobody's to sell.

use onhand_core::command::Reply;
use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::inventory::{self, Count};
use onhand_core::orders::{self, Status as OrderStatus};
use onhand_core::text::{Reason, Reference, Text};
use onhand_core::warehouse::{
    Action, Command as Sy, Figure, NewRow, NewSync, Policy, RowsKept, ShortfallPolicy, Status,
    Sync, Trigger,
};
use onhand_core::{Actor, Command, Timestamp};
use onhand_engine::Clock;
use onhand_engine::query::{SyncFilter, SyncRowFilter};

use crate::backend::Backend;
use crate::world::{Verdict, World, code, codes, sku};

fn begin(policy: Policy, as_of: Option<Timestamp>) -> Sy {
    Sy::Begin(NewSync {
        trigger: Trigger::Schedule,
        source: Text::new("https://warehouse.example").ok(),
        policy,
        dry_run: false,
        location_id: None,
        as_of,
    })
}

fn row(name: &str, on_hand: i64) -> NewRow {
    let figure = Figure { products: vec![sku(name)], location: None, on_hand, as_of: None };
    NewRow { sent: Reference::new(name).unwrap(), told: Ok(figure) }
}

fn close(id: SyncId, rows: u32) -> Sy {
    Sy::Close { id, rows, etag: Text::new("\"v7\"").ok(), cursor: None }
}

fn step(sync: &Sync, most: usize) -> Sy {
    Sy::Step { id: sync.id, expected_version: sync.version, most }
}

impl<B: Backend> World<B> {
    async fn sync(&self, command: Sy) -> Verdict {
        self.ask(Command::Warehouse(command)).await
    }

    /// Asks for something that must be done.
    async fn run(&self, command: Sy) -> Sync {
        match self.sync(command).await.unwrap().outcome {
            Ok(Reply::Sync(sync)) => (*sync).clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A run from its begin to where it needs nobody any more, or an operator.
    async fn whole(&self, policy: Policy, as_of: Option<Timestamp>, rows: Vec<NewRow>) -> Sync {
        let id = self.run(begin(policy, as_of)).await.id;
        let count = u32::try_from(rows.len()).unwrap();
        self.run(Sy::Stage { id, from_row: 0, rows }).await;
        let sync = self.run(close(id, count)).await;
        self.to_its_end(sync).await
    }

    async fn to_its_end(&self, mut sync: Sync) -> Sync {
        while matches!(sync.status, Status::Comparing | Status::Applying) {
            sync = self.run(step(&sync, 2)).await;
        }
        sync
    }

    /// What became of the rows, over pages of two.
    async fn told(&self, sync_id: SyncId, action: Option<Action>) -> String {
        let (mut words, mut after) = (Vec::new(), None);
        loop {
            let filter = SyncRowFilter { sync_id, action };
            let page = self.reader.0.sync_rows(filter, after, 2).await.unwrap();
            for row in page.rows {
                words.push(format!("{} {} {}", row.row, row.sent, row.action.as_str()));
            }
            after = page.next.map(|next| u32::try_from(next).unwrap());
            if after.is_none() {
                return words.join(", ");
            }
        }
    }

    async fn count(&self, name: &str, counted: i64, occurred_at: Option<Timestamp>) -> Verdict {
        let count = Count {
            product: sku(name),
            location_id: None,
            counted,
            change_from_quantity: None,
            reason: Reason::new("cycle_count").unwrap(),
            reference: None,
            occurred_at,
        };
        self.ask(Command::Inventory(inventory::Command::Count(count))).await
    }

    async fn fulfil(&self, id: onhand_core::ids::OrderId) {
        let (expected_version, lines, tracking) = (None, None, None);
        let fulfil = orders::Command::Fulfil { id, expected_version, lines, tracking };
        self.done(Command::Orders(fulfil)).await;
    }
}

pub(crate) async fn a_run_goes_on_where_it_was_whoever_dies_between_two_steps<B: Backend>() {
    let products = [("tea", 10), ("cup", 4), ("pot", 3), ("jar", 50)];
    let mut world = World::<B>::with(&products).await;
    let begin = begin(Policy::default(), None);
    let mut sync = world.run(begin.clone()).await;
    let id = sync.id;
    world = world.reopened().await;
    assert_eq!(code(&world.sync(begin).await), "sync_running");
    assert_eq!(world.reader.0.open_sync().await.unwrap().unwrap(), sync);
    let parts = [vec![row("tea", 7), row("nothing", 1)], vec![row("cup", 4), row("pot", 0)]];
    for (from_row, rows) in [0, 2].into_iter().zip(parts) {
        let stage = Sy::Stage { id, from_row, rows };
        world.run(stage.clone()).await;
        world = world.reopened().await;
        assert_eq!(code(&world.sync(stage).await), "sync_moved");
    }
    sync = world.run(close(id, 4)).await;
    while matches!(sync.status, Status::Comparing | Status::Applying) {
        world.clock.advance_secs(60);
        let before = sync.clone();
        sync = world.run(step(&sync, 1)).await;
        world = world.reopened().await;
        assert_eq!(code(&world.sync(step(&before, 1)).await), "version_mismatch");
        // Meanwhile the shop goes on.
        world.placed(&[("jar", 1)], None).await;
    }
    assert_eq!(sync.status, Status::Applied);
    assert_eq!(world.reader.0.sync(id).await.unwrap().unwrap(), sync);
    let words = "1 tea counted, 2 nothing unknown_product, 3 cup unchanged, 4 pot counted, \
                 5 jar not_named";
    assert_eq!(world.told(id, None).await, words);
    assert_eq!(world.told(id, Some(Action::Counted)).await, "1 tea counted, 4 pot counted");
    assert_eq!(world.figures("tea").await.0, 7);
    assert_eq!(world.figures("pot").await.0, 0);
    assert_eq!(world.reader.0.open_sync().await.unwrap(), None);
    world.close().await;
}

pub(crate) async fn each_step_is_done_once_whoever_tries<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10), ("cup", 4)]).await;
    let id = world.run(begin(Policy::default(), None)).await.id;
    let rows = vec![row("tea", 6), row("cup", 2)];
    let stage = Sy::Stage { id, from_row: 0, rows };
    for (command, refused) in [(stage, "sync_moved"), (close(id, 2), "sync_state")] {
        assert_eq!(at_once(&world, &command).await, [&["ok"][..], &[refused; 7]].concat());
    }
    let mut sync = world.reader.0.sync(id).await.unwrap().unwrap();
    while sync.status.is_open() {
        let answers = at_once(&world, &step(&sync, 1)).await;
        assert_eq!(answers, [&["ok"][..], &["version_mismatch"; 7]].concat());
        sync = world.reader.0.sync(id).await.unwrap().unwrap();
    }
    assert_eq!((world.figures("tea").await.0, world.figures("cup").await.0), (6, 2));
    // And in one batch.
    let asked = || (Command::Warehouse(begin(Policy::default(), None)), None);
    let answers = world.in_one_batch(|_| {}, vec![asked(), asked()]).await;
    assert_eq!(codes(&answers), ["ok", "sync_running"]);
    world.close().await;
}

/// The answers of eight who ask for the same at once, in their order of words.
async fn at_once<B: Backend>(world: &World<B>, command: &Sy) -> Vec<&'static str> {
    let asked = vec![Command::Warehouse(command.clone()); 8];
    let mut answers = codes(&world.at_once(Actor::System, asked).await);
    answers.sort_unstable_by_key(|code| *code != "ok");
    answers
}

pub(crate) async fn a_late_figure_is_netted_and_a_newer_count_stands<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let looked_at = world.clock.now();
    world.clock.advance_secs(600);
    let order = world.placed(&[("tea", 3)], None).await;
    world.fulfil(order.id).await;
    world.clock.advance_secs(600);
    // Two fewer than the ledger had; then three left.
    let policy = Policy { hold_units: Some(5), ..Policy::default() };
    world.whole(policy, Some(looked_at), vec![row("tea", 8)]).await;
    assert_eq!(world.figures("tea").await, (5, 0, 5));
    // What is held until somebody has counted by hand changes the past alone.
    let held = world.whole(policy, Some(looked_at), vec![row("tea", 20)]).await;
    assert_eq!((held.status, world.figures("tea").await.0), (Status::Held, 5));
    world.clock.advance_secs(600);
    assert_eq!(code(&world.count("tea", 4, None).await), "ok");
    world.clock.advance_secs(600);
    let approve = Sy::Approve { id: held.id, rows: Some(vec![1]) };
    assert_eq!(world.run(approve).await.status, Status::Applied);
    assert_eq!(world.figures("tea").await, (4, 0, 4));
    // So does an entry of before that count, also when the batch has made it just now.
    let late = Some(looked_at);
    let entry = |delta| inventory::Adjustment {
        product: sku("tea"),
        location_id: None,
        delta,
        reason: Reason::new("received").unwrap(),
        reference: None,
        occurred_at: late,
    };
    let adjust = |delta| Command::Inventory(inventory::Command::Adjust(vec![entry(delta)]));
    let answers = world.in_one_batch(|_| {}, vec![(adjust(6), None), (adjust(-9), None)]).await;
    assert_eq!(codes(&answers), ["ok", "ok"]);
    assert_eq!(world.figures("tea").await, (4, 0, 4));
    world.close().await;
}

pub(crate) async fn what_a_batch_has_entered_late_is_netted_in_that_batch<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let then = world.clock.now();
    world.clock.advance_secs(600);
    let looked_at = world.clock.now();
    world.clock.advance_secs(600);
    // Five came before somebody counted fifteen.
    let entry = inventory::Adjustment {
        product: sku("tea"),
        location_id: None,
        delta: 5,
        reason: Reason::new("received").unwrap(),
        reference: None,
        occurred_at: Some(then),
    };
    let count = Count {
        product: sku("tea"),
        location_id: None,
        counted: 15,
        change_from_quantity: None,
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at: Some(looked_at),
    };
    let commands = [inventory::Command::Adjust(vec![entry]), inventory::Command::Count(count)];
    let commands = commands.map(|command| (Command::Inventory(command), None)).into();
    assert_eq!(codes(&world.in_one_batch(|_| {}, commands).await), ["ok", "ok"]);
    assert_eq!(world.figures("tea").await, (15, 0, 15));
    world.close().await;
}

pub(crate) async fn what_is_missing_is_nobodys_to_sell<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10), ("cup", 5)]).await;
    let held = world.placed(&[("tea", 6)], None).await;
    world.placed(&[("cup", 5)], None).await;
    world.clock.advance_secs(60);
    let rows = || vec![row("tea", 4), row("cup", 4)];
    let sync = world.whole(Policy::default(), None, rows()).await;
    assert_eq!(world.told(sync.id, None).await, "1 tea shortfall, 2 cup shortfall");
    let world = world.reopened().await;
    let missing = |rows: Vec<onhand_core::warehouse::Shortfall>| -> Vec<(i64, i64)> {
        rows.iter().map(|row| (row.product_id.number(), row.missing)).collect()
    };
    assert_eq!(missing(world.reader.0.shortfalls(None, 9).await.unwrap()), [(1, 2), (2, 1)]);
    let first = (ProductId::new(1).unwrap(), LocationId::new(1).unwrap());
    assert_eq!(missing(world.reader.0.shortfalls(Some(first), 9).await.unwrap()), [(2, 1)]);
    // What a cancelled order gives back was never there.
    let (expected_version, reason) = (None, None);
    let cancel = orders::Command::Cancel { id: held.id, expected_version, reason };
    world.done(Command::Orders(cancel)).await;
    assert_eq!(world.figures("tea").await, (4, 0, 4));
    assert_eq!(missing(world.reader.0.shortfalls(None, 9).await.unwrap()), [(2, 1)]);
    world.adjust("cup", 3, None).await.unwrap();
    assert_eq!(world.figures("cup").await, (7, 5, 2));
    world.clock.advance_secs(60);
    let agreed = world.whole(Policy::default(), None, vec![row("tea", 4), row("cup", 7)]).await;
    assert_eq!(world.told(agreed.id, None).await, "1 tea unchanged, 2 cup unchanged");
    world.close().await;
}

pub(crate) async fn the_newest_orders_that_hold_what_is_missing_are_cancelled<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10), ("cup", 10)]).await;
    let mut orders = Vec::new();
    for units in [3, 2, 4] {
        orders.push(world.placed(&[("cup", 1), ("tea", units)], None).await.id);
        world.clock.advance_secs(1);
    }
    let policy = Policy { shortfall: ShortfallPolicy::CancelNewest, ..Policy::default() };
    world.whole(policy, None, vec![row("tea", 4), row("cup", 10)]).await;
    let mut statuses = Vec::new();
    for id in orders {
        statuses.push(world.reader.order(id).await.status);
    }
    assert_eq!(statuses, [OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Cancelled]);
    assert_eq!(world.figures("tea").await, (4, 3, 1));
    assert_eq!(world.figures("cup").await, (10, 1, 9));
    assert!(world.reader.0.shortfalls(None, 9).await.unwrap().is_empty());
    world.close().await;
}

pub(crate) async fn runs_are_listed_held_and_forgotten_in_time<B: Backend>() {
    let world = World::<B>::with(&[("tea", 10), ("cup", 4), ("pot", 3)]).await;
    let zeros = vec![row("tea", 0), row("cup", 0), row("pot", 0)];
    let held = world.whole(Policy::default(), None, zeros).await;
    assert!(held.is_guarded());
    let done = world.whole(Policy::default(), None, vec![row("tea", 9)]).await;
    assert_eq!((world.figures("tea").await.0, world.figures("cup").await.0), (9, 4));
    let listed = async |status| -> Vec<i64> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = world.reader.0.syncs(SyncFilter { status }, before, 1).await.unwrap();
            found.extend(page.rows.iter().map(|sync| sync.id.number()));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    };
    assert_eq!(listed(None).await, [2, 1]);
    assert_eq!(listed(Some(Status::Held)).await, [1]);
    world.clock.advance_secs(60);
    let forget = || Sy::Forget { before: world.clock.now(), most: 2 };
    for rows in [2, 1, 0] {
        let reply = world.sync(forget()).await.unwrap().outcome;
        assert_eq!(reply, Ok(Reply::Forgotten { rows }));
    }
    assert_eq!(world.told(done.id, None).await, "");
    let kept = world.reader.0.sync(done.id).await.unwrap().unwrap();
    assert_eq!(kept.rows_kept, RowsKept::None);
    // An operator still looks at the other; rejected, it changes nothing.
    let rejected = world.run(Sy::Reject { id: held.id, rows: None }).await;
    assert_eq!(world.to_its_end(rejected).await.status, Status::Rejected);
    assert_eq!(world.told(held.id, None).await, "1 tea rejected, 2 cup rejected, 3 pot rejected");
    assert_eq!(world.figures("cup").await.0, 4);
    world.close().await;
}

/// Adds to a history: a run that was applied and has found more of one product, and less of the
/// other than is promised; and one whose only row is held.
pub(crate) async fn with_warehouse<B: Backend>(world: &World<B>) {
    let ((tea, _, _), (_, promised, _)) = (world.figures("tea").await, world.figures("cup").await);
    let rows = vec![row("tea", tea + 3), row("cup", promised - 1)];
    let applied = world.whole(Policy::default(), None, rows).await;
    assert_eq!(world.told(applied.id, None).await, "1 tea counted, 2 cup shortfall");
    let policy = Policy { hold_units: Some(0), ..Policy::default() };
    let held = world.whole(policy, None, vec![row("tea", tea)]).await;
    assert_eq!(world.told(held.id, None).await, "1 tea held, 2 cup not_named");
}
