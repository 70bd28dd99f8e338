//! The pages for people who run the shop, as a browser without scripts sees them.

mod desk;
mod products;
mod stock;
mod warehouse;
