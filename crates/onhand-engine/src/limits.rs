//! Every bound of the engine: what it protects and what it is.

use std::time::Duration;

/// Most commands that may wait for the committer; beyond it callers are told to come back.
pub const QUEUE_COMMANDS_MAX: usize = 4_096;
/// Stack of the committer's thread. What a batch has in hand while it waits for a server lies
/// there, and is several times as large in a build that is not optimised.
pub const COMMITTER_STACK_BYTES: usize = 16 << 20;
/// Most commands in one batch. Beyond it latency grows and throughput hardly does.
pub const BATCH_COMMANDS_MAX: usize = 512;
/// Fewest and most commands that are decided beside a batch that is being written; between them,
/// half as many as that one has. With fewer it is better to wait for it and take what has come by
/// then.
pub const BESIDE_COMMANDS: [usize; 2] = [16, 256];
/// Most batches that are being written, one behind the other, before the committer waits for the
/// first.
pub const BATCHES_WRITTEN_AT_ONCE_MAX: usize = 2;
/// Turns in a row before which nobody else had written, after which a process writes without taking
/// turns.
pub const ALONE_AFTER_TURNS: u32 = 8;
/// How long a process writes before others are let in that wait for their turn; its last batch may
/// take it a little longer.
pub const TURN_TIME: Duration = Duration::from_millis(25);
/// How long it keeps its turn while nothing is to be written: those who were served ask again.
pub const TURN_IDLE: Duration = Duration::from_millis(1);
/// The same while its last batch is being written: those who come later wait for the next turn,
/// and whoever is next makes ready meanwhile.
pub const TURN_IDLE_WRITING: Duration = Duration::from_micros(250);
/// Most movements of others that a process looks through when its turn has come, to keep at hand
/// what they have not changed.
pub const MOVED_LOOKED_AT_MAX: i64 = 16_384;
/// Most batches in a row that a process writes without taking turns before it stands at the door
/// again, behind whoever waits there for the head of the logs: so many may be written between a
/// neighbour's arrival and its turn.
pub const TURN_BATCHES_MAX: u32 = 32;
/// Fewest rows for which a statement is given a shape of its own, in which a value that all rows
/// share is sent once. With fewer, columns are the same by chance.
pub const SHAPES_FROM_ROWS: usize = 16;
/// Most shapes of one statement beside the one that it is written in: each is prepared on the
/// server once for each connection that writes.
pub const SHAPES_OF_STATEMENT_MAX: usize = 8;
/// How often changes of the same tables must have come together before they are one statement.
pub const CHANGES_JOINED_AFTER: u32 = 8;
/// Most statements of changes that came together often: each is prepared on the server once for
/// each connection that writes, and kept there.
pub const CHANGES_JOINED_MAX: usize = 128;
/// Most kinds of changes that came together of which is known how often.
pub const CHANGES_MET_MAX: usize = 1024;
/// Pause between two tries of a command that was not done because there is no room or the store is
/// away.
pub const TRY_AGAIN_PAUSE: Duration = Duration::from_millis(50);
/// Most order lines and other entries in one batch together: bounds its memory and its transaction.
pub const BATCH_WEIGHT_MAX: usize = 4_096;
/// Times a batch is run again from its start after a conflict, before it is split.
pub const BATCH_RERUNS_MAX: u32 = 5;
/// Times one command may name rows that were not loaded before it is given up as a mistake in a
/// rule.
pub const LOAD_ROUNDS_MAX: u32 = 4_096;
/// Times the commands of a batch that name rows by steps are asked together what they name now: the
/// object of a gateway, its order, what the order holds, and a few more than any of today's rules
/// takes. What is left then is loaded command by command.
pub const NAMING_STEPS_MAX: u32 = 8;
/// Products that the committer keeps at hand between batches, in some 700 bytes each.
pub const WARM_PRODUCTS_MAX: usize = 100_000;
/// Threads that read.
pub const READERS: usize = 2;
/// Most reads that may wait; beyond it callers are told to come back.
pub const QUEUE_READS_MAX: usize = 4_096;
/// Most rows of one page.
pub const PAGE_ROWS_MAX: usize = 200;
/// Most rows that one filtered page looks at before it is handed out as it is, with a cursor to go
/// on.
pub const SCAN_ROWS_MAX: usize = 5_000;
/// Most rows of a list that is read by the number of a page: so many ids are gone through for each.
/// What is behind them is found by key.
pub const NUMBERED_ROWS_MAX: usize = 10_000;
/// Most rows of a kind that are counted for operators; where there are more it is told to be these.
pub const BACKLOG_ROWS_MAX: usize = 10_000;
/// Newest runs against the warehouse among which those are counted that wait for an operator.
pub const BACKLOG_SYNCS: usize = 200;
/// Bytes of write-ahead log from which the checkpointer copies pages back.
pub const WAL_CHECKPOINT_BYTES: u64 = 16 << 20;
/// Bytes of write-ahead log beyond which the committer checkpoints before it goes on.
pub const WAL_BYTES_MAX: u64 = 64 << 20;
/// Longest wait for a lock of SQLite, which a process beside the server may hold for a moment.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one window of idempotency outcomes is open: the newest two are kept, so an outcome is
/// replayed for at least this long.
pub const OUTCOME_WINDOW_SECS: i64 = 7 * 24 * 3_600;
/// Most movements of a level in which the orders are looked for that hold what is missing.
pub const HOLDERS_WALK_MAX: u64 = 5_000;
/// Oldest messages of gateways that are looked at for some to forget: those that wait for their
/// order for years are passed over, and there are few of them.
pub const OLD_NOTICES_LOOKED_AT: usize = 10_000;
/// Movements in which the sweep over the levels whose rows are behind comes round about once. The
/// more, the more of them share a page when they are written; the fewer, the less a start after a
/// crash has to read, and the fewer figures are in memory.
pub const LEVELS_SWEEP_MOVEMENTS: usize = 1 << 18;
/// Fewest rows that the sweep writes with a batch: it must come round even where little is behind.
pub const LEVELS_SWEPT_MIN: usize = 4;
/// Most movements that the rows of levels may be behind before the sweep ends at once: bounds the
/// memory of the newest figures and the reading of a start after a crash.
pub const LEVELS_BEHIND_MOVEMENTS_MAX: i64 = 1 << 20;
/// Committed batches that may wait for a flush while one is under way. The fewer, the larger the
/// next batch grows meanwhile.
pub const BATCHES_UNFLUSHED_MAX: usize = 1;
/// Pages that the writing connection keeps in memory, in KiB.
pub const WRITER_CACHE_KIB: i64 = 65_536;
/// Pages that each reader keeps in memory, in KiB.
pub const READER_CACHE_KIB: i64 = 8_192;
/// Pages that a connection keeps which goes through the file once: at the start, for checkpoints.
pub const PASSING_CACHE_KIB: i64 = 1_024;
/// Longest wait of a read until what it saw is durable.
pub const READ_WAITS_MAX: Duration = Duration::from_secs(2);
/// Prepared statements that a connection keeps.
pub const STATEMENTS_CACHED_MAX: usize = 64;
/// Most rows of each kind that one step takes into the lists.
pub const LISTS_STEP_ROWS_MAX: i64 = 262_144;
/// Events that gather before a step is worth its while: the larger the step, the more of its
/// entries share a page.
pub const LISTS_STEP_WANTED_EVENTS: i64 = 262_144;
/// Events that a query may find missing from the lists by status before it has the next step made
/// at once: so many it looks through in a few milliseconds.
pub const LISTS_MISSED_EVENTS_MAX: i64 = 4_096;
/// The same of the other lists: so many are kept in a few MiB of memory.
pub const TAIL_EVENTS_MAX: i64 = 65_536;
/// Entries that a step writes before it rests; on a server, the rows of each kind of a step after
/// which it does.
pub const LISTS_CHUNK_ENTRIES: usize = 4_096;
/// Longest time until a step is made of fewer.
pub const LISTS_PAUSE: Duration = Duration::from_secs(10);
/// Most events that the lists may be behind before the committer waits for them: bounds what a
/// query has to look through beside its list.
pub const LISTS_BEHIND_EVENTS_MAX: i64 = 1 << 20;
/// Longest wait for a connection to a database server.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for an answer of a database server. Then the connection is given up, and what was
/// asked over it is settled over another one.
pub const STORE_ANSWERS_MAX: Duration = Duration::from_secs(10);
/// Longest time in which the committer finds out whether a commit took place whose answer was lost;
/// then its callers are told that the outcome is unknown.
pub const SETTLE_WAITS_MAX: Duration = Duration::from_secs(5);
/// Shortest and longest pause between attempts to reach a database server.
pub const RECONNECT_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// Silence on a connection after which the system asks whether the other end is still there.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// Connections to a database server that read.
pub const READ_CONNECTIONS_MAX: usize = 8;
/// How often a process looks for events that others wrote, while somebody listens to its feed.
pub const FOLLOW_PAUSE: Duration = Duration::from_millis(100);
/// Rows that a copy reads before it writes them.
pub const COPY_ROWS: usize = 4_096;
/// Most orders that one statement reads for those who asked meanwhile.
pub const GATHERED_READS_MAX: usize = 256;
/// Tasks that gather reads: while one waits for the server, the other takes what comes.
pub const GATHERERS: usize = 2;
/// Most holds of one product by one reference that a decision looks at: the oldest.
pub const HOLDS_OF_REFERENCE_MAX: usize = 500;
/// Rows that one slice of the continuous proof looks at: bounds how long it takes, and for how long
/// it holds a snapshot.
pub const PROOF_ROWS_PER_SLICE: i64 = 2_048;
/// Levels that one slice looks at. More than of other rows: on the embedded store each slice first
/// brings those up to date that are behind the ledger.
pub const PROOF_LEVELS_PER_SLICE: i64 = 16_384;
/// Numbers of accounts that are held against the log together: bounds the memory. Where there are
/// more, the log is read once more for each so many.
pub const PROOF_ACCOUNTS_TOGETHER_MAX: i64 = 131_072;
/// Longest time that one statement of the continuous proof may take; what it asks is then left to
/// `onhand verify`.
pub const PROOF_STATEMENT_MAX: Duration = Duration::from_secs(60);
/// Steps of SQLite's machine after which it looks whether somebody has pulled the brake.
pub const PROOF_BRAKE_STEPS: i32 = 100_000;
