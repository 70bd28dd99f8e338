//! The binary: reads the command line and hands over.

use std::process::ExitCode;

use onhand_server::cli::{self, Cli};

/// Many small allocations on two threads: the system's allocator is measurably slower at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(Cli::read())
}
