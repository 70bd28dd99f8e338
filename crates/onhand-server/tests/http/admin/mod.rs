//! The administration's pages, asked as a browser without scripts asks them: what each section
//! shows, its forms with what is wrong in them, and that what people have written stays text.

mod dashboard;
mod desk;
mod jobs;
mod log;
mod office;
mod payments;
mod products;
mod stock;
mod users;
mod warehouse;
mod webhooks;
