//! Holds what shows the figures against the table of them: the document, the dashboard, the alerts
//! and what is to be done about each of those. Only tests are here.

use std::collections::BTreeSet;

use super::families::{self, Family, Kind};

const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");
const RUNBOOK: &str = include_str!("../../../../docs/operations.md");
const ALERTS: &str = include_str!("../../../../packaging/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../packaging/grafana/onhand.json");

/// The names that a query may say of a family.
fn queried(family: &Family) -> Vec<String> {
    let name = family.name();
    match family.kind {
        Kind::Counter | Kind::Gauge => vec![name],
        Kind::Histogram => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
    }
}

/// Names of figures in a query: words outside of braces and quotes that begin like ours.
fn names_in(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_word = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == ':';
    for word in query.split(|one: char| !is_word(one)) {
        if word.starts_with("onhand_") || word.starts_with("process_") {
            names.insert(word.to_owned());
        }
    }
    names
}

/// Labels that a query names: by matching, or by grouping.
fn labels_in(query: &str) -> BTreeSet<String> {
    let is_word = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let named = |text: &str| -> Vec<String> {
        text.split(',')
            .filter_map(|one| {
                let one = one.trim();
                let end = one.find(|sign| !is_word(sign)).unwrap_or(one.len());
                (end > 0).then(|| one[..end].to_owned())
            })
            .collect()
    };
    let mut labels = BTreeSet::new();
    for (open, close) in [("{", '}'), ("by (", ')')] {
        for part in query.split(open).skip(1) {
            labels.extend(named(part.split(close).next().unwrap_or_default()));
        }
    }
    labels
}

/// What a query names that is not there; `instance`, `job` and `le` are Prometheus's own.
fn unknown_in(query: &str) -> Vec<String> {
    let known: BTreeSet<_> = families::all().flat_map(queried).collect();
    let names = names_in(query);
    let mut unknown: Vec<String> = names.difference(&known).cloned().collect();
    let of_query =
        families::all().filter(|family| queried(family).iter().any(|name| names.contains(name)));
    let mut labels: BTreeSet<&str> = of_query.flat_map(|family| family.labels).copied().collect();
    labels.extend(["instance", "job", "le"]);
    unknown.extend(labels_in(query).into_iter().filter(|one| !labels.contains(one.as_str())));
    unknown
}

/// A query names what is there, and something of ours.
fn check(query: &str) {
    assert_eq!(unknown_in(query), [""; 0], "{query}");
}

/// The alerts, each with its query and where to read on.
fn alerts() -> Vec<(String, String, String)> {
    let rules = ALERTS.split("- alert: ").skip(1);
    rules
        .map(|rule| {
            let (name, rest) = rule.split_once('\n').unwrap();
            let query = rest.split_once("expr:").unwrap().1;
            let query = query.split("\n        for:").next().unwrap();
            let query = query.split("\n        labels:").next().unwrap();
            let runbook = rest.split_once("runbook: ").unwrap().1.lines().next().unwrap();
            (name.to_owned(), query.trim_start_matches(" >-").to_owned(), runbook.to_owned())
        })
        .collect()
}

/// The queries of the dashboard.
fn queries() -> Vec<String> {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_document_has_the_table() {
    let mut rows = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `onhand_") || line.starts_with("| `process_"));
    for (title, families) in families::ALL {
        assert!(DOCUMENT.contains(&format!("\n### {title}\n")), "{title}");
        for family in *families {
            let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind) = (family.name(), family.kind.as_str());
            let row = format!("| `{name}` | {kind} | {} | {} |", labels.join(", "), family.help);
            assert_eq!(rows.next(), Some(row.as_str()));
        }
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn alerts_name_figures_that_are_there_and_say_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:#?}");
    for (name, query, runbook) in &alerts {
        check(query);
        assert!(!names_in(query).is_empty() || query.contains("up{"), "{query}");
        assert_eq!(*runbook, format!("docs/operations.md#{}", name.to_lowercase()));
        let section = format!("\n### {name}\n\n");
        assert_eq!(RUNBOOK.matches(&section).count(), 1, "{name} is not in the runbook");
    }
    let named: BTreeSet<_> = alerts.iter().map(|(name, ..)| name.as_str()).collect();
    for section in RUNBOOK.lines().filter_map(|line| line.strip_prefix("### Onhand")) {
        assert!(named.contains(format!("Onhand{section}").as_str()), "{section} is no alert");
    }
}

#[test]
fn the_dashboard_names_figures_that_are_there() {
    let queries = queries();
    assert!(queries.len() > 40);
    for query in &queries {
        check(query);
        assert!(!names_in(query).is_empty(), "{query}");
    }
}

#[test]
fn labels_are_found_where_they_are_named() {
    let query = "sum by (instance, reason) (rate(x{a=\"1\", b=~\"c\"}[5m]))";
    let found: Vec<_> = labels_in(query).into_iter().collect();
    assert_eq!(found, ["a", "b", "instance", "reason"]);
}

#[test]
fn what_is_not_there_is_found() {
    for (query, wanted) in [
        ("rate(onhand_http_requests{status=\"5xx\"}[5m])", vec!["onhand_http_requests", "status"]),
        ("sum by (shop) (onhand_jobs_dead{queue=\"mail\"})", vec!["shop"]),
        ("onhand_committer_up{instance=\"a\"} == 0", vec![]),
        ("onhand_committer_batch_size > 1", vec!["onhand_committer_batch_size"]),
    ] {
        assert_eq!(unknown_in(query), wanted, "{query}");
    }
}
