//! What the system says about this process. Linux tells it in files; elsewhere there is nothing.

use super::families;
use super::sheet::Sheet;

/// What is looked at of the process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Usage {
    /// Seconds of processors so far.
    pub(super) cpu_secs: f64,
    /// Bytes of memory.
    pub(super) rss_bytes: u64,
}

pub(super) fn put(sheet: &mut Sheet) {
    sheet.level(&families::BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    #[cfg(target_os = "linux")]
    if let Err(error) = linux::put(sheet) {
        tracing::debug!(%error, "the system does not tell about this process");
    }
}

/// What it uses; nothing where the system does not tell.
pub(super) fn usage() -> Option<Usage> {
    #[cfg(target_os = "linux")]
    return linux::usage().ok();
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{LimitValue, Process, Stat};
    use procfs::{ProcResult, WithCurrentSystemInfo};

    use super::super::families as f;
    use super::{Sheet, Usage};

    fn used(stat: &Stat) -> Usage {
        let ticks = (stat.utime + stat.stime) as f64;
        let cpu_secs = ticks / procfs::ticks_per_second() as f64;
        Usage { cpu_secs, rss_bytes: stat.rss_bytes().get() }
    }

    pub(super) fn usage() -> ProcResult<Usage> {
        Ok(used(&Process::myself()?.stat()?))
    }

    pub(super) fn put(sheet: &mut Sheet) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let Usage { cpu_secs, rss_bytes } = used(&stat);
        sheet.amount(&f::CPU, cpu_secs);
        sheet.level(&f::RSS, &[], rss_bytes as f64);
        sheet.level(&f::THREADS, &[], stat.num_threads as f64);
        sheet.level(&f::FDS, &[], process.fd_count()? as f64);
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            sheet.level(&f::FDS_MAX, &[], most as f64);
        }
        let since_boot = stat.starttime as f64 / procfs::ticks_per_second() as f64;
        sheet.level(&f::STARTED, &[], procfs::boot_time_secs()? as f64 + since_boot);
        Ok(())
    }
}
