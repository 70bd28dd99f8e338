//! A browser for tests of pages: whichever Chromium the machine has, or the system's own, which is
//! installed where that may be done. It is driven by Playwright, which brings none here.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::account::Account;
use super::apt;

/// What is needed to look at a page.
#[derive(Debug)]
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chromium: PathBuf,
    /// A Python that has Playwright and axe.
    pub(crate) python: PathBuf,
}

/// By which names it is called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The browser's path; installs it where there is none.
pub(super) fn chromium(account: &Account) -> Result<PathBuf> {
    if let Some(found) = found() {
        return Ok(found);
    }
    apt::CHROMIUM.install(account)?;
    found().context(apt::CHROMIUM.missing)
}

fn found() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    let mut programs =
        NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    programs.find(|program| program.is_file())
}
