//! Hands a file to the committer, batch by batch and in its order: while one is being written the
//! next is read, and no more. What was taken before is read again and compared by its hash, so that
//! whoever sends the same file again goes on where it stopped, and another file is refused.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use onhand_core::command::Reply;
use onhand_core::ids::{ImportId, LocationId};
use onhand_core::imports::{Command, Entry, Import, Kind, Plan, Refusal as ImportRefusal, State};
use onhand_core::text::{Name, Reference, Text};
use onhand_core::{Command as AnyCommand, Currency, Refusal};
use onhand_engine::committer::{Answer, Caller, Submit};
use onhand_engine::query::ReadError;
use onhand_engine::{Reader, SubmitError};
use tokio::task::JoinHandle;

use super::{FileFault, Format, Reading};
use crate::limits::IMPORT_WAITS_MAX;

/// What is to be imported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    pub(crate) dry_run: bool,
    pub(crate) currency: Option<Currency>,
    pub(crate) location_id: Option<LocationId>,
}

/// Why a file does not arrive whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceFault {
    /// It stopped.
    #[error("the file did not arrive whole: {0}")]
    Incomplete(String),
    /// Nothing of it arrived for too long.
    #[error("nothing of the file arrived for {0} s")]
    Idle(u64),
    /// It is too large.
    #[error("the file has more than {0} bytes")]
    TooLarge(u64),
}

/// Why an import did not come to its end. What was taken stays, and the same file goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeError {
    #[error(transparent)]
    File(#[from] FileFault),
    #[error(transparent)]
    Source(#[from] SourceFault),
    #[error("{}", .0.code())]
    Refused(Box<Refusal>),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("what the import was begun with cannot be read: {0}")]
    Plan(String),
}

impl From<ImportRefusal> for TakeError {
    fn from(refusal: ImportRefusal) -> Self {
        Self::Refused(Box::new(refusal.into()))
    }
}

/// How to get to the committer and the readers, as whom.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) submit: Submit,
    pub(crate) reader: Reader,
    pub(crate) caller: Caller,
    /// Rows that are handed in together.
    pub(crate) batch_rows: usize,
}

/// Begins an import of a file and takes it. `begin` hands in the first command: under a key that
/// was used before, it answers with the import of that time, and the file goes on there.
///
/// # Errors
/// [`TakeError`].
pub(crate) async fn begin<S, E>(
    door: &Door,
    wanted: Wanted,
    source: S,
    begin: impl AsyncFnOnce(AnyCommand) -> Result<Answer, E>,
    told: impl FnMut(&Import),
) -> Result<Import, E>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
    E: From<TakeError>,
{
    let mut file = File::new(wanted.kind, wanted.format, wanted.currency, source);
    file.read_head().await?;
    let format = Name::new(wanted.format.name());
    let plan = Plan {
        kind: wanted.kind,
        format: format.map_err(|error| TakeError::Plan(error.to_string()))?,
        dry_run: wanted.dry_run,
        currency: wanted.currency,
        location_id: wanted.location_id,
        ignored: file.reading.ignored(),
    };
    let begun = imported(begin(AnyCommand::Imports(Command::Begin(plan))).await?)?;
    // What came of it since then, if it was begun before.
    let import = find(door, begun.id).await?;
    Ok(take(door, import, file, told).await?)
}

/// Goes on with an import.
///
/// # Errors
/// [`TakeError`].
pub(crate) async fn resume<S>(
    door: &Door,
    import: Import,
    source: S,
    told: impl FnMut(&Import),
) -> Result<Import, TakeError>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
{
    let format = Format::from_name(import.plan.format.as_str());
    let format = format.ok_or_else(|| TakeError::Plan(import.plan.format.to_string()))?;
    let mut file = File::new(import.plan.kind, format, import.plan.currency, source);
    file.read_head().await?;
    take(door, import, file, told).await
}

/// The import of an id.
///
/// # Errors
/// [`TakeError`]; also where there is none.
pub(crate) async fn find(door: &Door, id: ImportId) -> Result<Import, TakeError> {
    let row = door.reader.import(id).await?;
    Ok(row.ok_or(ImportRefusal::UnknownImport { import_id: id })?.import)
}

/// A file, and what of it has arrived and was not looked at.
struct File<S> {
    reading: Reading,
    source: S,
    chunk: Bytes,
    is_over: bool,
}

impl<S: Stream<Item = Result<Bytes, SourceFault>> + Unpin> File<S> {
    fn new(kind: Kind, format: Format, currency: Option<Currency>, source: S) -> Self {
        let reading = Reading::new(kind, format, currency);
        Self { reading, source, chunk: Bytes::new(), is_over: false }
    }

    /// The next part of the file; false at its end.
    async fn fetch(&mut self) -> Result<bool, SourceFault> {
        match self.source.next().await {
            Some(chunk) => {
                self.chunk = chunk?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn read_head(&mut self) -> Result<(), TakeError> {
        while !self.reading.is_headed() {
            if !self.fetch().await? {
                self.is_over = true;
                self.reading.finish()?;
                break;
            }
            self.look(|reading, rest| reading.head(rest))?;
        }
        Ok(())
    }

    /// The next row; none at the end of the file.
    async fn next(&mut self) -> Result<Option<Entry>, TakeError> {
        loop {
            if let Some(entry) = self.look(Reading::next) {
                return Ok(Some(entry));
            }
            if self.is_over {
                return Ok(None);
            }
            if !self.fetch().await? {
                self.is_over = true;
                return Ok(self.reading.finish()?);
            }
        }
    }

    fn look<T>(&mut self, look: impl FnOnce(&mut Reading, &mut &[u8]) -> T) -> T {
        let mut rest = &self.chunk[..];
        let found = look(&mut self.reading, &mut rest);
        let left = rest.len();
        let _ = self.chunk.split_to(self.chunk.len() - left);
        found
    }
}

async fn take<S>(
    door: &Door,
    mut import: Import,
    mut file: File<S>,
    mut told: impl FnMut(&Import),
) -> Result<Import, TakeError>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
{
    let result = take_rows(door, &mut import, &mut file, &mut told).await;
    if let Err(TakeError::Source(fault @ SourceFault::TooLarge(_))) = &result
        && import.state == State::Receiving
        && let Ok(reason) = Text::new(fault.to_string())
    {
        let fail = Command::Fail { id: import.id, reason };
        imported(submit(door.clone(), fail).await?)?;
    }
    result.map(|()| import)
}

async fn take_rows<S>(
    door: &Door,
    import: &mut Import,
    file: &mut File<S>,
    told: &mut impl FnMut(&Import),
) -> Result<(), TakeError>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
{
    pass_taken(import, file).await?;
    match import.state {
        State::Completed => return pass_end(import, file).await,
        state @ State::Failed => {
            return Err(ImportRefusal::ImportEnded { import_id: import.id, state }.into());
        }
        State::Receiving => {}
    }
    let mut from = import.position.rows;
    let mut flight: Option<JoinHandle<Result<Answer, SubmitError>>> = None;
    let mut rows = Vec::with_capacity(door.batch_rows);
    loop {
        let entry = file.next().await;
        // What was read before the file broke off is not lost.
        let (entry, broken) = match entry {
            Ok(entry) => (entry, None),
            Err(error) => (None, Some(error)),
        };
        let is_last = entry.is_none();
        rows.extend(entry);
        if !is_last && rows.len() < door.batch_rows {
            continue;
        }
        if let Some(broken) = broken {
            landed(&mut flight, import, told).await?;
            return Err(broken);
        }
        let (bytes, fingerprint) = file.reading.mark();
        let fingerprint = reference(&fingerprint)?;
        let taken = std::mem::replace(&mut rows, Vec::with_capacity(door.batch_rows));
        let next = from + taken.len() as u64;
        let id = import.id;
        let command = Command::Take { id, from, rows: taken, bytes, fingerprint, is_last };
        from = next;
        landed(&mut flight, import, told).await?;
        flight = Some(tokio::spawn(submit(door.clone(), command)));
        if is_last {
            return landed(&mut flight, import, told).await;
        }
    }
}

/// Reads what was taken before, and compares it.
async fn pass_taken<S>(import: &Import, file: &mut File<S>) -> Result<(), TakeError>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
{
    let taken = import.position.rows;
    for _ in 0..taken {
        if file.next().await?.is_none() {
            return Err(differs(import).into());
        }
    }
    // Of a completed one the hash is over the whole file.
    if taken > 0 && import.state != State::Completed {
        expect_same(import, file)?;
    }
    Ok(())
}

async fn pass_end<S>(import: &Import, file: &mut File<S>) -> Result<(), TakeError>
where
    S: Stream<Item = Result<Bytes, SourceFault>> + Unpin,
{
    if file.next().await?.is_some() {
        return Err(differs(import).into());
    }
    expect_same(import, file)
}

fn expect_same<S>(import: &Import, file: &File<S>) -> Result<(), TakeError> {
    let (bytes, fingerprint) = file.reading.mark();
    let known = import.position.fingerprint.as_ref().map(Reference::as_str);
    let is_same = bytes == import.position.bytes && known == Some(&fingerprint);
    if is_same { Ok(()) } else { Err(differs(import).into()) }
}

fn differs(import: &Import) -> ImportRefusal {
    ImportRefusal::ImportFileDiffers { import_id: import.id, rows: import.position.rows }
}

fn reference(text: &str) -> Result<Reference, TakeError> {
    Reference::new(text).map_err(|error| TakeError::Plan(error.to_string()))
}

/// Waits for the batch that is being written, if one is.
async fn landed(
    flight: &mut Option<JoinHandle<Result<Answer, SubmitError>>>,
    import: &mut Import,
    told: &mut impl FnMut(&Import),
) -> Result<(), TakeError> {
    let Some(flight) = flight.take() else { return Ok(()) };
    let answer = flight.await.map_err(|error| SubmitError::Internal(error.to_string()))??;
    *import = imported(answer)?;
    told(import);
    Ok(())
}

fn imported(answer: Answer) -> Result<Import, TakeError> {
    match answer.outcome {
        Ok(Reply::Import(import)) => Ok(import),
        Ok(_) => Err(SubmitError::Internal("an import was answered otherwise".into()).into()),
        Err(refusal) => Err(TakeError::Refused(Box::new(refusal))),
    }
}

/// Hands a command in, and again where nothing was done: an import has time.
async fn submit(door: Door, command: Command) -> Result<Answer, SubmitError> {
    let (command, caller) = (AnyCommand::Imports(command), door.caller);
    door.submit.submit_within(IMPORT_WAITS_MAX, command, caller, None).await
}
