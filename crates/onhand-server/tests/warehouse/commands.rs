//! `onhand warehouse` and the options of `onhand serve`: what an operator types, and what is said
//! when it cannot work.

use std::ffi::OsString;

use crate::server::{run, run_with, verify};
use crate::shop::{NEARBY, Says, open, plain, stock};

#[tokio::test]
async fn an_operator_asks_looks_and_decides() {
    let folder = tempfile::tempdir().unwrap();
    let says = Says::rows(&[("headphones", 5), ("laptop", 51)]).await;
    // Through the server that has the database.
    let mut server = open(folder.path(), &says, &["--warehouse-hold-units", "10"]).await;
    let through = [("ONHAND_URL", &server.url), ("ONHAND_TOKEN", &server.key)];
    let through = through.map(|(name, value)| (name, OsString::from(value)));
    let at_server =
        async |words: &[&str]| run_with(folder.path(), "warehouse", words, &through).await;
    let dry = at_server(&["sync", "--dry-run"]).await;
    assert_eq!(dry.code, Some(0), "{}", dry.text);
    assert!(dry.text.contains("syn_1      reported"), "{}", dry.text);
    let held = at_server(&["sync"]).await;
    assert_eq!(held.code, Some(1), "{}", held.text);
    assert!(held.text.contains("syn_2      held"), "{}", held.text);
    let rows = at_server(&["show", "syn_2", "--action", "held"]).await;
    assert!(rows.text.contains("headphones"), "{}", rows.text);
    assert!(!rows.text.contains("laptop"), "{}", rows.text);
    let approved = at_server(&["approve", "syn_2", "1"]).await;
    assert_eq!(approved.code, Some(0), "{}", approved.text);
    assert_eq!(stock(&mut server, "headphones").await.0, 5);
    assert_eq!(stock(&mut server, "laptop").await.0, 51);
    let again = at_server(&["reject", "syn_2"]).await;
    assert!(again.text.contains("409 the run is applied"), "{}", again.text);
    server.stop_and_verify().await;
    // On the database, which nobody serves.
    says.now(plain(&[("headphones", 7)]));
    let words = ["--warehouse-url", &says.url];
    let here = async |first: &[&str]| {
        let words = [first, &words[..], &NEARBY[..]].concat();
        run(folder.path(), "warehouse", &words).await
    };
    let applied = here(&["sync"]).await;
    assert_eq!(applied.code, Some(0), "{}", applied.text);
    let zero = plain(&[("headphones", 0), ("laptop", 0), ("smartphone", 0)]);
    says.now(zero);
    let held = here(&["sync"]).await;
    assert_eq!(held.code, Some(1), "{}", held.text);
    let list = run(folder.path(), "warehouse", &["list", "--json"]).await;
    assert_eq!(list.text.lines().filter(|line| line.starts_with('{')).count(), 4, "{}", list.text);
    let rejected = run(folder.path(), "warehouse", &["reject", "syn_4"]).await;
    assert!(rejected.text.contains("syn_4      rejected"), "{}", rejected.text);
    says.now(crate::fake::http("200 OK", "", "<html>"));
    let failed = here(&["sync"]).await;
    assert_eq!(failed.code, Some(1));
    assert!(failed.text.contains("for_people: the answer is a page for people"), "{}", failed.text);
    verify(folder.path()).await;
}

#[tokio::test]
async fn what_cannot_work_is_said_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let url = |url: &'static str| vec!["--warehouse-url", url];
    for (words, code, wanted) in [
        (url("http://warehouse.example/stock"), 78, "--warehouse-allow-http allows `http`"),
        (url("https://127.0.0.1/stock"), 78, "the address is this machine's own"),
        (url("https://key:canary@warehouse.example/"), 78, "a user or a password"),
        (url("warehouse.example"), 78, "not the URL of a server"),
        (vec!["--warehouse-schedule", "hourly"], 2, "expected five fields"),
        (vec!["--warehouse-schedule", "* * * * * *"], 2, "expected five fields"),
        (vec!["--warehouse-schedule", "0 0 30 2 *"], 2, "it is never due"),
        (vec!["--warehouse-time-zone", "Mars/Olympus"], 2, "no such time zone"),
        (vec!["--warehouse-policy", "ours"], 2, "expected one of warehouse_wins, report_only"),
        (vec!["--warehouse-shortfall", "cry"], 2, "expected one of report, backorder"),
        (vec!["--warehouse-hold-percent", "many"], 2, "invalid digit"),
        (vec!["--warehouse-timeout-secs", "0"], 2, "1..=300"),
    ] {
        let words = [&["--listen", "127.0.0.1:0"][..], &words].concat();
        let ended = run(folder.path(), "serve", &words).await;
        assert_eq!(ended.code, Some(code), "{words:?}: {}", ended.text);
        assert!(ended.text.contains(wanted), "{words:?}: {}", ended.text);
        assert!(!ended.text.contains("canary"), "{}", ended.text);
    }
    // What other shops call it.
    for (name, value, wanted) in [
        ("WAREHOUSE_API_URL", "http://warehouse.example/", "--warehouse-allow-http allows `http`"),
        ("CRON_SCHEDULE", "hourly", "CRON_SCHEDULE: expected five fields"),
    ] {
        let environment = [(name, OsString::from(value))];
        let words = ["--listen", "127.0.0.1:0"];
        let ended = run_with(folder.path(), "serve", &words, &environment).await;
        assert_eq!(ended.code, Some(78), "{name}: {}", ended.text);
        assert!(ended.text.contains(wanted), "{name}: {}", ended.text);
    }
    let secret = [("ONHAND_WAREHOUSE_AUTHORIZATION", OsString::from("Bearer canary\u{7f}"))];
    let words = ["--listen", "127.0.0.1:0", "--warehouse-url", "https://warehouse.example/"];
    let ended = run_with(folder.path(), "serve", &words, &secret).await;
    assert!(ended.text.contains("does not fit into a header"), "{}", ended.text);
    assert!(!ended.text.contains("canary"), "{}", ended.text);
}
