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
/// Most connections of one address at a time, unless it is a trusted proxy or this machine; beyond
/// it new ones are closed. Less than a tenth of all, and more than a shop's servers keep open.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 500;
/// How long a TLS handshake may take, waiting for its turn included.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Most TLS handshakes at a time; further ones wait for their turn. More than one address may have
/// connections, so that one cannot keep out the others.
pub const HANDSHAKES_MAX: usize = 1_000;
/// Most bytes of a file with certificates or a key.
pub const TLS_FILE_BYTES_MAX: u64 = 256 << 10;
/// How often the files of the certificate are looked at for a renewal.
pub const TLS_RENEWAL_EVERY: Duration = Duration::from_secs(60);
/// Most connections of the listener for operations at a time.
pub const OPS_CONNECTIONS_MAX: usize = 100;
/// How long a graceful stop waits for requests that have begun.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest idempotency key in characters.
pub const KEY_CHARS_MAX: usize = 255;
/// Longest request id that is taken over from a caller.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// How long a browser may remember what pages of another origin may send; none remembers longer.
pub const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);
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

/// Longest access token that is looked at, in bytes. Ours have about 260.
pub const ACCESS_TOKEN_BYTES_MAX: usize = 2 << 10;
/// Seconds that an access token is good for unless configured otherwise.
pub const ACCESS_LIFE_SECS_DEFAULT: i64 = 15 * 60;
/// Most seconds that an access token may be good for: so long does a revoked one live at worst.
pub const ACCESS_LIFE_SECS_MAX: i64 = 60 * 60;
/// Seconds that the clock of the process which issued a token may be ahead. An expiry has none.
pub const ACCESS_LEEWAY_SECS: i64 = 30;

/// Seconds that what is known of a user or key is believed, if nothing was heard meanwhile.
pub const IDENTITY_SECS_MAX: u64 = 60;
/// Most users, and most keys, of which it is known what they may do; some 100 bytes each.
pub const IDENTITIES_MAX: usize = 65_536;
/// Seconds that a login lives, however often it is refreshed, unless configured otherwise.
pub const SESSION_LIFE_SECS_DEFAULT: i64 = 30 * 24 * 3_600;

/// Fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Most characters of a password, so that a sentence fits. Nothing is ever cut off.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Most bytes of a password before anything else is done with it: four for each character.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// A password that is found with fewer guesses is refused: the most common ones and their obvious
/// variants. Guessing so many takes a thousand addresses more than a day (`auth/throttle.rs`).
pub const PASSWORD_GUESSES_MIN: u64 = 10_000;
/// Memory of one Argon2id computation in KiB; the least that is advised with two passes.
pub const PASSWORD_MEMORY_KIB: u32 = 19_456;
/// Passes over that memory.
pub const PASSWORD_PASSES: u32 = 2;
/// Lanes of that memory.
pub const PASSWORD_LANES: u32 = 1;
/// Most memory that a stored hash may ask for in KiB; more is taken for damage.
pub const PASSWORD_MEMORY_KIB_MAX: u32 = 256 << 10;
/// Most passes that a stored hash may ask for.
pub const PASSWORD_PASSES_MAX: u32 = 16;
/// Most password checks that wait for a thread; beyond it callers are turned away.
pub const PASSWORD_QUEUE_MAX: usize = 32;
/// Seconds after which those may come back: by then the queue has been worked off.
pub const PASSWORD_RETRY_AFTER_SECS: u32 = 2;

/// How long it takes from the hash of a new customer's password to the answer: longer than a commit
/// on a busy machine, so that nobody sees whether there was one.
pub const REGISTRATION_TIME: Duration = Duration::from_millis(100);

/// Fewest bytes of a secret in production.
pub const SECRET_BYTES_MIN: usize = 32;
/// Most bytes of a file of secrets.
pub const SECRET_FILE_BYTES_MAX: u64 = 4 << 10;
/// Most secrets of one kind at a time: the one that signs and those on their way out.
pub const SECRETS_MAX: usize = 4;
/// Fewest different bytes in a secret in production. Of 32 random hexadecimal digits fewer than
/// this are different once in billions.
pub const SECRET_VARIETY_MIN: usize = 6;

/// Seconds in which the requests of a rate are counted.
pub const RATE_WINDOW_SECS: u32 = 60;
/// Reads of one principal in a window.
pub const RATE_READS_DEFAULT: u32 = 6_000;
/// Writes of one principal in a window.
pub const RATE_WRITES_DEFAULT: u32 = 1_200;
/// Orders that one principal may place in a window.
pub const RATE_CHECKOUT_DEFAULT: u32 = 120;
/// Logins, registrations and refreshes of one principal in a window.
pub const RATE_AUTH_DEFAULT: u32 = 30;
/// How many users an API key stands for: a shop's own programs place the orders of all of them.
pub const RATE_KEY_FACTOR: u32 = 1_000;
/// How many principals are taken to share an address: an office, a mobile network's gateway.
pub const RATE_ADDRESS_FACTOR: u32 = 4;
/// Most callers whose rates are remembered, over all classes; about 2 MiB.
pub const RATE_KEYS_MAX: usize = 65_536;

/// Most pairs of an account and an address whose failed logins are remembered.
pub const THROTTLE_PAIRS_MAX: usize = 65_536;
/// Most addresses whose failed logins are remembered.
pub const THROTTLE_ADDRESSES_MAX: usize = 16_384;
/// Most accounts whose failed logins are remembered.
pub const THROTTLE_ACCOUNTS_MAX: usize = 16_384;
/// Most pairs of an account and an address that are remembered for a login that succeeded.
pub const THROTTLE_KNOWN_MAX: usize = 65_536;
/// Failed logins of one address into one account that cost no waiting.
pub const THROTTLE_PAIR_FREE: u32 = 5;
/// Longest waiting of an address that knows an account, and of any while nobody attacks it, in
/// seconds.
pub const THROTTLE_PAIR_WAIT_SECS_MAX: i64 = 60 * 60;
/// Failed logins of one address into any accounts that cost no waiting: more than an office
/// mistypes in an hour.
pub const THROTTLE_ADDRESS_FREE: u32 = 50;
/// Longest waiting of an address that fails everywhere, in seconds.
pub const THROTTLE_ADDRESS_WAIT_SECS_MAX: i64 = 15 * 60;
/// Failed logins of strangers from which on an account counts as attacked.
pub const THROTTLE_ACCOUNT_FREE: u32 = 20;
/// Seconds that a stranger waits for the first try at an attacked account: the most that an attack
/// delays its victim from a new address. Each failure multiplies it.
pub const THROTTLE_STRANGER_WAIT_SECS: i64 = 60;
/// Longest waiting of a stranger at an attacked account, in seconds.
pub const THROTTLE_STRANGER_WAIT_SECS_MAX: i64 = 24 * 60 * 60;
/// Seconds without a failure after which an address or an account is no longer suspected.
pub const THROTTLE_FORGET_SECS: i64 = 60 * 60;
/// Seconds without a failure after which a pair is no longer suspected.
pub const THROTTLE_PAIR_FORGET_SECS: i64 = 2 * 24 * 60 * 60;

/// Most proxies that a request is followed through.
pub const FORWARDED_HOPS_MAX: usize = 16;

/// How long one request to a payment gateway may take unless configured otherwise, its answer
/// included.
pub const GATEWAY_TIMEOUT: Duration = Duration::from_secs(10);
/// Most seconds that may be configured for it.
pub const GATEWAY_TIMEOUT_SECS_MAX: u64 = 60;
/// Most bytes of a gateway's answer that are read.
pub const GATEWAY_ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long connecting to a gateway may take, TLS included: shorter than a request, so that what
/// was never sent is known not to be done.
pub const GATEWAY_CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Most connections to one gateway that are kept while nothing is asked.
pub const GATEWAY_IDLE_CONNECTIONS_MAX: usize = 16;
/// Rows of one page of a gateway's list; Razorpay gives no more.
pub const GATEWAY_PAGE_ROWS_MAX: usize = 100;
/// Most pages of a gateway's list that are read: more tries than a customer has patience for.
pub const GATEWAY_PAGES_MAX: usize = 10;
/// Most payments of one order whose refunds are asked for: a gateway takes the money once, and a
/// few times more where banks are late.
pub const GATEWAY_CAPTURED_MAX: usize = 20;
/// Longest name of an event that is kept as it came.
pub const NOTICE_ID_CHARS_MAX: usize = 128;
/// Most characters of what a gateway says about why it will not.
pub const GATEWAY_REASON_CHARS_MAX: usize = 300;
/// Longest time that a gateway may ask us to wait before the next try.
pub const GATEWAY_RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);
/// Most bytes of a message of a gateway.
pub const NOTICE_BYTES_MAX: usize = 256 << 10;
/// How old a message of Stripe may be, and how far in the future, in seconds; as its own libraries
/// have it.
pub const NOTICE_AGE_SECS_MAX: u64 = 300;
/// Seconds after which what a gateway says to have made is not taken for made just now.
pub const INTENT_FRESH_SECS: i64 = 60;
/// Most signatures of one message that are looked at: one for each secret of a rotation.
pub const NOTICE_SIGNATURES_MAX: usize = 16;

/// Most orders of the simulated gateway; beyond it the oldest with no money under way is forgotten.
/// More than `payments-chaos` makes in its longest run, because it compares all of them.
pub const SIMULATED_ORDERS_MAX: usize = 250_000;
/// Most tries to pay one order of the simulated gateway.
pub const SIMULATED_PAYMENTS_MAX: usize = 250;
/// Most refunds of one payment of the simulated gateway.
pub const SIMULATED_REFUNDS_MAX: usize = 50;
/// Most things that the simulated gateway has before it, and most messages; further ones are lost.
pub const SIMULATED_AGENDA_MAX: usize = 200_000;
/// Most messages that are ready to be sent while all senders are busy.
pub const SIMULATED_READY_MAX: usize = 256;
/// How many messages the simulated gateway sends at a time, each over a connection that it keeps.
pub const SIMULATED_SENDERS: usize = 32;
/// How often the simulated gateway tries to deliver a message.
pub const SIMULATED_TRIES_MAX: u32 = 12;
/// Longest wait between two of these.
pub const SIMULATED_TRY_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long a message of the simulated gateway waits for an answer, as Razorpay's do.
pub const SIMULATED_ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Most rows of a page of the simulated gateway's ledger.
pub const SIMULATED_LEDGER_ROWS_MAX: usize = 10_000;
/// Most connections to the simulated gateway at a time.
pub const SIMULATED_CONNECTIONS_MAX: usize = 1_000;

/// Most calls to gateways at a time.
pub const EFFECTS_AT_ONCE_MAX: usize = 128;
/// Commands of a crowd of customers for each call to a gateway that is begun meanwhile: a call
/// costs about as much as five commands, so that a twelfth of the work is for gateways.
pub const RUSH_COMMANDS_PER_CALL: u64 = 64;
/// Commands in one batch from which on customers count as a crowd: more than gateways send at once.
pub const RUSH_COMMANDS_PER_BATCH: u64 = 64;
/// For how long a crowd goes first.
pub const RUSH_YIELD: Duration = Duration::from_secs(10);
/// How often somebody looks whether something is due, when nobody says so.
pub const EFFECTS_LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a worker has for what it leased, as a multiple of what one request may take: longer
/// than a call that makes a dozen requests, each of them slow. So nobody else makes the same call.
pub const EFFECT_LEASE_TIMEOUTS: u32 = 18;
/// How long a stop waits for answers of gateways that are on their way.
pub const EFFECTS_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait before the first repetition of a call.
pub const EFFECT_BACKOFF_BASE: Duration = Duration::from_millis(500);
/// Longest wait before any.
pub const EFFECT_BACKOFF_MAX: Duration = Duration::from_secs(10 * 60);
/// Calls by which it is judged whether a gateway is there, at least.
pub const BREAKER_CALLS_MIN: u32 = 20;
/// For how long calls are counted together.
pub const BREAKER_WINDOW: Duration = Duration::from_secs(10);
/// How long a gateway that answers next to nothing is left alone.
pub const BREAKER_OPEN: Duration = Duration::from_secs(5);
/// Calls that may be made again for a hundred that are made for the first time.
pub const RETRY_BUDGET_PERCENT: u32 = 10;
/// Most calls that may be made again at once.
pub const RETRY_BUDGET_MAX: u32 = 100;
/// Longest time that reading a payment may wait for the gateway, in seconds.
pub const PAYMENT_WAIT_SECS_MAX: u32 = 10;
/// How often it looks meanwhile.
pub const PAYMENT_LOOK_EVERY: Duration = Duration::from_millis(50);

/// Most payments about which `onhand reconcile --ask` has the gateways asked.
pub const RECONCILE_ASK_ROWS_MAX: usize = 1_000;
/// How long it waits for what they say.
pub const RECONCILE_ASK_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it looks whether that has come.
pub const RECONCILE_LOOK_EVERY: Duration = Duration::from_millis(200);
/// Furthest that somebody may look back for money that is not where it should be, in seconds: a
/// leap year.
pub const RECONCILIATION_AGE_SECS_MAX: u32 = 366 * 24 * 3600;

/// Fewest bytes of a secret that signs webhooks; as Standard Webhooks has it.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 24;
/// Most bytes of such a secret.
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 64;
/// How often a webhook is sent before it is dead: over 75 hours.
pub const WEBHOOK_ATTEMPTS_MAX: u32 = 10;
/// By how much the wait before the next attempt is longer by chance, at the most.
pub const WEBHOOK_JITTER_PERCENT: u32 = 20;
/// Longest wait that a receiver may ask for: the longest there is without being asked.
pub const WEBHOOK_RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a receiver that is overrun is left alone when it does not say how long.
pub const WEBHOOK_PAUSE: Duration = Duration::from_secs(60);
/// How long sending a webhook may take, the answer included.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);
/// How long connecting to a receiver may take, its name and TLS included.
pub const WEBHOOK_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a receiver's answer that are read.
pub const WEBHOOK_ANSWER_BYTES_MAX: usize = 16 << 10;
/// Most bytes of it that are kept for people to look at.
pub const WEBHOOK_EXCERPT_BYTES_MAX: usize = 1 << 10;
/// Most headers of a receiver's answer.
pub const WEBHOOK_ANSWER_HEADERS_MAX: usize = 64;
/// Most connections to one receiver that are kept while nothing is sent.
pub const WEBHOOK_IDLE_CONNECTIONS_MAX: usize = 4;
/// For how long they are kept. A name is looked up, and its addresses judged, for each new one.
pub const WEBHOOK_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest address of a receiver in bytes.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2 << 10;
/// Most addresses of one name that are looked at; a name with more is refused.
pub const WEBHOOK_ADDRESSES_MAX: usize = 64;
/// Most bytes of a webhook's body; of what is larger, only the link is sent. Standard Webhooks asks
/// for less than 20 kB.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 20_000 - 1;

/// How long an entry of the cache lives unless configured otherwise.
pub const CACHE_TTL_DEFAULT: Duration = Duration::from_secs(600);
/// Bytes of the cache in the process unless configured otherwise.
pub const CACHE_BYTES_DEFAULT: u64 = 64 << 20;
/// Most bytes of one entry; what is larger is read each time.
pub const CACHE_ENTRY_BYTES_MAX: usize = 256 << 10;
/// Bytes of a usual entry, by which the cache is laid out.
pub const CACHE_ENTRY_BYTES_USUAL: u64 = 2 << 10;
/// Places in which a process notes what has changed; 512 KiB. Keys that share one share their
/// invalidations.
pub const CACHE_FENCE_PLACES: usize = 65_536;
/// How long a shared cache may take to answer: longer, and the database would have been faster.
pub const CACHE_TIMEOUT: Duration = Duration::from_millis(5);
/// How long connecting to a shared cache may take; nobody waits for it.
pub const CACHE_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Answers that a shared cache may fail to give, one after the other, before its connection is
/// given up.
pub const CACHE_FAILURES_MAX: u32 = 3;
/// How long a shared cache that is gone is left alone before the next try to connect.
pub const CACHE_LEFT_ALONE: Duration = Duration::from_secs(1);
/// Most invalidations that are sent to a shared cache in one go.
pub const CACHE_FORGET_KEYS_MAX: usize = 1_000;
