//! `cargo xtask bench-import`: a file of products with stock, taken by `onhand import` in batches
//! of several sizes, and the same rows written without it (`plain_import.py`) in transactions of
//! the same size, in turns. On the embedded store; either is durable batch by batch.

use std::env;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{build, machine};

/// The program that writes rows and knows no rules.
const PLAIN: &str = "xtask/src/bench/plain_import.py";

/// What the user may choose.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Products in the file.
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u32).range(1_000..))]
    rows: u32,
    /// Sizes of a batch, in rows.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 250, 1_000, 2_000])]
    batch_rows: Vec<u32>,
    /// How often each is measured.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Measure this program, which was built before.
    #[arg(long)]
    program: Option<PathBuf>,
}

/// One size of batches, once.
struct Round {
    batch_rows: u32,
    onhand: f64,
    peak_mib: f64,
    plain: f64,
}

/// Measures every size and prints the table. It is true however slow something is.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build(root)?.join("onhand"),
    };
    let folder = env::temp_dir().join(format!("onhand-bench-import-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(root, &program, &folder, options);
    // What is left of gigabytes is worth nothing to anybody.
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    println!("\n{}; {} rows\n", machine::describe(), options.rows);
    println!("| rows of a batch | onhand import, rows/s | MiB | plain, rows/s | share |");
    println!("|---|---|---|---|---|");
    for Round { batch_rows, onhand, peak_mib, plain } in measured? {
        let share = onhand / plain;
        println!("| {batch_rows} | {onhand:.0} | {peak_mib:.0} | {plain:.0} | {share:.2} |");
    }
    Ok(true)
}

fn measure(root: &Path, program: &Path, folder: &Path, options: &Options) -> Result<Vec<Round>> {
    let file = folder.join("products.csv");
    write_file(&file, options.rows)?;
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        for batch_rows in &options.batch_rows {
            let (here, there) = (folder.join("onhand.db"), folder.join("plain.db"));
            println!("round {round}, batches of {batch_rows}");
            let imported = import(program, &file, &here, *batch_rows)?;
            let plain = plain(root, &here, &there, *batch_rows)?;
            rounds.push(Round {
                batch_rows: *batch_rows,
                onhand: number(&imported, "rows_per_s")?,
                peak_mib: number(&imported, "peak_memory_kib")? / 1_024.0,
                plain: number(&plain, "rows_per_s")?,
            });
            for database in [here, there] {
                forget(&database)?;
            }
        }
    }
    Ok(rounds)
}

/// As in docs/import-export.md.
fn write_file(path: &Path, rows: u32) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    writeln!(file, "sku,name,price,on_hand")?;
    for row in 0..rows {
        let (price, on_hand) = (1_000 + row, row % 500);
        writeln!(file, "P-{row},\"Product number {row}, of a file\",{price},{on_hand}")?;
    }
    Ok(file.flush()?)
}

fn import(program: &Path, file: &Path, database: &Path, batch_rows: u32) -> Result<Value> {
    let mut command = Command::new(program);
    command.arg("import").arg(file).args(["--currency", "INR", "--json"]);
    command.args(["--batch-rows", &batch_rows.to_string()]);
    command.args(["--database-url", &format!("sqlite:{}", database.display())]);
    answer(command)
}

fn plain(root: &Path, source: &Path, target: &Path, batch_rows: u32) -> Result<Value> {
    let mut command = Command::new("python3");
    command.arg(root.join(PLAIN)).arg(source).arg(target).arg(batch_rows.to_string());
    answer(command)
}

/// Runs a program to its end; the JSON that it prints last.
fn answer(mut command: Command) -> Result<Value> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{name}` has failed: {said}");
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().with_context(|| format!("`{name}` says nothing"))?;
    serde_json::from_str(last).with_context(|| format!("`{name}` says `{last}`"))
}

fn number(answer: &Value, name: &str) -> Result<f64> {
    answer[name].as_f64().with_context(|| format!("no `{name}` in {answer}"))
}

fn forget(database: &Path) -> Result<()> {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else {
        return Ok(());
    };
    let name = name.to_string_lossy().into_owned();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
