//! Files that are taken over: each row once, by the rules that a command of its own would meet, and
//! one that is refused without a trace.

use onhand_core::command::{Decision, Reply};
use onhand_core::ids::ImportId;
use onhand_core::imports::{
    self, Command, Entry, FaultReason, Import, ImportRow, Kind, LocationRef, Plan, ProductRow, Row,
    State, StockRow, Unreadable,
};
use onhand_core::limits::{IMPORT_FAULTS_MAX, IMPORT_ROWS_TAKEN_MAX, IMPORT_SILENT_SECS_MAX};
use onhand_core::text::{Name, Reference, Sku};
use onhand_core::{Command as AnyCommand, Money};

use crate::world::{World, place};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn plan(kind: Kind, dry_run: bool) -> Plan {
    let format = name("csv");
    Plan { kind, format, dry_run, currency: None, location_id: None, ignored: Vec::new() }
}

/// A product at a price with so many units.
fn product(sku: &str, price: Option<i64>, on_hand: Option<i64>) -> Entry {
    let price = price.map(|amount| Money::new(amount, "INR".parse().unwrap()));
    let row = ProductRow {
        sku: Sku::new(sku).unwrap(),
        name: Some(name(sku)),
        description: None,
        price,
        category_ids: None,
        active: None,
        on_hand,
        location: None,
    };
    Entry { line: 2, content: Ok(Row::Product(row)) }
}

fn stock(sku: &str, location: Option<&str>, on_hand: i64) -> Entry {
    let row = StockRow {
        sku: Sku::new(sku).unwrap(),
        location: location.map(|code| LocationRef::Code(name(code))),
        on_hand: Some(on_hand),
        safety_stock: None,
        low_stock_threshold: None,
    };
    Entry { line: 2, content: Ok(Row::Stock(row)) }
}

fn begin(world: &mut World, plan: Plan) -> ImportId {
    import(&world.ask(&AnyCommand::Imports(Command::Begin(plan))).unwrap()).id
}

fn import(decision: &Decision) -> Import {
    let Reply::Import(import) = &decision.reply else { panic!("{:?}", decision.reply) };
    import.clone()
}

fn taking(id: ImportId, from: u64, rows: Vec<Entry>, is_last: bool) -> AnyCommand {
    let bytes = 10 * (from + rows.len() as u64);
    let fingerprint = Reference::new(format!("hash of {bytes}")).unwrap();
    AnyCommand::Imports(Command::Take { id, from, rows, bytes, fingerprint, is_last })
}

fn take(world: &mut World, id: ImportId, from: u64, rows: Vec<Entry>) -> ImportRow {
    world.ask(&taking(id, from, rows, false)).unwrap();
    world.check();
    world.imports[&id].clone()
}

/// Created, updated, unchanged, failed and counted.
fn tally(row: &ImportRow) -> [u64; 5] {
    let tally = row.import.tally;
    [tally.created, tally.updated, tally.unchanged, tally.failed, tally.counted]
}

fn codes(row: &ImportRow) -> Vec<&str> {
    let code = |reason| match reason {
        &FaultReason::Unreadable(Unreadable { ref code, .. }) => code.as_str(),
        FaultReason::Refused(refusal) => refusal.code(),
    };
    row.faults.iter().map(|fault| code(&fault.reason)).collect()
}

fn on_hand(world: &World) -> Vec<i64> {
    world.levels.values().map(|level| level.on_hand).collect()
}

#[test]
fn rows_are_taken_once_and_only_from_where_the_import_stands() {
    let mut world = World::with(&["main"], &[]);
    let id = begin(&mut world, plan(Kind::Products, false));
    let rows = || vec![product("a", Some(5), Some(7)), product("b", Some(6), None)];
    assert_eq!(tally(&take(&mut world, id, 0, rows())), [2, 0, 0, 0, 1]);
    for from in [0, 1, 3] {
        assert_eq!(world.code(&taking(id, from, rows(), false)), "import_moved", "{from}");
    }
    assert_eq!(tally(&take(&mut world, id, 2, rows())), [2, 0, 2, 0, 1]);
    let last = vec![product("a", Some(9), Some(7)), product("b", Some(6), Some(0))];
    world.ask(&taking(id, 4, last, true)).unwrap();
    let row = &world.imports[&id];
    assert_eq!((tally(row), row.import.position.rows), ([2, 1, 3, 0, 1], 6));
    assert_eq!((row.import.state, on_hand(&world)), (State::Completed, vec![7]));
    assert_eq!(world.code(&taking(id, 6, Vec::new(), true)), "import_ended");
    let unknown = ImportId::new(999).unwrap();
    assert_eq!(world.code(&taking(unknown, 0, Vec::new(), true)), "unknown_import");
    let begun: Vec<_> = world.kinds.iter().filter(|kind| kind.starts_with("import.")).collect();
    assert_eq!(begun, [&"import.started", &"import.completed"]);
}

#[test]
fn an_import_whose_file_does_not_come_is_given_up_and_no_other() {
    let mut world = World::with(&["main"], &[]);
    let (silent, alive) = (plan(Kind::Products, false), plan(Kind::Products, false));
    let (silent, alive) = (begin(&mut world, silent), begin(&mut world, alive));
    take(&mut world, silent, 0, vec![product("a", Some(5), Some(7))]);
    let end = |id| AnyCommand::Imports(Command::EndSilent { id });
    let stands = |world: &World, id: ImportId| world.imports[&id].import.state;
    let pass = |world: &mut World, secs: i64| {
        world.now = world.now.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap();
    };
    pass(&mut world, IMPORT_SILENT_SECS_MAX - 1);
    let version = world.imports[&silent].import.version;
    world.ask(&end(silent)).unwrap();
    let import = &world.imports[&silent].import;
    assert_eq!((import.state, import.version), (State::Receiving, version), "not yet");
    take(&mut world, alive, 0, vec![product("b", Some(5), None)]);
    pass(&mut world, 1);
    for id in [silent, alive] {
        world.ask(&end(id)).unwrap();
    }
    assert_eq!((stands(&world, silent), stands(&world, alive)), (State::Failed, State::Receiving));
    assert_eq!(world.kinds.last(), Some(&"import.failed"));
    let failure = world.imports[&silent].import.failure.as_ref().unwrap();
    assert_eq!(failure.as_str(), "given up: nothing of the file has come for 7 days");
    // What was taken stays, nothing more is taken, and it ends once.
    let rest = taking(silent, 1, vec![product("c", Some(5), Some(7))], true);
    assert_eq!((on_hand(&world), world.code(&rest)), (vec![7], "import_ended"));
    let told = world.kinds.len();
    world.ask(&end(silent)).unwrap();
    assert_eq!(world.kinds.len(), told);
    assert_eq!(world.code(&end(ImportId::new(999).unwrap())), "unknown_import");
}

#[test]
fn a_row_that_is_refused_leaves_no_trace_and_stops_no_other() {
    let mut world = World::with(&["main", "side"], &[("a", &[9])]);
    world.ask(&place(&[("a", 4)], None)).unwrap();
    let id = begin(&mut world, plan(Kind::Products, false));
    let mut astray = product("new", Some(5), Some(1));
    let Ok(Row::Product(row)) = &mut astray.content else { panic!("a product") };
    // The product would be made before its place is looked for.
    row.location = Some(LocationRef::Code(name("nowhere")));
    let unreadable = Unreadable {
        code: "not_utf8".into(),
        column: None,
        value: Some("x".repeat(9_999)),
        expected: "UTF-8".into(),
    };
    let rows = vec![
        product("b", Some(5), Some(3)),
        astray,
        Entry { line: 4, content: Err(unreadable) },
        product("c", None, Some(3)),
        product("a", Some(100), Some(3)),
        product("b", Some(5), Some(4)),
    ];
    let row = take(&mut world, id, 0, rows);
    assert_eq!(tally(&row), [1, 1, 0, 4, 2]);
    let wanted =
        ["unknown_location_code", "not_utf8", "new_product_incomplete", "count_below_reserved"];
    assert_eq!(codes(&row), wanted);
    assert_eq!(on_hand(&world), [9, 4]);
    assert_eq!(world.code(&place(&[("new", 1)], None)), "unknown_sku");
    let FaultReason::Unreadable(kept) = &row.faults[1].reason else { panic!("{row:?}") };
    assert_eq!(kept.value.as_ref().map(String::len), Some(200));
}

#[test]
fn a_dry_run_tells_what_would_be_and_changes_nothing() {
    let mut world = World::with(&["main"], &[("a", &[9])]);
    let id = begin(&mut world, plan(Kind::Products, true));
    let rows = vec![
        product("a", Some(5), Some(7)),
        product("b", Some(6), Some(1)),
        product("b", Some(6), Some(2)),
        product("c", None, None),
    ];
    let (before, events) = (on_hand(&world), world.kinds.len());
    let row = take(&mut world, id, 0, rows);
    assert_eq!((tally(&row), codes(&row)), ([1, 2, 0, 1, 3], vec!["new_product_incomplete"]));
    assert_eq!((on_hand(&world), world.kinds.len()), (before, events));
    assert_eq!(world.code(&place(&[("b", 1)], None)), "unknown_sku");
    let told = |one: &imports::Difference| {
        let field = |one: &imports::FieldDifference| {
            format!("{} {} {}", one.field, one.from.as_deref().unwrap_or("-"), one.to)
        };
        (one.sku.to_string(), one.is_new, one.fields.iter().map(field).collect::<Vec<_>>())
    };
    let told: Vec<_> = row.differences.iter().map(told).collect();
    let words = |fields: &[&str]| fields.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            ("a".into(), false, words(&["price 100 INR 5 INR", "on_hand 9 7"])),
            ("b".into(), true, words(&["name - b", "price - 6 INR", "on_hand 0 1"])),
            ("b".into(), false, words(&["on_hand 1 2"])),
        ]
    );
}

#[test]
fn stock_is_counted_where_the_row_says_and_left_where_nothing_differs() {
    let mut world = World::with(&["main", "side"], &[("a", &[9, 2])]);
    let id = begin(&mut world, plan(Kind::Stock, false));
    let rows = vec![
        stock("a", None, 9),
        stock("a", Some("side"), 5),
        stock("a", Some("side"), 5),
        stock("z", None, 5),
    ];
    let row = take(&mut world, id, 0, rows);
    assert_eq!((tally(&row), codes(&row)), ([0, 1, 2, 1, 1], vec!["unknown_sku"]));
    assert_eq!(on_hand(&world), [9, 5]);
}

#[test]
fn what_is_kept_of_an_import_has_bounds() {
    let mut world = World::with(&["main"], &[]);
    let id = begin(&mut world, plan(Kind::Stock, false));
    let rows: Vec<_> = (0..=IMPORT_ROWS_TAKEN_MAX).map(|_| stock("z", None, 5)).collect();
    assert_eq!(world.code(&taking(id, 0, rows.clone(), false)), "too_many_rows");
    let row = take(&mut world, id, 0, rows[1..].to_vec());
    assert_eq!(row.faults.len(), IMPORT_FAULTS_MAX);
    assert_eq!(row.import.tally.failed, IMPORT_ROWS_TAKEN_MAX as u64);
}
