//! Starting the cargo that started us, as if nobody had: what it has set for this program would
//! reach build scripts, which then build again what the user has built already.

use std::env;
use std::ffi::OsString;
use std::process::Command;

/// How the names of variables begin that cargo sets for the program that it runs.
const OWN: &[&str] = &["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Cargo without arguments.
pub(crate) fn command() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    if env::var_os("CI").is_some() {
        // What nobody builds again needs no notes for the next build.
        command.env("CARGO_INCREMENTAL", "0");
    }
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if OWN.iter().any(|start| text.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}
