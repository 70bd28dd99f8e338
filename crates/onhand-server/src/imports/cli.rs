//! `onhand import`: a file, or what comes in on the standard input, into the database itself. The
//! import's id is told at once, so that whoever is interrupted can go on with it.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use futures_util::{Stream, stream};
use onhand_core::ids::{ImportId, LocationId};
use onhand_core::imports::{Import, ImportRow, Kind};
use onhand_core::limits::IMPORT_ROWS_TAKEN_MAX;
use onhand_core::{Actor, Currency};
use onhand_engine::Reader;
use serde_json::json;
use tokio::sync::mpsc;

use super::Format;
use super::take::{self, Door, SourceFault, TakeError, Wanted};
use crate::database::DatabaseOptions;
use crate::demo;
use crate::http::problem::Problem;
use crate::http::wire::imports::{ImportView, RowErrorView};
use crate::limits::{IMPORT_BATCH_ROWS, IMPORT_CHUNK_BYTES, IMPORT_CHUNKS_WAITING_MAX};
use crate::load::progress::{Progress, note};
use crate::serve;

/// What an operator does instead while the database is served.
const ASK_THE_SERVER: &str = "a server has this database: send the file to its POST /v1/imports, \
     or stop it first";

/// What to import.
#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    /// The file; `-` is the standard input.
    file: PathBuf,
    /// What its rows are: products or stock.
    #[arg(long, default_value = "products", value_parser = kind)]
    kind: Kind,
    /// csv, ndjson, medusa, vendure or shopify; by the file's name when absent.
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Decide everything, show what would change, and keep nothing of it.
    #[arg(long)]
    dry_run: bool,
    /// The currency of prices that name none, like INR.
    #[arg(long)]
    currency: Option<Currency>,
    /// The location of rows that name none: its id or its code.
    #[arg(long)]
    location: Option<String>,
    /// Go on with this import, like `imp_42`; all else is as it was begun.
    #[arg(long)]
    resume: Option<ImportId>,
    /// Rows that are written together, 1 to 2000.
    #[arg(long, default_value_t = IMPORT_BATCH_ROWS, value_parser = batch_rows)]
    batch_rows: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn batch_rows(text: &str) -> Result<usize, String> {
    let rows = text.parse().ok().filter(|rows| (1..=IMPORT_ROWS_TAKEN_MAX).contains(rows));
    rows.ok_or_else(|| format!("expected a whole number from 1 to {IMPORT_ROWS_TAKEN_MAX}"))
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::from_name(name).ok_or_else(|| "expected products or stock".to_owned())
}

fn format(name: &str) -> Result<Format, String> {
    let names: Vec<_> = Format::ALL.iter().map(Format::name).collect();
    Format::from_name(name).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// `onhand import`. The exit code is 1 where a row was not taken over.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn run(options: ImportOptions) -> anyhow::Result<ExitCode> {
    let mut failed = 0;
    let worked = serve::beside(&options.database, Arc::default(), async |submit, reader| {
        // A database that was never served has nowhere to put stock.
        demo::ensure_location(submit).await?;
        let caller = Actor::Local.into();
        let (submit, reader, batch_rows) = (submit.clone(), reader.clone(), options.batch_rows);
        let door = Door { submit, reader, caller, batch_rows };
        failed = work(&options, &door).await?;
        Ok(())
    });
    let code = worked.await.map_err(|error| serve::advise(error, ASK_THE_SERVER))?;
    Ok(if failed > 0 { ExitCode::FAILURE } else { code })
}

/// Takes the file; answers how many of its rows were not taken over.
async fn work(options: &ImportOptions, door: &Door) -> anyhow::Result<u64> {
    let (source, bytes) = open(&options.file)?;
    let progress = Progress::start(&format!("{}, bytes", options.file.display()), bytes);
    let began = Instant::now();
    let mut done = 0;
    let told = |import: &Import| {
        progress.add(import.position.bytes.saturating_sub(done));
        done = import.position.bytes;
    };
    let taken = match options.resume {
        Some(id) => {
            let import = take::find(door, id).await.map_err(in_words)?;
            take::resume(door, import, source, told).await
        }
        None => {
            let wanted = wanted(options, &door.reader).await?;
            let begin = async |command| -> Result<_, TakeError> {
                let answer = door.submit.submit(command, door.caller.clone(), None).await?;
                if let Ok(onhand_core::command::Reply::Import(import)) = &answer.outcome {
                    let id = import.id;
                    note(&format!("{id} has begun: if it stops, go on with --resume {id}"));
                }
                Ok(answer)
            };
            take::begin(door, wanted, source, begin, told).await
        }
    };
    progress.finish();
    let import = taken.map_err(in_words)?;
    let secs = began.elapsed().as_secs_f64();
    let row = door.reader.import(import.id).await?.context("the import is gone")?;
    show(&row, secs, options.json)?;
    Ok(row.import.tally.failed)
}

async fn wanted(options: &ImportOptions, reader: &Reader) -> anyhow::Result<Wanted> {
    let extension = options.file.extension().and_then(|extension| extension.to_str());
    let by_name = match extension {
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some(_) | None => Format::Csv,
    };
    let wanted = Wanted {
        kind: options.kind,
        format: options.format.unwrap_or(by_name),
        dry_run: options.dry_run,
        currency: options.currency,
        location_id: match &options.location {
            Some(name) => Some(location(reader, name).await?),
            None => None,
        },
    };
    if matches!(wanted.format, Format::Foreign(_)) && wanted.kind == Kind::Stock {
        bail!("a file of {} has products: leave --kind out", wanted.format.name());
    }
    Ok(wanted)
}

async fn location(reader: &Reader, name: &str) -> anyhow::Result<LocationId> {
    let known = reader.locations().await?;
    let is_named = |code: &str, id: LocationId| code == name || id.to_string() == name;
    let found = known.iter().find(|one| is_named(one.code.as_str(), one.id));
    found.map(|one| one.id).with_context(|| format!("no location has the id or code `{name}`"))
}

/// A file by its parts, read on a thread of its own, and its size as far as it is known.
fn open(
    path: &Path,
) -> anyhow::Result<(impl Stream<Item = Result<Bytes, SourceFault>> + Unpin, u64)> {
    let is_input = path == Path::new("-");
    let (file, bytes): (Box<dyn Read + Send>, u64) = if is_input {
        (Box::new(std::io::stdin()), 0)
    } else {
        let named = || path.display().to_string();
        let file = std::fs::File::open(path).with_context(named)?;
        let bytes = file.metadata().with_context(named)?.len();
        (Box::new(file), bytes)
    };
    let (parts, waiting) = mpsc::channel(IMPORT_CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || read(file, &parts));
    let source = stream::unfold(waiting, |mut waiting| async move {
        waiting.recv().await.map(|part| (part, waiting))
    });
    Ok((Box::pin(source), bytes))
}

fn read(mut file: impl Read, parts: &mpsc::Sender<Result<Bytes, SourceFault>>) {
    loop {
        let mut part = vec![0; IMPORT_CHUNK_BYTES];
        let part = match file.read(&mut part) {
            Ok(0) => return,
            Ok(bytes) => {
                part.truncate(bytes);
                Ok(part.into())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Err(SourceFault::Incomplete(error.to_string())),
        };
        let is_end = part.is_err();
        // Whoever took the parts may have given up.
        if parts.blocking_send(part).is_err() || is_end {
            return;
        }
    }
}

fn in_words(error: TakeError) -> anyhow::Error {
    match error {
        TakeError::Refused(refusal) => anyhow::anyhow!(Problem::from(*refusal).detail),
        error @ (TakeError::File(_)
        | TakeError::Source(_)
        | TakeError::Submit(_)
        | TakeError::Read(_)
        | TakeError::Plan(_)) => error.into(),
    }
}

fn show(row: &ImportRow, secs: f64, json: bool) -> anyhow::Result<()> {
    let (import, peak_kib) = (&row.import, peak_memory_kib());
    let rate = import.position.rows as f64 / secs.max(0.001);
    if json {
        let shown = json!({
            "import": ImportView::whole(row), "secs": secs, "rows_per_s": rate.round(),
            "peak_memory_kib": peak_kib
        });
        println!("{shown}");
        return Ok(());
    }
    for fault in &row.faults {
        println!("{}", RowErrorView::of(fault));
    }
    if import.tally.failed > row.faults.len() as u64 {
        println!("and {} more", import.tally.failed - row.faults.len() as u64);
    }
    for difference in &row.differences {
        let action = if difference.is_new { "create" } else { "update" };
        let fields = difference.fields.iter().map(|one| match &one.from {
            Some(from) => format!("{} `{from}` -> `{}`", one.field, one.to),
            None => format!("{} `{}`", one.field, one.to),
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        println!("line {}: {action} {}: {fields}", difference.line, difference.sku);
    }
    if !import.plan.ignored.is_empty() {
        println!("ignored columns: {}", import.plan.ignored.join(", "));
    }
    let tally = &import.tally;
    let memory = peak_kib.map_or(String::new(), |kib| format!(", {} MiB at most", kib >> 10));
    let dry = if import.plan.dry_run { " (dry run)" } else { "" };
    println!(
        "{} {}{dry}: {} rows: {} created, {} updated, {} unchanged, {} failed; {} movements; \
         {secs:.1} s, {rate:.0} rows/s{memory}",
        import.id,
        import.state.as_str(),
        import.position.rows,
        tally.created,
        tally.updated,
        tally.unchanged,
        tally.failed,
        tally.counted,
    );
    Ok(())
}

/// The most memory that this process has had, where the system tells.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
