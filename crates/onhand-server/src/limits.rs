//! Every bound of the server's edges: what it protects and what it is.

use std::time::Duration;

/// Largest body of a request in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Largest body of a request that carries a list (order batches, adjustments) in bytes.
pub const BULK_BODY_BYTES_MAX: usize = 1 << 20;
/// Largest file that is imported over HTTP, in bytes: ten million rows and more.
pub const IMPORT_BYTES_MAX: u64 = 4 << 30;
/// Longest row of a file, in bytes; a longer one is refused and the next one read.
pub const IMPORT_RECORD_BYTES_MAX: usize = 64 << 10;
/// Most columns of a file.
pub const IMPORT_COLUMNS_MAX: usize = 500;
/// Most columns that are told to have been ignored.
pub const IMPORT_IGNORED_TOLD_MAX: usize = 100;
/// Rows that one command takes: orders wait for no more than these in their batch.
pub const IMPORT_BATCH_ROWS: usize = 250;
/// How long nothing of a file may arrive before it is given up for now.
pub const IMPORT_IDLE_MAX: Duration = Duration::from_secs(30);
/// How long an import tries again where the committer has no room or the store is away.
pub const IMPORT_WAITS_MAX: Duration = Duration::from_secs(30);
/// How long a start does: a neighbour that was stopped with its turn may keep it for seconds.
pub const START_WAITS_MAX: Duration = Duration::from_secs(30);
/// Bytes that the command reads of a file at once.
pub const IMPORT_CHUNK_BYTES: usize = 64 << 10;
/// Most chunks of a file that wait to be looked at.
pub const IMPORT_CHUNKS_WAITING_MAX: usize = 4;
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
/// Most bytes of the file of settings.
pub const CONFIG_BYTES_MAX: u64 = 256 << 10;
/// How often the files of the certificate are looked at for a renewal.
pub const TLS_RENEWAL_EVERY: Duration = Duration::from_secs(60);
/// Most connections of the listener for operations at a time.
pub const OPS_CONNECTIONS_MAX: usize = 100;
/// How often it is looked at what waits in the database, for operators.
pub const SOUNDING_EVERY: Duration = Duration::from_secs(5);
/// How often a sample is taken for the live page.
pub const STATUS_SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Samples that are kept: a quarter of an hour, and one to begin with. Half a kibibyte each.
pub const STATUS_SAMPLES_MAX: usize = 15 * 60 + 1;
/// Points of a chart of the live page, however long its span is.
pub const STATUS_POINTS: usize = 60;
/// Most who follow the live page at a time; others reload it.
pub const STATUS_VIEWERS_MAX: usize = 20;
/// How long the timer is by which the delay of the event loop is measured.
pub const LOOP_TICK: Duration = Duration::from_millis(100);
/// Most lines of the request log that wait to be written; beyond it they are dropped and counted.
pub const REQUEST_LOG_LINES_MAX: usize = 8_192;
/// How often it is told that lines of the request log were dropped.
pub const REQUEST_LOG_NOTICE_EVERY: Duration = Duration::from_secs(10);
/// How long a stop waits for the lines that are not written yet.
pub const REQUEST_LOG_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a graceful stop waits for requests that have begun.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest idempotency key in characters.
pub const KEY_CHARS_MAX: usize = 255;
/// Longest request id that is taken over from a caller.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// How long a browser may remember what pages of another origin may send; none remembers longer.
pub const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Largest form that is sent to a page of the administration, in bytes.
pub const FORM_BYTES_MAX: usize = 256 << 10;
/// Most fields of such a form, and of a query.
pub const FORM_FIELDS_MAX: usize = 500;
/// Largest answer of a route that a form is sent on to, in bytes.
pub const ADMIN_ANSWER_BYTES_MAX: usize = 4 << 20;
/// Rows of a list in the administration.
pub const ADMIN_ROWS: usize = 50;
/// Most things that a form of the administration offers to choose from.
pub const ADMIN_CHOICES_MAX: usize = 100;
/// Movements that the course of a product's stock is drawn from.
pub const ADMIN_CHART_MOVEMENTS: usize = 100;
/// Movements that are shown beside the stock of a product; its ledger has all.
pub const ADMIN_LEDGER_ROWS: usize = 20;
/// Seconds after which a page that cannot be shown for a moment tries again.
pub const ADMIN_RETRY_SECS: u32 = 5;
/// Rows of a list in the administration whose rows have forms of their own.
pub const ADMIN_FORM_ROWS: usize = 20;
/// Most bytes of an object that the administration shows as text.
pub const ADMIN_TEXT_BYTES_MAX: usize = 64 << 10;
/// How long figures of the dashboard are shown again: shorter than [`ADMIN_FEED_EVERY`], so that
/// who was told of a change sees it.
pub const DASHBOARD_KEPT: Duration = Duration::from_millis(900);
/// How many times as long as it took to gather them they are shown again at least.
pub const DASHBOARD_REST: u32 = 10;
/// Most orders of which the dashboard makes its sums; of more it is an even sample.
pub const DASHBOARD_ORDERS: usize = 1_000;
/// Most of a kind that the dashboard counts.
pub const DASHBOARD_COUNT_MAX: usize = 100;
/// Rows of a list on the dashboard.
pub const DASHBOARD_ROWS: usize = 10;
/// How often at most an open page is told that something has changed.
pub const ADMIN_FEED_EVERY: Duration = Duration::from_secs(1);
/// How long an open page is told so before its session is looked at again.
pub const ADMIN_FEED_LIFE: Duration = Duration::from_secs(5 * 60);
/// Most pages at a time that are told so.
pub const ADMIN_FEEDS_MAX: usize = 64;
/// Rows of a page when the caller names none.
pub const PAGE_ROWS_DEFAULT: usize = 20;
/// Seconds after which a caller who was turned away may come back.
pub const RETRY_AFTER_SECS: u32 = 1;
/// How long it is between two sweeps of holds that have run out.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Most holds that one sweep expires.
pub const SWEEP_HOLDS_MAX: usize = 500;
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
/// Commands in the batch of a command, on average, from which on customers count as a crowd: more
/// than gateways send at once.
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
/// Longest wait before the first repetition of a call, in milliseconds, unless it is configured.
pub const EFFECT_BACKOFF_BASE_MS: u64 = 500;
/// The same, as it may be configured at most.
pub const EFFECT_BACKOFF_BASE_MS_MAX: u64 = 60_000;
/// Longest wait before any repetition.
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
/// Longest time for which a payment that is begun through a dialect waits for the gateway.
pub const INTENT_WAIT: Duration = Duration::from_secs(5);
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
pub const WEBHOOK_IDLE_CONNECTIONS_MAX: usize = 16;
/// For how long they are kept. A name is looked up, and its addresses judged, for each new one.
pub const WEBHOOK_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest address of a receiver in bytes.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2 << 10;
/// Most addresses of one name that are looked at; a name with more is refused.
pub const WEBHOOK_ADDRESSES_MAX: usize = 64;
/// Most bytes of a webhook's body; of what is larger, only the link is sent. Standard Webhooks asks
/// for less than 20 kB.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 20_000 - 1;

/// How long a job that was leased is nobody else's, where it takes no longer than a commit: so long
/// does it wait when its worker has died.
pub const JOB_LEASE: Duration = Duration::from_secs(10);
/// The same of a message to an endpoint: longer than sending it may take.
pub const WEBHOOK_LEASE: Duration = Duration::from_secs(30);
/// The same of a mail, beyond what its steps may take.
pub const MAIL_LEASE_BEYOND: Duration = Duration::from_secs(10);
/// How often a queue is looked at where nothing is known to have happened.
pub const JOBS_LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long what happens is gathered before it is taken in together.
pub const JOBS_GATHER: Duration = Duration::from_millis(25);
/// How long a graceful stop waits for jobs that have begun.
pub const JOBS_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Most events that one step of a consumer reads.
pub const JOB_EVENTS_READ_MAX: usize = 500;
/// Open jobs of a queue beyond which no more are made of the log while each lease finds enough.
pub const JOBS_AHEAD: u64 = 1_000;
/// Events without a job that a consumer passes before it writes down how far it is.
pub const CURSOR_STEP_MIN: i64 = 1_000;
/// Most orders that are taken up side by side.
pub const PROCESSING_AT_ONCE_MAX: usize = 500;
/// How often it is looked which webhook endpoints there are.
pub const ENDPOINTS_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most messages to one endpoint at a time.
pub const ENDPOINT_AT_ONCE_MAX: usize = 16;
/// How long an endpoint that did not answer is left alone.
pub const ENDPOINT_PAUSE: Duration = Duration::from_secs(5);
/// Seconds for which an endpoint's earlier secrets still sign when nothing else is said: a day.
pub const SECRET_KEEP_SECS_DEFAULT: i64 = 24 * 3600;
/// Most seconds for which they may: a week.
pub const SECRET_KEEP_SECS_MAX: i64 = 7 * 24 * 3600;
/// Most errors that wait to be sent to Sentry; beyond it they are counted and dropped.
pub const SENTRY_QUEUE_MAX: usize = 64;
/// Longest wait for Sentry's answer.
pub const SENTRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of it that are read.
pub const SENTRY_ANSWER_BYTES_MAX: usize = 4_096;
/// How long nothing is sent after it was told that it is too much, unless it says for how long.
pub const SENTRY_PAUSE_DEFAULT: Duration = Duration::from_secs(60);
/// The longest that it may say.
pub const SENTRY_PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// How long a stop waits for errors that are not sent yet.
pub const SENTRY_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Most characters of one text that is sent there.
pub const SCRUBBED_CHARS_MAX: usize = 2_000;
/// Longest wait for whoever takes traces.
pub const OTEL_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of its answer that are read.
pub const OTEL_ANSWER_BYTES_MAX: usize = 65_536;
/// How long a stop waits for traces that are not sent yet.
pub const OTEL_STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// Newest events and orders of which it is remembered which request has caused them.
pub const TRAIL_EVENTS_KEPT: usize = 4_096;
/// Per cent of one core that the continuous proof takes, unless it is told otherwise.
pub const VERIFY_SHARE_PERCENT_DEFAULT: u32 = 1;
/// Minutes from the beginning of one of its rounds to that of the next, unless it is told
/// otherwise.
pub const VERIFY_EVERY_MINUTES_DEFAULT: u64 = 60;
/// How often it is looked whether a round is due, or was left by a process that died.
pub const VERIFY_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a round belongs to a process that says no more how far it is.
pub const VERIFY_LEASE: Duration = Duration::from_secs(150);
/// How often a process remembers how far its round is: a dead one's is taken up from there.
pub const VERIFY_NOTE_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked whether customers crowd, before a slice and while it lasts.
pub const VERIFY_CROWD_LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked whether something scheduled is due.
pub const SCHEDULE_LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a run may take; then somebody else may begin another.
pub const SCHEDULE_RUN_MAX: Duration = Duration::from_secs(60);

/// The same of the sweep, which is one command: when its process dies, stock stays held so long.
pub const SWEEP_RUN_MAX: Duration = Duration::from_secs(5);
/// How long it is between two looks at money that is not where it should be.
pub const RECONCILE_EVERY: Duration = Duration::from_secs(15 * 60);
/// Seconds after which a payment that is open is worth a look.
pub const RECONCILE_OPEN_SECS: u64 = 15 * 60;
/// How long it is between two times of forgetting what nobody needs any more.
pub const RETENTION_EVERY: Duration = Duration::from_secs(60 * 60);
/// Most times in one run that some rows are forgotten.
pub const RETENTION_STEPS_MAX: usize = 1_000;
/// Most rows that one run counts of a kind.
pub const RETENTION_ROWS_MAX: usize = 200;
/// Days for which jobs that have ended are kept when nothing else is said.
pub const JOB_KEEP_DAYS_DEFAULT: u64 = 7;
/// Days for which messages of gateways are kept after they were taken in.
pub const NOTICE_KEEP_DAYS_DEFAULT: u64 = 90;
/// The same, as it may be configured at least: gateways repeat a message for three days, and people
/// have them repeat it for a month.
pub const NOTICE_KEEP_DAYS_MIN: u64 = 31;
/// How long an entry of the cache lives unless configured otherwise.
pub const CACHE_TTL_DEFAULT: Duration = Duration::from_secs(600);
/// Most seconds that may be configured for it: a day.
pub const CACHE_TTL_SECS_MAX: u64 = 24 * 3600;
/// Bytes of the cache in the process unless configured otherwise.
pub const CACHE_BYTES_DEFAULT: u64 = 64 << 20;
/// Fewest bytes that may be configured for it; fewer would keep next to nothing.
pub const CACHE_BYTES_MIN: u64 = 64 << 10;
/// Most bytes that may be configured for it: 64 GiB.
pub const CACHE_BYTES_MAX: u64 = 64 << 30;
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
/// How long one step of sending a mail may take unless configured otherwise: connecting with all
/// that belongs to it, saying from whom and to whom, handing the message over. A mail takes three.
pub const MAIL_STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// Most seconds that may be configured for it.
pub const MAIL_STEP_TIMEOUT_SECS_MAX: u64 = 300;
/// Most connections to a mail server at a time; who wants one more waits for its turn.
pub const MAIL_CONNECTIONS_MAX: usize = 8;
/// How long a connection to a mail server is kept without a mail; they close it after minutes.
pub const MAIL_IDLE_MAX: Duration = Duration::from_secs(60);
/// Most mails over one connection: many servers close it after a hundred.
pub const MAIL_PER_CONNECTION_MAX: u32 = 100;
/// Most bytes of a mail as it is sent; many servers refuse more than ten million.
pub const MAIL_BYTES_MAX: usize = 1 << 20;
/// Most rows of the table in a mail; further lines of an order are counted.
pub const MAIL_LINES_MAX: usize = 100;
/// Most characters of a subject: two lines of a header.
pub const MAIL_SUBJECT_CHARS_MAX: usize = 150;
/// Most characters in it of the name of something that was made outside.
pub const MAIL_ABOUT_CHARS_MAX: usize = 80;
/// Most characters of a Message-ID, so that it fits into one line of a header.
pub const MAIL_MESSAGE_ID_CHARS_MAX: usize = 250;
/// Most characters of the domain in it.
pub const MAIL_DOMAIN_CHARS_MAX: usize = 150;
/// Most characters of what a mail server says about why it will not.
pub const MAIL_REASON_CHARS_MAX: usize = 300;
/// Most addresses of operators.
pub const OPERATOR_MAILS_MAX: usize = 20;
/// Most failed tries to pay an order about which its customer gets a mail.
pub const PAYMENT_FAILED_MAILS_MAX: usize = 3;
/// Most bytes of a queued message: what SQS takes in one message, and in one request.
pub const QUEUE_BODY_BYTES_MAX: usize = 240 << 10;
/// Most characters of the id by which a queue tells what was published twice, and of a group's
/// name; SQS takes no more.
pub const QUEUE_ID_CHARS_MAX: usize = 128;
/// Most characters of the reason that a dead letter has.
pub const QUEUE_REASON_CHARS_MAX: usize = 300;
/// For how long brokers remember the ids of what was published: on SQS this is fixed.
pub const QUEUE_DEDUP_WINDOW: Duration = Duration::from_secs(5 * 60);
/// For how long a received message is nobody else's unless configured otherwise, in seconds.
pub const QUEUE_LEASE_SECS_DEFAULT: u64 = 30;
/// Most seconds that may be configured for it: so long does a message wait whose worker died.
pub const QUEUE_LEASE_SECS_MAX: u64 = 60 * 60;
/// Longest wait for a message in one call; SQS waits no longer.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(20);
/// Longest time after which a message may come again; SQS refuses more than twelve hours since it
/// was received.
pub const QUEUE_AGAIN_MAX: Duration = Duration::from_secs(11 * 60 * 60);
/// Most messages that one call publishes, receives or ends.
pub const QUEUE_BATCH_MAX: usize = 1_000;
/// How long connecting to a broker may take.
pub const QUEUE_CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a broker may take to answer, waiting for a message apart.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call to SQS may take with its repetitions, waiting for a message apart.
pub const SQS_CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// How often the SDK of AWS tries a request.
pub const SQS_TRIES_MAX: u32 = 3;
/// Most messages in one request to SQS.
pub const SQS_BATCH_MAX: usize = 10;
/// Most bytes of a request to SQS that carries messages, names and ids apart.
pub const SQS_BATCH_BYTES_MAX: usize = 250 << 10;
/// Most requests to SQS at a time for one call.
pub const SQS_AT_ONCE_MAX: usize = 8;
/// Most messages of a stream that we make; beyond it publishing fails, and nothing is lost.
pub const NATS_MESSAGES_MAX: i64 = 10_000_000;
/// Most bytes of a stream of work that we make, some five million messages. NATS sets them aside.
pub const NATS_WORK_BYTES_MAX: i64 = 1 << 30;
/// Most bytes of a stream of what was given up that we make.
pub const NATS_DEAD_BYTES_MAX: i64 = 256 << 20;
/// Most messages of NATS that are leased at a time, over all workers.
pub const NATS_LEASED_MAX: i64 = 10_000;
/// Most requests for messages that wait at NATS at a time, over all workers.
pub const NATS_WAITING_MAX: i64 = 512;
/// Most messages to NATS whose receipt is awaited at a time.
pub const NATS_UNACKED_MAX: usize = 256;
/// Longest message that may ask for something, in bytes. Ours have about 50.
pub const JOB_BYTES_MAX: usize = 4 << 10;
/// Most characters of an unknown action that are repeated.
pub const JOB_WORD_CHARS_MAX: usize = 40;
/// Longest name of where relayed events come from; with an event's id it is one of a message.
pub const RELAY_SOURCE_CHARS_MAX: usize = 100;
/// Most mails that are handed over side by side.
pub const MAILS_AT_ONCE_MAX: usize = 16;
/// The same where nobody else is asked: into a folder, or the log.
pub const MAILS_NEARBY_AT_ONCE_MAX: usize = 128;
/// Tries after which a mail is given up: about two days.
pub const MAIL_TRIES_MAX: u32 = 16;
/// How long to wait before the second try of a mail.
pub const MAIL_AGAIN_FIRST: Duration = Duration::from_secs(30);
/// Longest wait between two tries of a mail.
pub const MAIL_AGAIN_MAX: Duration = Duration::from_secs(6 * 3600);
/// How long a mail server that takes nothing is left alone.
pub const MAIL_PAUSE: Duration = Duration::from_secs(10);
/// How long the right to hand the log on outlives the process that had it.
pub const FOLLOW_LEASE: Duration = Duration::from_secs(15);
/// Longest wait for a broker that is away.
pub const FOLLOW_AGAIN_MAX: Duration = Duration::from_secs(30);
/// Most messages that are handed to a broker, or taken from it, in one go.
pub const BROKER_MESSAGES_MAX: usize = 10;
/// How long to wait at a broker for the next message.
pub const BROKER_WAIT: Duration = Duration::from_secs(10);
/// Deliveries after which a message is given up: whoever takes it may die of it.
pub const QUEUE_DELIVERIES_MAX: u32 = 10;

/// How long the warehouse may take to answer unless configured otherwise, a page at a time.
pub const WAREHOUSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most seconds that may be configured for it.
pub const WAREHOUSE_TIMEOUT_SECS_MAX: u64 = 300;
/// How long connecting to the warehouse may take, its name and TLS included.
pub const WAREHOUSE_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of one page of a warehouse's answer: some 600,000 rows of the plain form.
pub const WAREHOUSE_ANSWER_BYTES_MAX: usize = 32 << 20;
/// Deepest nesting of it. Ours needs three; rows may have more in fields that are not read.
pub const WAREHOUSE_DEPTH_MAX: usize = 16;
/// Most rows of an answer, over all pages.
pub const WAREHOUSE_ROWS_MAX: usize = 500_000;
/// Most pages of an answer.
pub const WAREHOUSE_PAGES_MAX: usize = 1_000;
/// Most characters of the cursor that leads to the next page.
pub const WAREHOUSE_CURSOR_CHARS_MAX: usize = 512;
/// Most characters of the tag by which an answer is known again; others are not sent back.
pub const WAREHOUSE_ETAG_CHARS_MAX: usize = 255;
/// By how much the warehouse's clock may be ahead of ours.
pub const WAREHOUSE_AHEAD_MAX: Duration = Duration::from_secs(60);
/// How often a page is asked for before the run is given up until the next one.
pub const WAREHOUSE_TRIES_MAX: u32 = 4;
/// Longest wait before the second try; it doubles with each further one.
pub const WAREHOUSE_AGAIN_FIRST: Duration = Duration::from_secs(2);
/// Longest wait that a warehouse may ask for within a run.
pub const WAREHOUSE_RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Rows of an answer that are handed in together: a batch in which orders are placed, too.
pub const WAREHOUSE_STAGE_ROWS: usize = 200;
/// Rows of a run that are compared or counted together.
pub const WAREHOUSE_STEP_ROWS: usize = 100;
/// How often it is looked whether a run is open that nobody has told of.
pub const WAREHOUSE_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the right to go on with a run outlives the process that had it.
pub const WAREHOUSE_LEASE: Duration = Duration::from_secs(15);
/// Longest pause between two steps of a run; it is as long as the step before it took.
pub const WAREHOUSE_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Most runs that are looked at for the newest answer that could be used.
pub const WAREHOUSE_ANSWERED_RUNS_MAX: usize = 200;
/// Days for which the rows of runs are kept after those have ended, when nothing else is said.
pub const WAREHOUSE_KEEP_DAYS_DEFAULT: u64 = 90;
/// Times that a request without a key, which a dialect names by its contents, may be refused and
/// come again; from then on its refusal stands.
pub const NATURAL_KEYS_MAX: usize = 64;
/// Times that a dialect looks again at a level when others change it meanwhile.
pub const LEVEL_LOOKS_MAX: usize = 8;
/// Rows of a dialect's list that has no pages: the newest.
pub const DIALECT_ROWS_MAX: usize = 1_000;
