//! The one question and its answers: [`decide`] takes a [`Command`], the rows it names and a
//! [`Context`], and answers with a [`Decision`] or stops: refused, or missing rows that the caller
//! must load first.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::accounts::{self, Access, ApiKeyView, SessionView, UserView};
use crate::actor::Actor;
use crate::catalog::{self, Category, Product};
use crate::draft::{Changes, Draft};
use crate::effects::{self, Effect};
use crate::events::Event;
use crate::ids::CustomerId;
use crate::imports::{self, Import};
use crate::inventory::{self, Level, Location, Mark, Movement, ReservationView, StockChange};
use crate::jobs::{self, Consumer, Job};
use crate::orders::{self, Order};
use crate::payments::{self, Task};
use crate::schedules::{self, Schedule};
use crate::text::Sku;
use crate::warehouse::{self, Sync};
use crate::webhooks::{self, EndpointEntry};
use crate::{Needs, Refusal, State, Timestamp};

/// Anything that may change what is remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Products and categories.
    Catalog(catalog::Command),
    /// Locations, figures, reservations.
    Inventory(inventory::Command),
    /// Orders.
    Orders(orders::Command),
    /// Users, sessions, API keys.
    Accounts(accounts::Command),
    /// Payments.
    Payments(payments::Command),
    /// What is owed to the outside.
    Effects(effects::Command),
    /// What follows from the log.
    Jobs(jobs::Command),
    /// Webhook endpoints.
    Webhooks(webhooks::Command),
    /// What is done from time to time.
    Schedules(schedules::Command),
    /// What the external warehouse says.
    Warehouse(warehouse::Command),
    /// Bulk data.
    Imports(imports::Command),
}

impl Command {
    /// The rows that this command names, for loading a whole batch's at once; of products only
    /// those that are not `known`. A decision may turn out to need more and says so
    /// ([`Stop::Missing`]).
    pub fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::Catalog(command) => command.names(known, needs),
            Self::Inventory(command) => command.names(known, needs),
            Self::Orders(command) => command.names(known, needs),
            Self::Accounts(command) => command.names(needs),
            Self::Payments(command) => command.names(known, needs),
            Self::Effects(command) => command.names(known, needs),
            Self::Jobs(command) => command.names(needs),
            Self::Webhooks(command) => command.names(needs),
            Self::Schedules(command) => command.names(needs),
            Self::Warehouse(command) => command.names(known, needs),
            Self::Imports(command) => command.names(known, needs),
        }
    }

    /// Whether it names more once the first rows that it names are at hand: then a batch's
    /// are asked for together, and not one by one.
    pub fn names_by_steps(&self) -> bool {
        match self {
            Self::Payments(_) | Self::Effects(_) => true,
            Self::Inventory(command) => command.names_by_steps(),
            Self::Catalog(_)
            | Self::Orders(_)
            | Self::Accounts(_)
            | Self::Jobs(_)
            | Self::Webhooks(_)
            | Self::Schedules(_)
            | Self::Warehouse(_)
            | Self::Imports(_) => false,
        }
    }

    /// The rows that this command needs besides when a caller gives it who has orders of its own.
    pub fn names_of_own(&self, access: &Access, needs: &mut Needs) {
        if let (Self::Orders(command), Some(own)) = (self, access.own)
            && command.places()
        {
            needs.open_orders.insert(CustomerId::of_user(own));
        }
    }
}

/// The next number of each kind. A decision that is carried out moves them on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbering {
    /// Next product id.
    pub product: i64,
    /// Next category id.
    pub category: i64,
    /// Next location id.
    pub location: i64,
    /// Next reservation id.
    pub reservation: i64,
    /// Next order id.
    pub order: i64,
    /// Next position in the ledger.
    pub movement: i64,
    /// Next position in the event log.
    pub event: i64,
    /// Next user id.
    pub user: i64,
    /// Next session id.
    pub session: i64,
    /// Next API key id.
    pub api_key: i64,
    /// Next id of a message of a gateway.
    pub notice: i64,
    /// Next webhook endpoint id.
    pub endpoint: i64,
    /// Next job id.
    pub job: i64,
    /// Next id of a run against the external warehouse.
    pub sync: i64,
    /// How often rights were taken away, from 1: who was let in at a lower count is looked at
    /// again.
    pub rights: i64,
}

impl Numbering {
    /// Of an empty installation: everything starts at 1.
    pub const FIRST: Self = Self {
        product: 1,
        category: 1,
        location: 1,
        reservation: 1,
        order: 1,
        movement: 1,
        event: 1,
        user: 1,
        session: 1,
        api_key: 1,
        notice: 1,
        endpoint: 1,
        job: 1,
        sync: 1,
        rights: 1,
    };
}

/// What a decision is made with besides rows.
#[derive(Debug, Clone)]
pub struct Context {
    /// The time; never before that of an earlier decision.
    pub now: Timestamp,
    /// Who asks.
    pub actor: Actor,
    /// What it was let in with.
    pub access: Access,
    /// Fresh numbers.
    pub numbering: Numbering,
    /// What the shop has decided about payments in general.
    pub policy: Arc<payments::Policy>,
}

/// What a command that was carried out answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A product as it was left.
    Product(Arc<Product>),
    /// A category as it was left.
    Category(Category),
    /// A location as it was left.
    Location(Location),
    /// The movements made, with the levels they left.
    Stock(Vec<StockChange>),
    /// A level as it was left.
    Level {
        /// The product's SKU.
        sku: Sku,
        /// The figures.
        level: Level,
    },
    /// Reservations as they were left.
    Reservations(Vec<ReservationView>),
    /// How many holds a sweep expired.
    Expired {
        /// Holds, an order's counted once.
        holds: u64,
    },
    /// An order as it was left.
    Order(Arc<Order>),
    /// The outcomes of a batch, in its order.
    Orders(Vec<Result<Arc<Order>, Refusal>>),
    /// A user as it was left.
    User(UserView),
    /// A session that goes on, and who is logged in.
    Session {
        /// The session.
        session: SessionView,
        /// The user.
        user: UserView,
    },
    /// A session that has ended: what was asked for, or because the token was good no more. In
    /// either case no token is given.
    SessionEnded(SessionView),
    /// An API key as it was left.
    ApiKey(ApiKeyView),
    /// How many keys' uses were noted.
    KeysTouched {
        /// Keys, each once.
        keys: u64,
    },
    /// What a worker was given to do.
    Tasks(Vec<Task>),
    /// How many leases still counted.
    Settled {
        /// Effects.
        effects: u64,
    },
    /// An effect as it was left.
    Effect(Effect),
    /// A message was kept, or was here already.
    Notice {
        /// Whether it came for the first time.
        is_new: bool,
    },
    /// A webhook endpoint as it was left.
    Endpoint(EndpointEntry),
    /// A consumer as it was left.
    Consumer(Consumer),
    /// What a worker was given to do.
    Jobs(Vec<Job>),
    /// A job as it was left.
    Job(Job),
    /// An import as it was left, but for what is told of single rows.
    Import(Import),
    /// How many rows were forgotten.
    Forgotten {
        /// Rows.
        rows: u64,
    },
    /// Whether a run was begun.
    Turn {
        /// Whether whoever asked has it.
        is_given: bool,
        /// The schedule as it was left.
        schedule: Schedule,
    },
    /// A run against the external warehouse as it was left.
    Sync(Arc<Sync>),
}

/// What is to be remembered and answered.
#[derive(Debug)]
pub struct Decision {
    /// Rows as they are to be.
    pub changes: Changes,
    /// New entries of the ledger, in order.
    pub movements: Vec<Movement>,
    /// Marks that the movements leave.
    pub marks: Vec<Mark>,
    /// New events, in order.
    pub events: Vec<Event>,
    /// What the caller is told.
    pub reply: Reply,
    /// The numbers that are left.
    pub numbering: Numbering,
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// A lawful no; nothing changes.
    Refused(Refusal),
    /// Rows have to be loaded first; then ask again.
    Missing(Box<Needs>),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Decides a command. Pure: the same arguments always give the same answer.
///
/// # Errors
/// [`Stop::Refused`] with the reason; [`Stop::Missing`] with the rows that `state` lacks.
pub fn decide(state: &State, command: &Command, context: &Context) -> Result<Decision, Stop> {
    let mut draft = Draft::new(state, context);
    accounts::expect_rights(&draft)?;
    let reply = match command {
        Command::Catalog(command) => command.decide(&mut draft)?,
        Command::Inventory(command) => command.decide(&mut draft)?,
        Command::Orders(command) => command.decide(&mut draft)?,
        Command::Accounts(command) => command.decide(&mut draft)?,
        Command::Payments(command) => command.decide(&mut draft)?,
        Command::Effects(command) => command.decide(&mut draft)?,
        Command::Jobs(command) => command.decide(&mut draft)?,
        Command::Webhooks(command) => command.decide(&mut draft)?,
        Command::Schedules(command) => command.decide(&mut draft)?,
        Command::Warehouse(command) => command.decide(&mut draft)?,
        Command::Imports(command) => command.decide(&mut draft)?,
    };
    Ok(draft.finish(reply))
}
