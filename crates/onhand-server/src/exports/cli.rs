//! `onhand export`: out of the database itself, to a file or the standard output.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use onhand_engine::Reader;

use super::{Export, Form, What};
use crate::database::DatabaseOptions;
use crate::load::progress::note;
use crate::serve;

/// What an operator does instead while the database is served.
const ASK_THE_SERVER: &str = "a server has this database: read its GET /v1/exports, or stop it \
     first";

/// What to export.
#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// What.
    what: What,
    #[command(flatten)]
    database: DatabaseOptions,
    /// In which form.
    #[arg(long, default_value = "csv")]
    format: Form,
    /// The file to write, which must not be there; the standard output when absent.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// `onhand export`.
///
/// # Errors
/// In words for the operator. What was written of a file until then stays under another name.
pub(crate) async fn run(options: ExportOptions) -> anyhow::Result<ExitCode> {
    let worked =
        serve::beside(&options.database, Arc::default(), async |_, reader| match &options.output {
            Some(path) => to_file(&options, reader, path).await,
            None => write(&options, reader, &mut std::io::stdout().lock()).await.map(|_| ()),
        });
    worked.await.map_err(|error| serve::advise(error, ASK_THE_SERVER))
}

/// A file has its name only when it is whole.
async fn to_file(options: &ExportOptions, reader: &Reader, path: &Path) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = std::fs::File::create_new(&partial);
    let mut file = file.with_context(|| partial.display().to_string())?;
    let rows = write(options, reader, &mut file).await?;
    file.sync_all().with_context(named)?;
    // Unlike a rename, a link does not take the place of what is there.
    std::fs::hard_link(&partial, path).with_context(named)?;
    std::fs::remove_file(&partial).with_context(named)?;
    note(&format!("{rows} rows in {}", named()));
    Ok(())
}

async fn write(
    options: &ExportOptions,
    reader: &Reader,
    out: &mut impl Write,
) -> anyhow::Result<u64> {
    let mut export = Export::new(reader.clone(), options.what, options.format);
    while let Some(part) = export.next().await? {
        out.write_all(&part)?;
    }
    out.flush()?;
    Ok(export.rows)
}
