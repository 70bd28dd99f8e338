//! One thing that can happen, as data: how it is drawn at random, and the command that it is. Rows
//! are named by how far back they are, so that a shrunk sequence still means something.

use onhand_core::ids::{LocationId, OrderId, ReservationId};
use onhand_core::inventory::{
    self, Adjustment, Count, HoldItem, LevelPolicy, LocationPatch, Transfer,
};
use onhand_core::orders::{self, LineQuantity};
use onhand_core::text::{Reason, Reference};
use onhand_core::{Command, Quantity};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::model::Model;
use crate::world::{place, sku, units};

/// A product by its number: 1 is `a`, 2 is `b`.
type Product = i64;
/// A location by its number; two are there, the third is not.
type Location = i64;
/// How far back a row is: 1 is the newest, 0 is one that is not there.
type Back = usize;

/// One thing that can happen.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Place {
        items: Vec<(Product, i64)>,
        hold_secs: Option<i64>,
    },
    Confirm(Back),
    Process(Back),
    Cancel(Back),
    Fulfil {
        order: Back,
        lines: Option<Vec<(u32, i64)>>,
    },
    Deliver(Back),
    Return {
        order: Back,
        lines: Option<Vec<(u32, i64)>>,
        to: Option<Location>,
        restock: bool,
    },
    Adjust(Vec<(Product, Option<Location>, i64)>),
    /// `off` is how wrong the caller is about what was there.
    Count {
        product: Product,
        location: Option<Location>,
        counted: i64,
        off: Option<i64>,
    },
    Transfer {
        product: Product,
        from: Location,
        to: Location,
        units: i64,
    },
    HoldBack {
        product: Product,
        location: Location,
        units: i64,
    },
    Activate {
        location: Location,
        active: bool,
    },
    Hold {
        items: Vec<(Product, Option<Location>, i64)>,
        hold_secs: i64,
    },
    /// For a holder that has a name.
    HoldOnce {
        holder: i64,
        product: Product,
        units: i64,
        hold_secs: i64,
    },
    ReleaseOf {
        holder: i64,
        product: Product,
        units: i64,
    },
    Extend {
        hold: Back,
        hold_secs: i64,
    },
    Release {
        hold: Back,
        units: Option<i64>,
    },
    Consume {
        hold: Back,
        units: Option<i64>,
    },
    Sweep {
        most: usize,
    },
    TimePasses {
        secs: i64,
    },
}

/// A step at random, most often one that does something.
pub(crate) fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => order_step(), 2 => stock_step(), 2 => hold_step(), 1 => time_step()]
}

fn order_step() -> impl Strategy<Value = Step> {
    let items = || vec((1..=2_i64, 1..=4_i64), 1..=3);
    let lines = || option::weighted(0.5, vec((1..=2_u32, 1..=2_i64), 1..=2));
    let to = option::of(1..=3_i64);
    prop_oneof![
        4 => (items(), option::of(hold_secs()))
            .prop_map(|(items, hold_secs)| Step::Place { items, hold_secs }),
        2 => back().prop_map(Step::Confirm),
        1 => back().prop_map(Step::Process),
        1 => back().prop_map(Step::Cancel),
        3 => (back(), lines()).prop_map(|(order, lines)| Step::Fulfil { order, lines }),
        1 => back().prop_map(Step::Deliver),
        2 => (back(), lines(), to, any::<bool>())
            .prop_map(|(order, lines, to, restock)| Step::Return { order, lines, to, restock }),
    ]
}

fn stock_step() -> impl Strategy<Value = Step> {
    let named = || option::of(1..=3_i64);
    let delta = prop_oneof![-6..=-1_i64, 1..=6_i64];
    let off = prop_oneof![2 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    prop_oneof![
        3 => vec((1..=2_i64, named(), delta), 1..=2).prop_map(Step::Adjust),
        2 => (1..=2_i64, named(), 0..=8_i64, off).prop_map(|(product, location, counted, off)| {
            Step::Count { product, location, counted, off }
        }),
        2 => (1..=2_i64, 1..=3_i64, 1..=3_i64, 1..=4_i64)
            .prop_map(|(product, from, to, units)| Step::Transfer { product, from, to, units }),
        1 => (1..=2_i64, 1..=2_i64, 0..=3_i64)
            .prop_map(|(product, location, units)| Step::HoldBack { product, location, units }),
        1 => (1..=3_i64, weighted(0.75))
            .prop_map(|(location, active)| Step::Activate { location, active }),
    ]
}

fn hold_step() -> impl Strategy<Value = Step> {
    let items = vec((1..=2_i64, option::weighted(0.3, 1..=3_i64), 1..=3_i64), 1..=3);
    let some = || option::of(1..=3_i64);
    prop_oneof![
        3 => (items, hold_secs()).prop_map(|(items, hold_secs)| Step::Hold { items, hold_secs }),
        2 => (1..=2_i64, 1..=2_i64, 1..=4_i64, hold_secs()).prop_map(
            |(holder, product, units, hold_secs)| {
                Step::HoldOnce { holder, product, units, hold_secs }
            }
        ),
        1 => (1..=2_i64, 1..=2_i64, 1..=3_i64)
            .prop_map(|(holder, product, units)| Step::ReleaseOf { holder, product, units }),
        1 => (back(), hold_secs()).prop_map(|(hold, hold_secs)| Step::Extend { hold, hold_secs }),
        1 => (back(), some()).prop_map(|(hold, units)| Step::Release { hold, units }),
        1 => (back(), some()).prop_map(|(hold, units)| Step::Consume { hold, units }),
    ]
}

fn time_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![Just(30), Just(60), 1..=90_i64]
            .prop_map(|secs| Step::TimePasses { secs }),
        1 => (1..=4_usize).prop_map(|most| Step::Sweep { most }),
    ]
}

/// Lives that the steps of time hit exactly, too.
fn hold_secs() -> impl Strategy<Value = i64> {
    prop_oneof![Just(30), Just(60), 1..=90_i64]
}

fn back() -> impl Strategy<Value = Back> {
    prop_oneof![1 => Just(0), 9 => 1..=5_usize]
}

fn some_units(count: Option<i64>) -> Option<Quantity> {
    count.map(units)
}

fn location(number: i64) -> LocationId {
    LocationId::new(number).unwrap()
}

fn product(number: Product) -> onhand_core::catalog::ProductRef {
    sku(name(number))
}

fn name(number: Product) -> &'static str {
    if number == 1 { "a" } else { "b" }
}

fn line_quantities(lines: Option<&Vec<(u32, i64)>>) -> Option<Vec<LineQuantity>> {
    let line = |(line, count): &(u32, i64)| LineQuantity { line: *line, quantity: units(*count) };
    lines.map(|lines| lines.iter().map(line).collect())
}

impl Step {
    /// The command that this is; none when only time passes.
    pub(crate) fn command(&self, model: &Model) -> Option<Command> {
        let order = |back: Back| OrderId::new(model.order_number(back)).unwrap();
        let command = match self {
            Self::Place { items, hold_secs } => {
                let items: Vec<_> = items.iter().map(|(number, n)| (name(*number), *n)).collect();
                return Some(place(&items, *hold_secs));
            }
            Self::Confirm(back) => {
                orders::Command::Confirm { id: order(*back), expected_version: None }
            }
            Self::Process(back) => orders::Command::Process { id: order(*back) },
            Self::Cancel(back) => {
                orders::Command::Cancel { id: order(*back), expected_version: None, reason: None }
            }
            Self::Fulfil { order: back, lines } => orders::Command::Fulfil {
                id: order(*back),
                expected_version: None,
                lines: line_quantities(lines.as_ref()),
                tracking: None,
            },
            Self::Deliver(back) => {
                orders::Command::Deliver { id: order(*back), expected_version: None }
            }
            Self::Return { order: back, lines, to, restock } => orders::Command::Return {
                id: order(*back),
                expected_version: None,
                lines: line_quantities(lines.as_ref()),
                restock: *restock,
                location_id: to.map(location),
                reason: None,
                reference: None,
            },
            Self::Adjust(_)
            | Self::Count { .. }
            | Self::Transfer { .. }
            | Self::HoldBack { .. }
            | Self::Activate { .. }
            | Self::Hold { .. }
            | Self::HoldOnce { .. }
            | Self::ReleaseOf { .. }
            | Self::Extend { .. }
            | Self::Release { .. }
            | Self::Consume { .. }
            | Self::Sweep { .. } => {
                return self.inventory_command(model).map(Command::Inventory);
            }
            Self::TimePasses { .. } => return None,
        };
        Some(Command::Orders(command))
    }

    fn inventory_command(&self, model: &Model) -> Option<inventory::Command> {
        let hold = |back: Back| ReservationId::new(model.promise_number(back)).unwrap();
        Some(match self {
            Self::Adjust(entries) => {
                inventory::Command::Adjust(entries.iter().map(adjustment).collect())
            }
            Self::Count { product: number, location: at, counted, off } => {
                let seen = off.map(|off| model.on_hand_at_target(*number, *at) + off);
                inventory::Command::Count(count(*number, *at, *counted, seen))
            }
            Self::Transfer { product: number, from, to, units: count } => {
                inventory::Command::Transfer(Transfer {
                    product: product(*number),
                    from: location(*from),
                    to: location(*to),
                    quantity: units(*count),
                    reference: None,
                })
            }
            Self::HoldBack { product: number, location: at, units } => {
                inventory::Command::SetLevelPolicy(LevelPolicy {
                    product: product(*number),
                    location_id: Some(location(*at)),
                    expected_version: None,
                    safety_stock: Some(*units),
                    low_stock_threshold: None,
                })
            }
            Self::Activate { location: at, active } => inventory::Command::UpdateLocation {
                id: location(*at),
                expected_version: None,
                patch: LocationPatch { active: Some(*active), ..LocationPatch::default() },
            },
            Self::Hold { items, hold_secs } => inventory::Command::Hold {
                items: items.iter().map(hold_item).collect(),
                reference: None,
                hold_secs: *hold_secs,
            },
            Self::HoldOnce { holder, product, units, hold_secs } => inventory::Command::HoldOnce {
                item: hold_item(&(*product, None, *units)),
                reference: reference(*holder),
                hold_secs: *hold_secs,
            },
            Self::ReleaseOf { holder, product: number, units: count } => {
                inventory::Command::ReleaseOf {
                    reference: reference(*holder),
                    product: product(*number),
                    quantity: units(*count),
                }
            }
            Self::Extend { hold: back, hold_secs } => {
                inventory::Command::Extend { id: hold(*back), hold_secs: *hold_secs }
            }
            Self::Release { hold: back, units } => {
                inventory::Command::Release { id: hold(*back), quantity: some_units(*units) }
            }
            Self::Consume { hold: back, units } => {
                inventory::Command::Consume { id: hold(*back), quantity: some_units(*units) }
            }
            Self::Sweep { most } => inventory::Command::ExpireDue { most: *most },
            Self::Place { .. }
            | Self::Confirm(_)
            | Self::Process(_)
            | Self::Cancel(_)
            | Self::Fulfil { .. }
            | Self::Deliver(_)
            | Self::Return { .. }
            | Self::TimePasses { .. } => return None,
        })
    }
}

fn count(number: Product, at: Option<Location>, counted: i64, seen: Option<i64>) -> Count {
    Count {
        product: product(number),
        location_id: at.map(location),
        counted,
        change_from_quantity: seen,
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at: None,
    }
}

fn adjustment((number, at, delta): &(Product, Option<Location>, i64)) -> Adjustment {
    Adjustment {
        product: product(*number),
        location_id: at.map(location),
        delta: *delta,
        reason: Reason::new(if *delta > 0 { "received" } else { "damaged" }).unwrap(),
        reference: None,
        occurred_at: None,
    }
}

fn reference(holder: i64) -> Reference {
    Reference::new(format!("holder-{holder}")).unwrap()
}

fn hold_item((number, at, count): &(Product, Option<Location>, i64)) -> HoldItem {
    HoldItem { product: product(*number), quantity: units(*count), location_id: at.map(location) }
}
