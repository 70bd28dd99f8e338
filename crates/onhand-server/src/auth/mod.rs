//! Who is asking, and how often: passwords, tokens, keys, rate limits. Knows neither routes nor
//! rows: handlers hand in what they read and store what they are given. Nothing here reads the wall
//! clock; whoever asks says what time it is. Every secret is compared in constant time.

pub mod address;
pub mod forwarded;
pub mod limiter;
pub mod passwords;
pub mod sealed;
pub mod secrets;
mod table;
pub mod throttle;
pub mod tokens;
