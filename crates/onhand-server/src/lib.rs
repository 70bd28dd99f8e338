//! Skeleton.
pub mod client;
pub mod load;
pub mod random;
