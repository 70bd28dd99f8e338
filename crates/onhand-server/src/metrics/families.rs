//! Every figure that there is: its name, its kind, its unit, its labels and what it means. This is
//! the table; `docs/metrics.md` shows it, and a test holds both and the exposition together. What a
//! label may say is bounded: by routes, methods, codes and states that the program has, and never
//! by what somebody sends.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often something was up to each of some bounds.
    Histogram,
}

impl Kind {
    /// Its name in the exposition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    pub(super) fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

/// In what it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum In {
    /// It is a number of something that its name says.
    Number,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

impl In {
    pub(super) fn unit(self) -> Option<Unit> {
        match self {
            Self::Number => None,
            Self::Seconds => Some(Unit::Seconds),
            Self::Bytes => Some(Unit::Bytes),
        }
    }

    /// What a name ends with.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Seconds => "_seconds",
            Self::Bytes => "_bytes",
        }
    }
}

/// A figure, or one for each value of its labels.
#[derive(Debug)]
pub struct Family {
    /// Its name, without unit and `_total`.
    pub stem: &'static str,
    /// What it is.
    pub kind: Kind,
    /// In what it is measured.
    pub unit: In,
    /// Its labels, in their order.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

impl Family {
    /// Its name, as queries say it; of a histogram without `_bucket`, `_sum` and `_count`.
    pub fn name(&self) -> String {
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{}{total}", self.stem, self.unit.suffix())
    }
}

macro_rules! families {
    ($($title:literal: { $(
        $name:ident = $stem:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;
    )+ })+) => {
        $($(
            #[doc = $help]
            pub static $name: Family = Family {
                stem: $stem,
                kind: Kind::$kind,
                unit: In::$unit,
                labels: &[$($label),*],
                help: $help,
            };
        )+)+

        /// All of them, by what they are about, in the order in which they are shown.
        pub static ALL: &[(&str, &[&Family])] = &[$(($title, &[$(&$name),+])),+];
    };
}

families! {
    "HTTP": {
        REQUESTS = "onhand_http_requests", Counter, Number, ["route", "method", "status"],
            "Requests answered, by the route's template, method and class of status (2xx). What no \
             route is for, and pages, are `other`";
        REQUEST_DURATION = "onhand_http_request_duration", Histogram, Seconds, ["route", "method"],
            "From a request's headers until its answer begins";
        IN_FLIGHT = "onhand_http_requests_in_flight", Gauge, Number, [],
            "Requests that are not answered to their end, live streams included";
        ABORTED = "onhand_http_requests_aborted", Counter, Number, [],
            "Requests whose client went away before there was an answer";
        CONNECTIONS = "onhand_http_connections", Gauge, Number, [],
            "Open connections, of all listeners";
        REFUSED = "onhand_http_connections_refused", Counter, Number, ["reason"],
            "Connections closed without a request: `crowded`, its address has too many; \
             `handshake`, TLS did not come about";
        LOG_DROPPED = "onhand_request_log_dropped", Counter, Number, [],
            "Lines of the request log that were not written because it could not keep up";
    }
    "Committer": {
        COMMITTER_UP = "onhand_committer_up", Gauge, Number, [],
            "1 while the committer takes commands, 0 when it has ended";
        BATCHES = "onhand_committer_batches", Counter, Number, [],
            "Batches that were written";
        COMMANDS = "onhand_committer_commands", Counter, Number, [],
            "Commands that were decided, refusals included";
        BATCH_SIZE = "onhand_committer_batch_size", Histogram, Number, [],
            "Commands in a batch";
        COMMIT_DURATION = "onhand_committer_commit_duration", Histogram, Seconds, [],
            "From the begin of a batch until it was durable";
        QUEUE_DEPTH = "onhand_committer_queue_depth", Gauge, Number, [],
            "Commands that wait for the committer";
        QUEUE_LIMIT = "onhand_committer_queue_limit", Gauge, Number, [],
            "Commands that may wait; beyond it callers are told to come back";
        REFUSALS = "onhand_committer_refusals", Counter, Number, ["code"],
            "Commands that were lawfully refused, by code: `insufficient_stock` is somebody who \
             came too late";
        FAILED_RUNS = "onhand_committer_failed_runs", Counter, Number, ["reason"],
            "Runs of batches that came to nothing: `conflict` runs again; `unavailable`, `full`, \
             `away`, `corrupt` and `unknown` failed the batch";
    }
    "Store": {
        FLUSH_DURATION = "onhand_store_flush_duration", Histogram, Seconds, [],
            "One flush of the log to the disk. PostgreSQL flushes by itself: nothing there";
        STORE_SIZE = "onhand_store_size", Gauge, Bytes, ["part"],
            "Size of the database: `database`, and of the embedded one its `log` and `lists`";
        READ_CONNECTIONS = "onhand_store_read_connections", Gauge, Number, [],
            "Connections that read";
        READS_WAITING = "onhand_store_reads_waiting", Gauge, Number, [],
            "Reads that wait for one";
        POSITION = "onhand_log_position", Gauge, Number, [],
            "Position of the newest event";
        BACKLOG_AGE = "onhand_backlog_age", Gauge, Seconds, [],
            "How long ago the figures were read that come from the database: position, sizes, \
             effects, jobs, notices and warehouse";
    }
    "Effects, jobs and payments": {
        EFFECTS_WAITING = "onhand_effects_waiting", Gauge, Number, [],
            "Orders about which something is owed to a gateway, at most 10,000";
        EFFECTS_OVERDUE = "onhand_effects_overdue", Gauge, Seconds, [],
            "For how long the oldest of it has been due and is not done";
        EFFECTS_DEAD = "onhand_effects_dead", Gauge, Number, [],
            "Orders about which nothing is tried any more until somebody looks";
        GATEWAY_CALLS = "onhand_gateway_calls", Counter, Number, ["gateway", "call", "outcome"],
            "Calls to gateways: `done`, `declined`, `retry` (not done, asked again), `unknown` \
             (asked what became of it)";
        GATEWAY_DURATION = "onhand_gateway_call_duration", Histogram, Seconds, ["gateway"],
            "How long a call to a gateway took";
        PAYMENTS_OPEN = "onhand_payments_open_long", Gauge, Number, [],
            "Payments that have been open for too long, as of the last reconciliation by this \
             process";
        NOTICES_UNMATCHED = "onhand_payment_notices_unmatched", Gauge, Number, [],
            "Messages of gateways about money that belongs to no order";
        JOBS_OPEN = "onhand_jobs_open", Gauge, Number, ["queue"],
            "Jobs that have not ended; of all endpoints together as `webhooks`";
        JOBS_OVERDUE = "onhand_jobs_overdue", Gauge, Seconds, ["queue"],
            "For how long the oldest job of a queue has been due and is not done";
        JOBS_DEAD = "onhand_jobs_dead", Gauge, Number, ["queue"],
            "Dead letters";
        QUEUE_LAG = "onhand_queue_lag_events", Gauge, Number, ["queue"],
            "Events of the log that a queue has not read yet; the most of any endpoint";
        JOB_ATTEMPTS = "onhand_job_attempts", Counter, Number, ["queue", "outcome"],
            "Tries of jobs: `done`, `skipped` (nothing to do), `again` (failed, tried again), \
             `dead`; `untried` counts for nothing";
    }
    "Warehouse": {
        SYNCS = "onhand_warehouse_syncs", Counter, Number, [],
            "Runs against the external warehouse that were ever begun";
        SYNCS_HELD = "onhand_warehouse_syncs_held", Gauge, Number, [],
            "Runs that wait for an operator, among the newest 200";
        SYNC_STATUS = "onhand_warehouse_last_sync_status", Gauge, Number, ["status"],
            "1 for the status of the newest run";
        SYNC_ROWS = "onhand_warehouse_last_sync_rows", Gauge, Number, ["action"],
            "Rows of the newest run, by what was done about them";
        SYNC_DRIFT = "onhand_warehouse_last_sync_drift_units", Gauge, Number, [],
            "Units by which the newest run found other figures, without their signs";
        SYNC_AS_OF = "onhand_warehouse_last_sync_as_of_timestamp", Gauge, Seconds, [],
            "As of when the newest run tells what is there";
        SHORTFALLS = "onhand_warehouse_shortfalls", Gauge, Number, [],
            "Products at locations where less is there than is promised";
    }
    "Proof": {
        PROOF_HOLDS = "onhand_verify_holds", Gauge, Number, [],
            "1 where every promise that the proof beside the work has looked at holds, 0 where one \
             is broken. Not there before the first round has ended";
        PROOF_BROKEN = "onhand_verify_violations", Gauge, Number, ["check"],
            "How often a promise is broken that the newest rounds have found so, by its id";
        PROOF_ENDED = "onhand_verify_last_round_ended_timestamp", Gauge, Seconds, [],
            "When the last whole round ended, since 1970";
        PROOF_ROWS = "onhand_verify_round_rows", Gauge, Number, [],
            "Rows that the round has looked at that is on, or else the last one";
        PROOF_SLICES = "onhand_verify_slices", Counter, Number, [],
            "Slices of rounds that this process has looked at";
        PROOF_WORKED = "onhand_verify_work", Counter, Seconds, [],
            "How long this process was at it";
    }
    "Process": {
        CACHE_LOOKUPS = "onhand_cache_lookups", Counter, Number, ["result"],
            "Orders and products looked for in the cache: `hit` or `miss`. None without a cache";
        LOOP_DELAY = "onhand_event_loop_delay", Histogram, Seconds, [],
            "How late a timer of 100 ms was. One or two milliseconds are the timer's own";
        BUILD = "onhand_build", Gauge, Number, ["version"],
            "1, for the version that runs";
        CPU = "process_cpu", Counter, Seconds, [],
            "Time of processors that the process has used. On Linux, like what follows";
        RSS = "process_resident_memory", Gauge, Bytes, [],
            "Memory that the process has";
        FDS = "process_open_fds", Gauge, Number, [],
            "Open files and sockets";
        FDS_MAX = "process_max_fds", Gauge, Number, [],
            "How many it may open";
        THREADS = "process_threads", Gauge, Number, [],
            "Threads";
        STARTED = "process_start_time", Gauge, Seconds, [],
            "When the process started, since 1970";
    }
}

/// Every family.
pub fn all() -> impl Iterator<Item = &'static Family> {
    ALL.iter().flat_map(|(_, families)| families.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_lawful_and_said_once() {
        let mut names = BTreeSet::new();
        for family in all() {
            let name = family.name();
            assert!(name.starts_with("onhand_") || name.starts_with("process_"), "{name}");
            assert!(name.bytes().all(|one| one.is_ascii_lowercase() || one == b'_'), "{name}");
            assert!(!family.stem.ends_with("_total"), "{name}");
            assert!(!family.help.ends_with('.'), "no full stop: {name}");
            assert!(names.insert(name), "{family:?}");
        }
    }
}
