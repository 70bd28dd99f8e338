//! Rules for manifests: the walls between the crates, tested rather than trusted. A crate can only
//! break a wall by naming a dependency, so its manifest is the place to look.

use super::Report;
use super::tree::Tree;

/// What one crate may name.
struct Wall {
    folder: &'static str,
    /// Only these, when there is a list.
    allowed: Option<&'static [&'static str]>,
    /// For its tests also these.
    allowed_in_tests: &'static [&'static str],
    forbidden: &'static [&'static str],
    why: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        folder: "crates/onhand-core",
        allowed: Some(&["compact_str", "hashbrown", "jiff", "serde", "thiserror"]),
        allowed_in_tests: &["proptest", "serde_json"],
        forbidden: &[],
        why: "core decides: no clock, no I/O, no SQL, no HTTP",
    },
    Wall {
        folder: "crates/onhand-engine",
        allowed: None,
        allowed_in_tests: &[],
        forbidden: &[
            "onhand-server",
            "axum",
            "hyper",
            "hyper-util",
            "reqwest",
            "tower",
            "tower-http",
            "utoipa",
        ],
        why: "the engine remembers: it knows nothing of HTTP",
    },
    Wall {
        folder: "crates/onhand-server",
        allowed: None,
        allowed_in_tests: &[],
        forbidden: &[
            "rusqlite",
            "libsqlite3-sys",
            "tokio-postgres",
            "deadpool-postgres",
            "postgres",
            "sqlx",
        ],
        why: "the server talks: only the engine knows SQL or opens a transaction",
    },
    Wall {
        folder: "xtask",
        allowed: Some(&["anyhow", "clap", "serde_json"]),
        allowed_in_tests: &[],
        forbidden: &[],
        why: "automation builds in seconds and knows no crate of the product",
    },
    Wall {
        folder: "xtask/plain-server",
        allowed: Some(&[
            "anyhow",
            "axum",
            "deadpool-postgres",
            "mimalloc",
            "serde",
            "serde_json",
            "tokio",
            "tokio-postgres",
        ]),
        allowed_in_tests: &[],
        forbidden: &[],
        why: "what onhand is measured against shares its libraries and none of its crates",
    },
];

const REASONS: &str = "DESIGN.md";

/// One line of a manifest that names a dependency.
#[derive(Debug, PartialEq, Eq)]
struct Dependency {
    /// The crate, whatever it is called here.
    name: String,
    line: usize,
    in_tests: bool,
}

/// Every crate names only what its wall lets through.
pub(super) fn walls_stand(tree: &Tree, report: &mut Report) {
    for (path, text) in members(tree) {
        let Some(wall) = WALLS.iter().find(|wall| path == format!("{}/Cargo.toml", wall.folder))
        else {
            report.problem(path, 1, "a crate without a wall: say in xtask what it may depend on");
            continue;
        };
        for Dependency { name, line, in_tests } in dependencies(text) {
            let name = name.as_str();
            let listed = wall.allowed.is_none_or(|allowed| {
                allowed.contains(&name) || (in_tests && wall.allowed_in_tests.contains(&name))
            });
            if !listed || wall.forbidden.contains(&name) {
                let message = format!("`{name}` may not be a dependency here: {}", wall.why);
                report.problem(path, line, message);
            }
        }
    }
}

/// Every direct dependency has its reason in the table of the design document.
pub(super) fn dependencies_have_reasons(tree: &Tree, report: &mut Report) {
    let design = tree.text(REASONS).unwrap_or_default();
    let rows = design.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let explained: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    for (path, text) in members(tree) {
        for Dependency { name, line, .. } in dependencies(text) {
            if !name.starts_with("onhand-") && !explained.contains(&name.as_str()) {
                let message = format!("`{name}` has no row in the dependency table of {REASONS}");
                report.problem(path, line, message);
            }
        }
    }
}

/// The core withholds the standard library from itself.
pub(super) fn core_is_no_std(tree: &Tree, report: &mut Report) {
    let path = "crates/onhand-core/src/lib.rs";
    if let Some(text) = tree.text(path)
        && !text.lines().any(|line| line.trim() == "#![no_std]")
    {
        report.problem(path, 1, "`#![no_std]` is missing: it keeps clock, files and sockets out");
    }
}

fn members(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.with_ending("/Cargo.toml")
}

/// The dependencies that a manifest names, in tables of any kind and under any name.
fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut table = String::new();
    let mut open_brackets = 0_usize;
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let number = index + 1;
        if open_brackets == 0 && line.starts_with('[') {
            table = line.trim_matches(['[', ']']).to_owned();
            if let Some((_, name)) = of_dependencies(&table).filter(|(_, name)| !name.is_empty()) {
                let in_tests = table.contains("dev-");
                found.push(Dependency { name: unquoted(name), line: number, in_tests });
            }
            continue;
        }
        let Some((_, one)) = of_dependencies(&table) else {
            continue;
        };
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !one.is_empty() {
            if key.trim() == "package"
                && let Some(dependency) = found.last_mut()
            {
                dependency.name = unquoted(value);
            }
        } else if open_brackets == 0 && !line.is_empty() && !line.starts_with('#') {
            let name = key.trim().split('.').next().unwrap_or_default();
            let renamed = value.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
            let name = unquoted(renamed.unwrap_or(name));
            found.push(Dependency { name, line: number, in_tests: table.contains("dev-") });
        }
        open_brackets += line.matches('[').count();
        open_brackets = open_brackets.saturating_sub(line.matches(']').count());
    }
    found
}

/// For the name of a table of dependencies: its kind, and the one dependency that it is about, if
/// any.
fn of_dependencies(table: &str) -> Option<(&str, &str)> {
    let (kind, name) = table.rsplit_once("dependencies")?;
    let ends = name.is_empty() || name.starts_with('.');
    ends.then_some((kind, name.trim_start_matches('.')))
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_form() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na = \"1\" # why\nb.workspace = true\n\
                    c = { version = \"1\", features = [\n  \"d\",\n] }\ne = { package = \"f\" }\n\
                    [dev-dependencies.g]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\n\
                    \"h\" = \"1\"\n[dependencies.i]\npackage = \"j\"\n[features]\nk = []\n";
        let found: Vec<_> = dependencies(text)
            .into_iter()
            .map(|one| format!("{}:{}{}", one.name, one.line, if one.in_tests { "t" } else { "" }))
            .collect();
        assert_eq!(found, ["a:4", "b:5", "c:6", "f:9", "g:10t", "h:13", "j:14"]);
    }

    #[test]
    fn walls_let_through_what_they_should() {
        let core = "[dependencies]\njiff = \"1\"\n[dev-dependencies]\nserde_json = \"1\"\n";
        let engine = "[dependencies]\nrusqlite = \"1\"\nonhand-core = \"1\"\n";
        let server = "[dependencies]\naxum = \"1\"\n";
        let files = [
            ("crates/onhand-core/Cargo.toml", core),
            ("crates/onhand-engine/Cargo.toml", engine),
            ("crates/onhand-server/Cargo.toml", server),
        ];
        assert_eq!(check(walls_stand, &files), Vec::<String>::new());
    }

    #[test]
    fn walls_stop_what_they_should() {
        for (path, text, line) in [
            ("crates/onhand-core/Cargo.toml", "[dependencies]\ntokio = \"1\"\n", 2),
            ("crates/onhand-core/Cargo.toml", "[dependencies]\n\nserde_json = \"1\"\n", 3),
            ("crates/onhand-engine/Cargo.toml", "[dev-dependencies]\naxum = \"1\"\n", 2),
            ("crates/onhand-server/Cargo.toml", "[dependencies]\nx = { package = \"sqlx\" }\n", 2),
            ("xtask/Cargo.toml", "[dependencies]\nonhand-core = \"1\"\n", 2),
            ("xtask/plain-server/Cargo.toml", "[dependencies]\nonhand-engine = \"1\"\n", 2),
            ("crates/onhand-utils/Cargo.toml", "", 1),
        ] {
            let problems = check(walls_stand, &[(path, text)]);
            assert_eq!(problems.len(), 1, "{path}: {problems:?}");
            assert!(problems[0].starts_with(&format!("{path}:{line}: ")), "{problems:?}");
        }
    }

    #[test]
    fn every_dependency_is_explained() {
        let manifest = ("xtask/Cargo.toml", "[dependencies]\nclap = \"4\"\nanyhow = \"1\"\n");
        let both =
            [manifest, ("DESIGN.md", "| Crate | Why |\n|---|---|\n| `clap`, `anyhow` | x |\n")];
        assert!(check(dependencies_have_reasons, &both).is_empty());
        let one = [manifest, ("DESIGN.md", "We use `anyhow`.\n| `clap` | not `anyhow` |\n")];
        let problems = check(dependencies_have_reasons, &one);
        assert!(problems[0].starts_with("xtask/Cargo.toml:3: `anyhow`"), "{problems:?}");
    }

    #[test]
    fn the_core_is_without_std() {
        let path = "crates/onhand-core/src/lib.rs";
        assert!(check(core_is_no_std, &[(path, "//! Core.\n#![no_std]\n")]).is_empty());
        assert_eq!(check(core_is_no_std, &[(path, "//! `#![no_std]`\n")]).len(), 1);
    }
}
