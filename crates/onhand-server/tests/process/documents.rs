//! The commands of README.md and of everything in docs, run. Those that need a service are run with
//! its tests; the tours of dialects, whose answers are compared, are in `tours`.

use std::path::Path;

use crate::documents_read::{Desk, Purpose, blocks, root, run};

/// A test for each document that has something to run without a service.
macro_rules! documents {
    ($($test:ident: $name:literal,)+) => {
        const RUN: &[&str] = &[$($name),+];

        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                run($name, &mut Desk::new(), None).await;
            }
        )+
    };
}

documents! {
    the_readme_runs: "README.md",
    accounts_run: "docs/accounts.md",
    the_api_tour_runs: "docs/api.md",
    dialects_run: "docs/dialects/README.md",
    import_and_export_run: "docs/import-export.md",
    jobs_run: "docs/jobs.md",
    mails_run: "docs/mail.md",
    metrics_run: "docs/metrics.md",
    migrations_run: "docs/migrations.md",
    operations_run: "docs/operations.md",
    payments_run: "docs/payments.md",
    packaging_runs: "packaging/README.md",
    the_warehouse_runs: "docs/warehouse.md",
}

/// The tours, each of which has one block that `tours` runs line by line.
const TOURS: &[&str] = &["flow", "oms", "processing", "stock", "storefront"];

/// Most blocks that nobody runs. It may fall.
const LEFT_OUT_MAX: usize = 15;

/// Every document, by its path from the root.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned(), "packaging/README.md".to_owned()];
    for folder in ["docs", "docs/dialects"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap();
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_command_is_run_or_says_why_not() {
    let tours: Vec<_> = TOURS.iter().map(|name| format!("docs/dialects/{name}.md")).collect();
    let (mut run, mut left_out) = (0, 0);
    for name in documents() {
        let blocks = blocks(&name);
        if tours.contains(&name) {
            assert_eq!(blocks.len(), 1, "{name}: `tours` runs the last block only");
            continue;
        }
        for block in &blocks {
            match &block.purpose {
                Purpose::Beside | Purpose::Alone => {
                    assert!(RUN.contains(&&*name), "{}: no test runs it", block.place);
                    run += 1;
                }
                Purpose::Needs(service) => {
                    let with =
                        format!("crates/onhand-server/tests/{}/documents.rs", folder(service));
                    let tests = std::fs::read_to_string(root().join(with)).unwrap();
                    assert!(tests.contains(&format!("\"{name}\"")), "{}", block.place);
                    run += 1;
                }
                Purpose::NotRun(_) => left_out += 1,
            }
        }
    }
    assert!(run > 20 && left_out <= LEFT_OUT_MAX, "{run} are run, {left_out} are not");
}

/// Where the tests of a service are.
fn folder(service: &str) -> &'static str {
    match service {
        "postgres" => "postgres",
        "nats" => "queues",
        other => panic!("no tests have `{other}`"),
    }
}

/// A requirement whose test is gone is only a wish.
#[test]
fn security_names_tests_that_are_there() {
    let page = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| S")).collect();
    assert_eq!(rows.len(), 40);
    let mut sources = String::new();
    let mut folders = vec![root().join("crates"), root().join("xtask/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut named = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in tests.split('`').skip(1).step_by(2).filter(|name| name.contains('_')) {
            if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                assert!(sources.contains(&format!("fn {name}")), "docs/security.md: {name}");
                named += 1;
            }
        }
    }
    assert!(named > 80, "{named}");
}

#[test]
fn every_document_is_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    for name in documents() {
        let Some(name) = name.strip_prefix("docs/") else { continue };
        let is_below = Path::new(name).parent() != Some(Path::new(""));
        assert!(
            is_below || name == "README.md" || index.contains(&format!("]({name})")),
            "docs/README.md: {name}"
        );
    }
}
