//! `onhand completions` and `onhand man`: what a shell and `man` know of the command line, made of
//! its definition. They must not need a server or a database.

#![expect(clippy::print_stdout, reason = "the files written are the command's answer")]

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

/// Prints the completions for a shell.
pub(crate) fn completions(mut command: Command, shell: Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "onhand", &mut text);
    // Whoever reads may have enough of it.
    std::io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for each command: `onhand.1`, `onhand-serve.1`, ...
pub(crate) fn pages(command: Command, folder: &Path) -> anyhow::Result<ExitCode> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("making {shown}"))?;
    clap_mangen::generate_to(command, folder).with_context(|| format!("writing to {shown}"))?;
    println!("manual pages are in {shown}: read one with `man -l {shown}/onhand.1`");
    Ok(ExitCode::SUCCESS)
}
