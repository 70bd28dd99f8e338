//! Lists the migrations of each store from their folder, so that a new file is a new step and
//! nothing else has to be touched. Every step has a twin of the same number and name in the other
//! store.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const STORES: [&str; 2] = ["sqlite", "postgres"];

/// The numbers, names and files of a store's steps, in order.
fn steps(store: &str) -> Vec<(i64, String, PathBuf)> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("migrations")
        .join(store);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut steps = Vec::new();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let file = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        let parts = file
            .split_once('_')
            .and_then(|(number, name)| Some((number.parse::<i64>().ok()?, name.to_owned())));
        let (number, name) =
            parts.unwrap_or_else(|| panic!("{}: expected 0001_name.sql", path.display()));
        println!("cargo::rerun-if-changed={}", path.display());
        steps.push((number, name, path));
    }
    steps.sort();
    for (place, (number, name, _)) in (1..).zip(&steps) {
        assert!(*number == place, "{store}: expected number {place} and not {number} ({name})");
    }
    steps
}

fn main() {
    let [sqlite, postgres] = STORES.map(steps);
    let names = |steps: &[(i64, String, PathBuf)]| -> Vec<String> {
        steps.iter().map(|(number, name, _)| format!("{number:04}_{name}")).collect()
    };
    assert!(
        names(&sqlite) == names(&postgres),
        "every migration has a twin: sqlite has {:?}, postgres {:?}",
        names(&sqlite),
        names(&postgres)
    );
    for (store, steps) in STORES.iter().zip([sqlite, postgres]) {
        let mut list = String::from("&[\n");
        for (version, name, path) in steps {
            let _ = writeln!(
                list,
                "Migration {{ version: {version}, name: {name:?}, sql: include_str!({path:?}) }},"
            );
        }
        list.push(']');
        let out = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join(format!("{store}.rs"));
        fs::write(&out, list).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
    }
}
