//! Secrets in files: read with a bound and a look at who else may, made once and for good.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Secret, random_bytes};
use crate::limits::SECRET_FILE_BYTES_MAX;

/// The file that is made when nothing is configured.
const NAME: &str = "onhand-secret";
/// Who else may do anything with it: nobody.
const OTHERS: u32 = 0o077;
/// Who else may write to a file that is provided: nobody. Containers are given secrets that all of
/// their users may read, and cannot change that.
const OTHERS_WRITE: u32 = 0o022;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The text or file is empty.
    #[error("there is no secret in it")]
    None,
    /// More than are used at a time.
    #[error("there are {many} secrets in it, expected at most {}", crate::limits::SECRETS_MAX)]
    TooMany {
        /// How many there are.
        many: usize,
    },
    /// The file is no secret any more, or can be replaced by somebody else.
    #[error("{0} is open to others; close it with `chmod 600 {0}`", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any list of secrets.
    #[error("{} has more than {SECRET_FILE_BYTES_MAX} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file, or the folder that it is to lie in, cannot be made.
    #[error("cannot make {}: {cause}", .path.display())]
    Make {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The system has no random bytes to give.
    #[error("no random bytes")]
    Random(#[from] getrandom::Error),
}

/// What is in a file that somebody provides.
pub(super) fn read_provided(path: &Path) -> Result<Secret, SecretError> {
    read(path, OTHERS_WRITE)
}

/// What is in our own file, which is made if it is missing.
pub(super) fn read_or_create(folder: &Path) -> Result<Secret, SecretError> {
    let path = folder.join(NAME);
    match read(&path, OTHERS) {
        Err(SecretError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)
                .map_err(|cause| SecretError::Make { path: folder.to_owned(), cause })?;
            create(folder, &path)?;
            read(&path, OTHERS)
        }
        other => other,
    }
}

fn read(path: &Path, closed_to_others: u32) -> Result<Secret, SecretError> {
    let failed = |cause| SecretError::Read { path: path.to_owned(), cause };
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open: the name may mean another one by now.
    if file.metadata().map_err(failed)?.permissions().mode() & closed_to_others != 0 {
        return Err(SecretError::Open { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).map_or(true, |bytes| bytes > SECRET_FILE_BYTES_MAX) {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    Ok(Secret(text))
}

/// Makes the file whole or not at all: it gets its name only when it is on the disk, and only if
/// nobody else was faster. Whoever was has made the secret that is used.
fn create(folder: &Path, path: &Path) -> Result<(), SecretError> {
    let failed = |cause| SecretError::Make { path: path.to_owned(), cause };
    let secret = random_bytes::<32>()?;
    let mut text = Zeroizing::new(String::with_capacity(2 * secret.len() + 1));
    for byte in secret.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text.push('\n');
    let mut file = tempfile::Builder::new()
        .prefix(".onhand-secret")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::thread;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_file_is_made_once_closed_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.path().to_owned();
                thread::spawn(move || read_or_create(&folder).unwrap())
            })
            .collect();
        let secrets: Vec<Secret> = starts.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        let text = String::from_utf8(secrets[0].expose().to_vec()).unwrap();
        assert_eq!(text.len(), 65);
        assert!(text.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
        let metadata = fs::metadata(folder.path().join(NAME)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(read_or_create(other.path()).unwrap(), secrets[0]);
    }

    #[test]
    fn a_file_that_is_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let ours = |mode| {
            set_mode(&path, mode);
            read_or_create(folder.path()).map_err(|error| error.to_string())
        };
        let provided = |mode| {
            set_mode(&path, mode);
            read_provided(&path).map_err(|error| error.to_string())
        };
        fs::write(&path, "0123456789abcdef").unwrap();
        let refused =
            Err(format!("{0} is open to others; close it with `chmod 600 {0}`", path.display()));
        let read = Ok(Secret::new("0123456789abcdef"));
        for (mode, of_ours, of_provided) in [
            (0o600, &read, &read),
            (0o400, &read, &read),
            (0o440, &refused, &read),
            (0o644, &refused, &read),
            (0o604, &refused, &read),
            (0o620, &refused, &refused),
            (0o602, &refused, &refused),
        ] {
            assert_eq!(&ours(mode), of_ours, "{mode:o}");
            assert_eq!(&provided(mode), of_provided, "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_is_missing_or_too_large_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing");
        let message = read_provided(&path).unwrap_err().to_string();
        let of_system = "No such file or directory (os error 2)";
        assert_eq!(message, format!("cannot read {}: {of_system}", path.display()));
        let most = usize::try_from(SECRET_FILE_BYTES_MAX).unwrap();
        fs::write(&path, "x".repeat(most)).unwrap();
        set_mode(&path, 0o600);
        assert!(read_provided(&path).is_ok());
        fs::write(&path, "x".repeat(most + 1)).unwrap();
        let refused = read_provided(&path);
        assert!(matches!(refused, Err(SecretError::TooLarge { .. })), "{refused:?}");
    }
}
