//! Work that nobody asked for over HTTP.

pub mod crew;
pub mod effects;
pub mod jobs;
pub mod key_uses;
pub mod options;
mod rush;
pub mod schedules;
pub mod timetable;
pub mod verify;
pub mod warehouse;
