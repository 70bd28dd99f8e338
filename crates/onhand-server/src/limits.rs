//! Every bound of the server's edges: what it protects and what it is.

use std::time::Duration;

/// Largest body of a request in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Largest body of a request that carries a list (order batches, adjustments) in bytes.
pub const BULK_BODY_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of arrays and objects in a body. No route needs more than five; parsers that
/// recurse pay for each level with stack.
pub const BODY_DEPTH_MAX: usize = 32;
/// How long the headers of a request may take to arrive.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the body of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most connections at a time; beyond it new ones wait in the listener's backlog.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a graceful stop waits for requests that have begun.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest idempotency key in characters.
pub const KEY_CHARS_MAX: usize = 255;
/// Longest request id that is taken over from a caller.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// Rows of a page when the caller names none.
pub const PAGE_ROWS_DEFAULT: usize = 20;
/// Seconds after which a caller who was turned away may come back.
pub const RETRY_AFTER_SECS: u32 = 1;
/// How often the sweeper looks for holds that have run out.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Most holds that one sweep expires.
pub const SWEEP_HOLDS_MAX: usize = 500;
/// How long the right to sweep outlives the process that had it.
pub const SWEEP_LEASE: Duration = Duration::from_secs(5);
/// Most events that one message of a live feed looks at.
pub const FEED_ROWS_MAX: usize = 100;
/// How often a silent live feed says that it is alive.
pub const FEED_KEEP_ALIVE: Duration = Duration::from_secs(15);
