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
    configuration_runs: "docs/configuring.md",
    dialects_run: "docs/dialects/README.md",
    import_and_export_run: "docs/import-export.md",
    jobs_run: "docs/jobs.md",
    mails_run: "docs/mail.md",
    migrations_run: "docs/migrations.md",
    operations_run: "docs/operations.md",
    payments_run: "docs/payments.md",
    security_runs: "docs/security.md",
    the_warehouse_runs: "docs/warehouse.md",
}

/// The tours, each of which has one block that `tours` runs line by line.
const TOURS: &[&str] = &["flow", "oms", "processing", "stock", "storefront"];

/// Every document, by its path from the root.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned()];
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
    assert!(run > left_out * 2, "{run} blocks are run, {left_out} are not");
}

/// Where the tests of a service are.
fn folder(service: &str) -> &'static str {
    match service {
        "postgres" => "postgres",
        "nats" => "queues",
        other => panic!("no tests have `{other}`"),
    }
}

#[test]
fn every_document_is_in_the_index() {
    let index = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    for name in documents() {
        let Some(name) = name.strip_prefix("docs/") else { continue };
        let is_there = name == "README.md" || Path::new(name).parent() != Some(Path::new(""));
        assert!(is_there || index.contains(&format!("]({name})")), "docs/README.md: {name}");
    }
}
