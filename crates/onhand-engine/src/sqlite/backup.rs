//! A copy of the file as it is at one instant, made beside whoever serves it; and the same way
//! back, to where no database is. A copy appears under its name when it is whole and on the disk,
//! or not at all, and nothing that is there is written over.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::{OpenError, create_closed, open_reader, remove};

/// Copies the database at `from` to `to`, compacted, with folders as needed. Nobody who reads or
/// writes waits for it; what the log of the file would free is kept until its end.
///
/// # Errors
/// [`OpenError`]; then nothing is at `to` that was not there before.
pub fn back_up(from: &Path, to: &Path) -> Result<(), OpenError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
    if to.exists() {
        return Err(io(to, ErrorKind::AlreadyExists.into()));
    }
    let partial = partial_of(to);
    remove(&partial)?;
    let copied = copy(from, &partial).and_then(|()| {
        // Unlike a renaming this fails where somebody else has made the file meanwhile.
        std::fs::hard_link(&partial, to).map_err(|source| io(to, source))
    });
    remove(&partial)?;
    copied?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io(folder, source))
}

fn copy(from: &Path, partial: &Path) -> Result<(), OpenError> {
    let name = partial.to_str();
    let name = name.ok_or_else(|| io(partial, Error::new(ErrorKind::InvalidInput, "no text")))?;
    // SQLite writes into an empty file that is there, which keeps its mode.
    create_closed(partial).map_err(|source| io(partial, source))?;
    let connection = open_reader(from)?;
    connection.execute_batch("PRAGMA query_only = off")?;
    connection.execute("VACUUM INTO ?1", [name])?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(|source| io(partial, source))
}

/// Where a copy is made that is to be at `to`.
fn partial_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn io(path: &Path, source: Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), source }
}
