//! The administration's pages, asked as a browser asks them: what each section shows, its forms with
//! what is wrong in them, and that what people have written stays text.

mod dashboard;
mod jobs;
mod log;
mod office;
mod payments;
mod users;
mod webhooks;
