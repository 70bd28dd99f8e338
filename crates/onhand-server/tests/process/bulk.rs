//! `onhand import` as its operator sees it: killed in the middle it goes on without a row twice or
//! one left out, it reads no faster than it writes, and its memory has nothing to do with the size
//! of the file.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use onhand_core::command::Reply;
use onhand_core::imports::{self, Kind, Plan};
use onhand_core::text::Name;
use onhand_core::{Actor, Command};
use onhand_engine::committer::Config;
use onhand_engine::database::Schema;
use onhand_engine::{Database, Location, ManualClock};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process;

use crate::server::{ONHAND, Server, database, json as read, keyed, run, verify};

const ROWS: usize = 30_000;
/// More than may be on its way between us and the database: the pipe, what was read, and two
/// batches.
const ON_ITS_WAY_BYTES: usize = 1 << 20;

fn file() -> String {
    let rows = (0..ROWS).map(|row| {
        format!("row-{row},\"The product of row {row}, as it is called\",{},{}\n", row + 1, row % 9)
    });
    format!("sku,name,price,on_hand\n{}", rows.collect::<String>())
}

/// Imports a file through a pipe, and is killed once so many bytes were taken from it. Answers the
/// id of the import.
async fn killed_at(folder: &Path, file: &str, bytes: usize, more: &[&str]) -> String {
    let mut process = process::Command::new(ONHAND);
    process.args(["import", "-", "--currency", "INR", "--database-url", &database(folder)]);
    process.args(more).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = process.kill_on_drop(true).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&file.as_bytes()[..bytes]).await.unwrap();
    // SIGKILL: nothing is finished, nothing is said.
    child.kill().await.unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut id = more.last().map(ToString::to_string);
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((begun, _)) = line.split_once(" has begun") {
            id = Some(begun.to_owned());
        }
    }
    id.unwrap()
}

#[tokio::test]
async fn an_import_that_is_killed_goes_on_without_a_row_twice() {
    let folder = tempfile::tempdir().unwrap();
    let seeded = run(folder.path(), "seed", &[]).await;
    assert_eq!(seeded.code, Some(0), "{}", seeded.text);
    let file = file();
    assert!(file.len() > ON_ITS_WAY_BYTES + (300 << 10));
    let id = killed_at(folder.path(), &file, ON_ITS_WAY_BYTES, &[]).await;
    let again = killed_at(folder.path(), &file, file.len() * 4 / 5, &["--resume", &id]).await;
    assert_eq!(again, id);
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, &file).unwrap();
    let path = path.to_str().unwrap();
    let ended = run(folder.path(), "import", &[path, "--resume", &id, "--json"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let line = ended.text.lines().find(|line| line.starts_with('{')).unwrap();
    let told: serde_json::Value = serde_json::from_str(line).unwrap();
    let import = &told["import"];
    assert_eq!((import["id"].as_str(), import["status"].as_str()), (Some(&*id), Some("completed")));
    for name in ["rows", "created"] {
        assert_eq!(import[name], ROWS, "{name}");
    }
    let counted = (0..ROWS).filter(|row| row % 9 > 0).count();
    assert_eq!((&import["movements"], &import["failed"]), (&counted.into(), &0.into()));
    let movements = run(folder.path(), "export", &["movements"]).await;
    let of_import = movements.text.lines().filter(|line| line.contains(&format!(",{id},")));
    assert_eq!(of_import.count(), counted);
    verify(folder.path()).await;
    // Whoever sends it once more changes nothing, in whatever batches.
    for (rows, wanted) in [
        ("2000", format!("\"unchanged\":{ROWS},")),
        ("0", "1 to 2000".into()),
        ("2001", "1 to".into()),
    ] {
        let options = [path, "--currency", "INR", "--json", "--batch-rows", rows];
        let more = run(folder.path(), "import", &options).await;
        assert!(more.text.contains(&wanted), "{rows}: {}", more.text);
    }
}

/// An import that somebody began in January and never sent more of.
async fn begun_long_ago(folder: &Path) -> String {
    let location = Location::File(folder.join("onhand.db"));
    let database = Database::open(&location, Schema::Migrate).await.unwrap();
    let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let config = Config { clock, crash: None, policy: Arc::default() };
    let (submit, running, _) = database.start(config).unwrap();
    let plan = Plan {
        kind: Kind::Stock,
        format: Name::new("csv").unwrap(),
        dry_run: false,
        currency: None,
        location_id: None,
        ignored: Vec::new(),
    };
    let begin = Command::Imports(imports::Command::Begin(plan));
    let begun = submit.submit(begin, Actor::Local, None).await.unwrap().outcome.unwrap();
    let Reply::Import(import) = begun else { panic!("{begun:?}") };
    drop(submit);
    tokio::task::spawn_blocking(|| running.join()).await.unwrap().unwrap().unwrap();
    import.id.to_string()
}

#[tokio::test]
async fn an_import_whose_file_never_came_is_given_up_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let id = begun_long_ago(folder.path()).await;
    let mut server = Server::start(folder.path(), &[]).await;
    let path = format!("/v1/imports/{id}");
    let run = "/v1/schedules/retention/run";
    let asked = server.connection.send(Method::POST, run, &keyed("now"), "".into()).await;
    assert!(asked.unwrap().status.is_success());
    let ends = async {
        while read(&server.get(&path).await)["status"] == "receiving" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ends).await.unwrap();
    let import = read(&server.get(&path).await);
    assert_eq!(import["status"], "failed");
    assert_eq!(import["failure"], "given up: nothing of the file has come for 7 days");
    let told = read(&server.get("/v1/events?types=import.failed").await);
    assert_eq!(told["data"][0]["subject"], *id, "{told}");
    // The file comes after all: it is told to begin anew.
    let csv = (HeaderName::from_static("content-type"), HeaderValue::from_static("text/csv"));
    let late = server.connection.send(Method::POST, &path, &[csv], "sku,on_hand\n".into()).await;
    let late = late.unwrap();
    assert_eq!((late.status, &read(&late)["code"]), (StatusCode::CONFLICT, &"import_ended".into()));
    server.stop_and_verify().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_memory_of_an_import_is_not_that_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let seeded = run(folder.path(), "seed", &[]).await;
    assert_eq!(seeded.code, Some(0), "{}", seeded.text);
    let path = folder.path().join("large.csv");
    let description = "long ".repeat(390);
    // Rows of 2 kB that are read whole, and refused: the database stays small.
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    use std::io::Write;
    writeln!(file, "sku,name,description,price").unwrap();
    for row in 0..64_000 {
        writeln!(file, "row-{row},,{}.,{row}", description.trim()).unwrap();
    }
    file.flush().unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    let options = [path.to_str().unwrap(), "--currency", "INR", "--json"];
    let ended = run(folder.path(), "import", &options).await;
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    let line = ended.text.lines().find(|line| line.starts_with('{')).unwrap();
    let told: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(told["import"]["failed"], 64_000);
    let peak = told["peak_memory_kib"].as_u64().unwrap() << 10;
    assert!(bytes > 120_000_000 && peak < bytes / 2, "{peak} bytes of memory for {bytes}");
}
