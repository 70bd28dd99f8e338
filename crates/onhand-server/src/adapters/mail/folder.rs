//! Mail into a folder, a file for each: for trying out, for tests, and for whoever has another
//! program send what is in it. A file is named after its Message-ID and appears whole, so that
//! sending twice leaves one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::message::Mail;
use super::{Sent, Trouble};

/// A folder for mail.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A folder, which is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made, or nothing can be written into it.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        // Said at the start, and not when the first order is placed.
        tempfile::Builder::new().prefix(".onhand").tempfile_in(path)?;
        Ok(Self { path: path.to_owned() })
    }

    pub(super) async fn send(&self, mail: &Mail) -> Sent {
        let bytes = match mail.to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return Sent::declined(&error.to_string()),
        };
        let (folder, name) = (self.path.clone(), format!("{}.eml", mail.message_id.bare()));
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        match written {
            Ok(Ok(())) => Sent::Done,
            // The path is the operator's, and told at the start.
            Ok(Err(error)) => {
                Sent::retry(Trouble::Server, &format!("the folder: {}", error.kind()))
            }
            Err(_) => Sent::retry(Trouble::Server, "the mail could not be written to its end"),
        }
    }
}

/// Whole or not at all: it gets its name when it is on the disk.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".onhand").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::mail;
    use super::*;

    #[tokio::test]
    async fn sending_twice_leaves_one_file_and_it_is_whole() {
        let there = tempfile::tempdir().unwrap();
        let folder = Folder::open(&there.path().join("mail")).unwrap();
        for _ in 0..2 {
            assert_eq!(folder.send(&mail()).await, Sent::Done);
        }
        let files: Vec<_> = std::fs::read_dir(&folder.path).unwrap().flatten().collect();
        let names: Vec<_> = files.iter().map(|file| file.file_name()).collect();
        assert_eq!(names, ["evt_108.order_placed.9f86d081@shop.example.eml"]);
        assert_eq!(std::fs::read(files[0].path()).unwrap(), mail().to_bytes().unwrap());
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_tried_again() {
        let there = tempfile::tempdir().unwrap();
        let folder = Folder::open(&there.path().join("mail")).unwrap();
        std::fs::remove_dir(&folder.path).unwrap();
        let sent = folder.send(&mail()).await;
        assert!(matches!(sent, Sent::Retry { trouble: Trouble::Server, .. }), "{sent:?}");
        std::fs::write(there.path().join("file"), "").unwrap();
        assert!(Folder::open(&there.path().join("file")).is_err());
    }
}
