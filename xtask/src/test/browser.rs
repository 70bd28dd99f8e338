//! Looks at the pages of the administration in a real browser. What is done there, and what has to
//! come of it, is in `browser/main.py`; the pictures that it takes are kept beside what is built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::program;
use crate::services::Browser;

pub(super) const SCRIPT: &str = "xtask/src/test/browser/main.py";

/// False when a promise was broken.
pub(super) fn look(root: &Path, browser: &Browser) -> Result<bool> {
    let onhand = program::build(root)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let mut command = Command::new(&browser.python);
    // It leaves nothing of its own among the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root.join(SCRIPT)).arg(onhand);
    command.arg(&browser.chromium).arg(root.join(target).join("browser"));
    Ok(command.status().context("starting the browser's tests")?.success())
}
