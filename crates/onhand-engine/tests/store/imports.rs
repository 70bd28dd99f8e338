//! Files that are taken over: each row once, whoever sends it and whatever is run again, and all of
//! it is there after a restart.

use jiff::SignedDuration;
use onhand_core::command::Reply;
use onhand_core::ids::ImportId;
use onhand_core::imports::{Command, Entry, Import, Kind, Plan, ProductRow, Row, State};
use onhand_core::limits::IMPORT_SILENT_SECS_MAX;
use onhand_core::text::{Name, Reference, Sku};
use onhand_core::{Actor, Command as AnyCommand, Money};
use onhand_engine::Clock;

use crate::backend::Backend;
use crate::faulty::{Fault, Step};
use crate::world::{World, code, codes};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn row(number: u64) -> Entry {
    let row = ProductRow {
        sku: Sku::new(format!("row-{number}")).unwrap(),
        name: Some(name("a row")),
        description: None,
        // Every fifth has no price and cannot be made.
        price: (!number.is_multiple_of(5)).then(|| Money::new(100, "INR".parse().unwrap())),
        category_ids: None,
        active: None,
        on_hand: Some(7),
        location: None,
    };
    Entry { line: number, content: Ok(Row::Product(row)) }
}

fn take(id: ImportId, from: u64, count: u64, is_last: bool) -> AnyCommand {
    let rows = (from + 1..=from + count).map(row).collect();
    let bytes = 10 * (from + count);
    let fingerprint = Reference::new(format!("hash of {bytes}")).unwrap();
    AnyCommand::Imports(Command::Take { id, from, rows, bytes, fingerprint, is_last })
}

impl<B: Backend> World<B> {
    async fn import(&self) -> ImportId {
        let plan = Plan {
            kind: Kind::Products,
            format: name("csv"),
            dry_run: false,
            currency: None,
            location_id: None,
            ignored: Vec::new(),
        };
        match self.ask(AnyCommand::Imports(Command::Begin(plan))).await.unwrap().outcome {
            Ok(Reply::Import(import)) => import.id,
            other => panic!("{other:?}"),
        }
    }

    async fn stands(&self, id: ImportId) -> Import {
        self.reader.0.import(id).await.unwrap().unwrap().import
    }
}

pub(crate) async fn a_row_is_taken_once_whoever_sends_it<B: Backend>() {
    let world = World::<B>::with(&[]).await;
    let id = world.import().await;
    let asked = vec![take(id, 0, 20, false); 8];
    let mut answers = codes(&world.at_once(Actor::System, asked).await);
    answers.sort_unstable();
    assert_eq!(answers, [&["import_moved"; 7][..], &["ok"]].concat());
    let world = world.reopened().await;
    // One behind the other in one batch, and one that comes twice.
    let steps = [(20, 10, false), (20, 10, false), (30, 10, false), (40, 10, true), (50, 1, true)];
    let steps = steps.map(|(from, count, is_last)| (take(id, from, count, is_last), None));
    let answers = world.in_one_batch(|_| {}, steps.into()).await;
    assert_eq!(codes(&answers), ["ok", "import_moved", "ok", "ok", "import_ended"]);
    let import = world.stands(id).await;
    assert_eq!((import.state, import.position.rows), (State::Completed, 50));
    let tally = import.tally;
    assert_eq!((tally.created, tally.failed, tally.counted), (40, 10, 40));
    assert_eq!(world.figures("row-49").await, (7, 0, 7));
    world.close().await;
}

pub(crate) async fn a_batch_of_rows_that_runs_again_counts_once<B: Backend>() {
    let world = World::<B>::with(&[]).await;
    let id = world.import().await;
    let answers = world
        .in_one_batch(
            |faults| faults.next(Step::Commit, 2, Fault::Conflict),
            vec![(take(id, 0, 20, false), None)],
        )
        .await;
    assert_eq!(code(&answers[0]), "ok");
    let world = world.reopened().await;
    let import = world.stands(id).await;
    assert_eq!((import.state, import.position.rows), (State::Receiving, 20));
    assert_eq!(import.position.fingerprint.unwrap().as_str(), "hash of 200");
    assert_eq!(world.reader.0.ledger(0, 200).await.unwrap().rows.len(), 16);
    world.close().await;
}

pub(crate) async fn imports_and_the_ledger_are_listed_page_by_page<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.import().await);
    }
    world.ask(take(ids[0], 0, 4, true)).await.unwrap().outcome.unwrap();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = world.reader.0.imports(before, 2).await.unwrap();
        found.extend(page.rows.iter().map(|import| import.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(found, ids);
    let (mut entries, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page = world.reader.0.ledger(from, 2).await.unwrap();
        entries.extend(page.rows.iter().map(|row| (row.movement.seq, row.sku.clone())));
        after = page.next;
    }
    let skus = ["tea", "row-1", "row-2", "row-3", "row-4"];
    assert_eq!(entries, (1..).zip(skus.map(str::to_owned)).collect::<Vec<_>>());
    world.close().await;
}

pub(crate) async fn imports_whose_file_does_not_come_are_found<B: Backend>() {
    let world = World::<B>::with(&[]).await;
    let (begun, ended, alive) = (world.import().await, world.import().await, world.import().await);
    world.ask(take(ended, 0, 4, true)).await.unwrap().outcome.unwrap();
    let silent = async |secs, most| {
        let since = world.clock.now().checked_add(SignedDuration::from_secs(secs)).unwrap();
        world.reader.0.silent_imports(since, most).await.unwrap()
    };
    assert_eq!(silent(0, 9).await, []);
    world.clock.advance_secs(IMPORT_SILENT_SECS_MAX);
    world.ask(take(alive, 0, 4, false)).await.unwrap().outcome.unwrap();
    assert_eq!(silent(0, 9).await, [begun]);
    assert_eq!((silent(60, 9).await, silent(60, 1).await), (vec![begun, alive], vec![begun]));
    for id in [begun, alive] {
        let end = AnyCommand::Imports(Command::EndSilent { id });
        world.ask(end).await.unwrap().outcome.unwrap();
    }
    let world = world.reopened().await;
    assert_eq!(world.stands(begun).await.state, State::Failed);
    assert_eq!(world.stands(alive).await.state, State::Receiving);
    world.close().await;
}

/// For the proof that `verify` sees what is wrong: one that is completed, and one that is not.
pub(crate) async fn with_imports<B: Backend>(world: &World<B>) {
    let id = world.import().await;
    world.ask(take(id, 0, 10, true)).await.unwrap().outcome.unwrap();
    world.import().await;
}
