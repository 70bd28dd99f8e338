//! What the engine counts, as figures. It reads counters and asks neither the committer nor the
//! database; what they mean is in the engine's `stats.rs` and `committer.rs`.

use std::sync::atomic::Ordering;

use onhand_engine::limits::QUEUE_COMMANDS_MAX;

use super::families as f;
use super::sheet::Sheet;
use crate::app::App;

pub(super) fn put(app: &App, sheet: &mut Sheet) {
    let stats = app.submit.stats();
    let is_up = if app.submit.is_stopped() { 0.0 } else { 1.0 };
    sheet.level(&f::COMMITTER_UP, &[], is_up);
    sheet.count(&f::BATCHES, &[], stats.batches.load(Ordering::Relaxed));
    sheet.count(&f::COMMANDS, &[], stats.commands.load(Ordering::Relaxed));
    sheet.spread(&f::BATCH_SIZE, &[], &stats.sizes.read());
    sheet.spread(&f::COMMIT_DURATION, &[], &stats.commit.read());
    sheet.level(&f::QUEUE_DEPTH, &[], app.submit.waiting() as f64);
    sheet.level(&f::QUEUE_LIMIT, &[], QUEUE_COMMANDS_MAX as f64);
    for (code, count) in stats.refused.read() {
        sheet.count(&f::REFUSALS, &[("code", code)], count);
    }
    for (reason, count) in stats.failed.read() {
        sheet.count(&f::FAILED_RUNS, &[("reason", reason)], count);
    }
    sheet.spread(&f::FLUSH_DURATION, &[], &stats.flush.read());
    let load = app.reader.load();
    sheet.level(&f::READ_CONNECTIONS, &[], load.connections as f64);
    sheet.level(&f::READS_WAITING, &[], load.waiting as f64);
}
