//! Where stock is and what is promised: locations, levels, the ledger of movements, reservations.
//! Stock changes through one door ([`crate::draft::Draft::move_stock`]) and every change is a
//! movement.

mod commands;
mod holds;
mod level;
mod location;
mod movement;
mod refusal;
mod reservation;
mod sourcing;
mod stock;

pub use commands::{
    Adjustment, Command, Count, HoldItem, LevelPolicy, LocationPatch, NewLocation, Transfer,
};
pub use level::{Level, Totals};
pub use location::Location;
pub use movement::{Mark, Move, Movement, MovementKind, Past, StockChange};
pub use refusal::{Refusal, ShortItem};
pub use reservation::{Reservation, ReservationState, ReservationView};
pub use sourcing::{Pick, Sourcing, available_in_all, source};

pub(crate) use holds::{Ending, Hold, close_hold, hold_stock, level_with_room};
pub(crate) use stock::{
    check_occurred_at, check_room, constant_reason, is_unchanged_since, past, record,
    target_location,
};
