//! Figures of the machine and of a process: flushes per second, bytes written, memory. Where the
//! operating system does not offer one (no /proc), it is `None` and the report says so.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What one flush of the probe carries: a page.
const FLUSH_BYTES: usize = 4096;

/// How often per second this directory's disk makes 4 KiB durable, one after the other.
pub(crate) fn flushes_per_second(dir: &Path, length: Duration) -> Result<f64> {
    let path = dir.join("flush-probe");
    let mut file = File::create(&path).with_context(|| format!("cannot create {path:?}"))?;
    let page = [0x5a; FLUSH_BYTES];
    let started = Instant::now();
    let mut flushes = 0_u32;
    while started.elapsed() < length {
        file.write_all(&page)?;
        file.sync_data()?;
        flushes += 1;
    }
    let rate = f64::from(flushes) / started.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(rate)
}

/// Bytes this process has caused to be written to disk so far.
pub(crate) fn written_bytes(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?, "write_bytes:")
}

/// Resident memory of this process in KiB.
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:")
}

/// Microseconds of a tick in /proc: Linux counts a hundred in a second there, whatever its clock
/// does.
const TICK_US: u64 = 10_000;

/// Processor time that this process has used so far, the kernel's part included, in microseconds.
/// It changes in steps of ten thousand.
pub(crate) fn processor_us(pid: u32) -> Option<u64> {
    let ticks = ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some(ticks * TICK_US)
}

/// User and system time of a line of /proc. The name of the program, in brackets, may hold
/// anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let model = model.unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cores} x {model}, {}", std::env::consts::OS)
}

/// The number behind a name in the style of /proc.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_number_behind_its_name() {
        assert_eq!(field("rchar: 1\nwrite_bytes: 4096\n", "write_bytes:"), Some(4096));
        assert_eq!(field("VmRSS:\t   1234 kB\n", "VmRSS:"), Some(1234));
        assert_eq!(field("rchar: 1\n", "write_bytes:"), None);
    }

    #[test]
    fn processor_time_is_what_the_program_and_the_kernel_took() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 120 35 0 0 20 0 9 0 5 6 7";
        assert_eq!(ticks(stat), Some(155));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn the_flush_rate_is_measured_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert!(flushes_per_second(dir.path(), Duration::from_millis(20)).unwrap() > 0.0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
