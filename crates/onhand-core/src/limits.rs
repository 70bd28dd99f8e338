//! Every bound of the rules in one place: what it protects and what it is. Bounds of queues, bodies
//! and pages are in the engine's and the server's `limits.rs`.

/// Most units one line, movement or level may hold. Keeps every sum far inside `i64`.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
/// Most minor units one price may have: 10^13, so that a full order's total fits in an `i64`.
pub const AMOUNT_MAX: i64 = 10_000_000_000_000;
/// Most lines of one order after duplicates are summed.
pub const ORDER_LINES_MAX: usize = 500;
/// Most orders in one batch command; they commit together.
pub const BATCH_ORDERS_MAX: usize = 500;
/// Most items of one reservation command.
pub const RESERVATION_ITEMS_MAX: usize = 500;
/// Most entries in one adjustment command.
pub const ADJUSTMENTS_MAX: usize = 500;
/// Most categories a product may be in.
pub const PRODUCT_CATEGORIES_MAX: usize = 64;
/// Characters by which gateways tell the receipts of this installation from those of others: as
/// many as fit into the 40 of a receipt beside the longest number, enough for two never to have
/// the same.
pub const RECEIPT_MARK_CHARS: usize = 7;
/// Most locations in the whole installation; all are at hand for every sourcing decision.
pub const LOCATIONS_MAX: usize = 1_000;
/// Longest SKU in characters.
pub const SKU_CHARS_MAX: usize = 64;
/// Longest name (product, category, location) in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Longest free text (description, note) in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// Longest reference (order of another system, external reference) in characters.
pub const REFERENCE_CHARS_MAX: usize = 255;
/// Longest reason of a movement in characters.
pub const REASON_CHARS_MAX: usize = 64;
/// Most metadata entries of an order.
pub const METADATA_ENTRIES_MAX: usize = 50;
/// Shortest life of a hold in seconds.
pub const HOLD_SECS_MIN: i64 = 1;
/// Longest life of a hold in seconds: 31 days.
pub const HOLD_SECS_MAX: i64 = 31 * 24 * 3600;
/// Life of a hold in seconds when the caller names none: 10 minutes.
pub const HOLD_SECS_DEFAULT: i64 = 600;
/// Most orders of one customer that wait for a payment, where customers place them themselves: more
/// than anybody has carts, and with the units below too few to empty a shelf.
pub const OPEN_ORDERS_PER_CUSTOMER_MAX: i64 = 20;
/// Most units in all of them.
pub const HELD_UNITS_PER_CUSTOMER_MAX: i64 = 1_000;
/// Most open orders of one customer that are looked at, the newest: programs of a shop may place
/// more, and their number must not make a decision slow.
pub const OPEN_ORDERS_LOADED_MAX: usize = 1_000;
/// Furthest `occurred_at` may lie in the future, in seconds: tolerates a caller's clock.
pub const OCCURRED_AHEAD_SECS_MAX: i64 = 60;
/// Threshold below which stock counts as low when none was set.
pub const LOW_STOCK_THRESHOLD_DEFAULT: i64 = 10;
/// Every this many movements of one level the ledger keeps a mark with running totals, so that a
/// look into the past walks at most this many entries.
pub const MOVEMENTS_PER_MARK: u64 = 64;
/// Most expired holds one command releases before it decides; the sweeper takes the rest.
pub const EXPIRED_HOLDS_PER_COMMAND_MAX: usize = 1_000;
/// Most fulfilments of one order.
pub const FULFILMENTS_MAX: usize = 500;
/// Longest e-mail address in characters (RFC 5321).
pub const EMAIL_CHARS_MAX: usize = 254;
/// Longest part of an e-mail address before its `@`, in characters (RFC 5321).
pub const EMAIL_LOCAL_CHARS_MAX: usize = 64;
/// Longest hash of a password in characters, with its parameters and salt.
pub const PASSWORD_HASH_CHARS_MAX: usize = 255;
/// Fewest characters of a password's salt: 16 bytes in base64 without padding.
pub const PASSWORD_SALT_CHARS_MIN: usize = 22;
/// Fewest characters of what is hashed from password and salt: 16 bytes in base64 without padding.
pub const PASSWORD_OUTPUT_CHARS_MIN: usize = 22;
/// Bytes of the hash of a token or key: SHA-256.
pub const TOKEN_HASH_BYTES: usize = 32;
/// Most sessions of one user that have not ended: one more ends the oldest.
pub const SESSIONS_PER_USER_MAX: usize = 20;
/// Longest life of a session in seconds, however often it is refreshed: 30 days. Who asks for more
/// gets this.
pub const SESSION_LIFE_SECS_MAX: i64 = 30 * 24 * 3600;
/// Seconds after a refresh in which the token before it may be shown once more: the reply was lost.
pub const REFRESH_GRACE_SECS: i64 = 10;
/// Longest part of a key that is shown to people, in characters.
pub const KEY_PREFIX_CHARS_MAX: usize = 16;
/// Most uses of keys that one command notes; what is beyond is not noted, and the next use is.
pub const KEY_USES_MAX: usize = 500;
/// Longest id of a gateway's object in characters, or of what a browser needs to pay. Those of
/// known gateways have at most 30 and 70.
pub const GATEWAY_ID_CHARS_MAX: usize = 128;
/// Most gateway's orders of one payment.
pub const PAYMENT_INTENTS_MAX: usize = 20;
/// Most attempts of one payment that are kept. Those in which no money was make way.
pub const PAYMENT_ATTEMPTS_MAX: usize = 100;
/// Most refunds of one payment.
pub const PAYMENT_REFUNDS_MAX: usize = 100;
/// Most effects that are leased or settled by one command.
pub const EFFECTS_LEASED_MAX: usize = 500;
/// Most messages of a gateway that wait for one of its orders to become known.
pub const WAITING_NOTICES_MAX: usize = 100;
/// Most messages of gateways that one command forgets.
pub const NOTICES_FORGOTTEN_MAX: usize = 1_000;
/// Most jobs of one queue that wait or are being done. What is beyond waits in the log.
pub const JOBS_OPEN_MAX: u64 = 10_000;
/// Most jobs that one step of a consumer makes.
pub const JOBS_TAKEN_MAX: usize = 1_000;
/// Most jobs that are leased or settled by one command.
pub const JOBS_LEASED_MAX: usize = 500;
/// Most ended jobs that one command forgets.
pub const JOBS_FORGOTTEN_MAX: usize = 1_000;
/// Most tries of a job that are kept, the newest.
pub const JOB_ATTEMPTS_KEPT_MAX: usize = 12;
/// Most times that a job is given to somebody who does not come back.
pub const JOB_LEASES_LOST_MAX: usize = 5;
/// Seconds in which somebody is told of a queue's dead letters once, however many there are.
pub const DEAD_LETTERS_TOLD_EVERY_SECS: i64 = 3600;
/// Most webhook endpoints.
pub const ENDPOINTS_MAX: u64 = 100;
/// Most types of events that an endpoint may name.
pub const ENDPOINT_FILTERS_MAX: usize = 100;
/// Most secrets of an endpoint that sign at once.
pub const ENDPOINT_SECRETS_MAX: usize = 5;
/// Longest URL of an endpoint in characters.
pub const URL_CHARS_MAX: usize = 2_000;
/// Most rows of a file that one command takes: orders wait while it is decided and written. Whoever
/// takes a file beside orders takes fewer.
pub const IMPORT_ROWS_TAKEN_MAX: usize = 2_000;
/// Most rows of an import whose faults are kept, the first; the others are counted.
pub const IMPORT_FAULTS_MAX: usize = 100;
/// How long nothing of an import's file may come before it is given up for good, in seconds: a
/// week, so that a file can be sent again after a long weekend.
pub const IMPORT_SILENT_SECS_MAX: i64 = 7 * 24 * 60 * 60;
/// Most rows of a dry run of which it is kept what they would change, the first.
pub const IMPORT_DIFFERENCES_MAX: usize = 100;
/// Most characters of a file's text that are kept to show what is meant.
pub const IMPORT_VALUE_CHARS_MAX: usize = 200;
/// Seconds in which one success of an endpoint is noted.
pub const SUCCESS_NOTED_SECS: i64 = 60;
/// Most rows of one run against the external warehouse.
pub const SYNC_ROWS_MAX: u32 = 5_000_000;
/// Most rows that one command stages.
pub const SYNC_ROWS_STAGED_MAX: usize = 500;
/// Most rows that one step of a run settles, or products that it looks for.
pub const SYNC_ROWS_APPLIED_MAX: usize = 500;
/// Most rows that an operator approves or rejects by number at once.
pub const SYNC_ROWS_DECIDED_MAX: usize = 100;
/// Most rows that one command forgets.
pub const SYNC_ROWS_FORGOTTEN_MAX: usize = 1_000;
/// Most things that the name of a product in a row may mean: a SKU, or an id.
pub const SYNC_PRODUCT_REFS_MAX: usize = 2;
/// A run that would empty at least so many per cent of the stocked rows that it names is held.
pub const SYNC_GUARD_PERCENT: u32 = 50;
/// How many stocked rows it must name for that.
pub const SYNC_GUARD_ROWS_MIN: u32 = 10;
/// A run that would empty all of the stocked rows that it names is held if they are so many.
pub const SYNC_GUARD_ALL_ROWS_MIN: u64 = 3;
/// Most orders that one step cancels, or tells to wait, because stock is missing.
pub const SHORTFALL_ORDERS_MAX: usize = 50;
/// Most broken promises of one round of the proof that are remembered: there are fewer.
pub const PROOF_BROKEN_MAX: usize = 100;
/// Most offenders that are remembered of each.
pub const PROOF_OFFENDERS_MAX: usize = 3;
/// Seconds in which operators are told once of what a round of the proof finds, unless it ends.
pub const PROOF_TOLD_EVERY_SECS: i64 = 3_600;
