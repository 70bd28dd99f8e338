//! Runs the commands of README.md and docs as a reader would: a shell in an empty folder, `onhand`
//! in its path, a server with the demo's data beside it unless a block says otherwise. A command
//! that fails, or an answer of HTTP that is no success, has to be what the block says.
//!
//! What stands behind `sh` at a block: nothing (beside `onhand serve --demo`), `alone` (no server
//! unless the block starts one), `needs=postgres` and the like (with the tests of that service), or
//! `no-run: why`.

mod block;
mod desk;

use std::path::{Path, PathBuf};

pub(crate) use block::{Block, Purpose};
pub(crate) use desk::Desk;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks of a document.
pub(crate) fn blocks(name: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(name)).unwrap();
    block::read(name, &text)
}

/// Runs the blocks of a document that are for somebody who has `service`, or nothing.
pub(crate) async fn run(name: &str, desk: &mut Desk, service: Option<&str>) {
    let mut ran = 0;
    for block in blocks(name) {
        let is_wanted = match (&block.purpose, service) {
            (Purpose::Beside | Purpose::Alone, None) => true,
            (Purpose::Needs(needed), Some(service)) => needed == service,
            (Purpose::Beside | Purpose::Alone, Some(_)) | (Purpose::Needs(_), None) => false,
            (Purpose::NotRun(_), _) => false,
        };
        if is_wanted {
            desk.run(&block).await;
            ran += 1;
        }
    }
    assert!(ran > 0, "{name} has nothing to run");
}
