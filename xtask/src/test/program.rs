//! The server's program with everything that can be built into it: for the steps that look at it
//! from outside.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::FEATURES;
use crate::cargo;

/// What builds it out of what the tests are built of. Cargo adds to the dependencies of a program
/// what tests ask of them only where something is built that is allowed to ask, such as examples:
/// of which there are none.
const BUILD: [&str; 7] =
    ["build", "--workspace", "--features", FEATURES, "--bin", "onhand", "--examples"];

/// Builds it; its path.
pub(super) fn build(root: &Path) -> Result<PathBuf> {
    let mut command = cargo::command();
    let status = command.args(BUILD).current_dir(root).status().context("cannot start cargo")?;
    ensure!(status.success(), "the server cannot be built");
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    Ok(root.join(target).join("debug").join("onhand"))
}
