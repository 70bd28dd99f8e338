//! The binary at the edge of its network, as its operator configures it.

use crate::server::{database, run};

/// `EX_CONFIG`: starting again cannot help.
const EXIT_CONFIGURATION: Option<i32> = Some(78);

/// A start that is refused in these words, before anything is made.
async fn check_refused(arguments: &[&str], wanted: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), "serve", arguments).await;
    assert_eq!(refused.code, EXIT_CONFIGURATION, "{arguments:?}: {}", refused.text);
    assert!(
        wanted.iter().all(|part| refused.text.contains(part)),
        "{arguments:?}: {wanted:?}: {}",
        refused.text
    );
    let path = database(folder.path());
    assert!(!std::path::Path::new(path.trim_start_matches("sqlite:")).exists(), "{arguments:?}");
}

#[tokio::test]
async fn plain_http_that_others_could_read_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"] {
        check_refused(&["--listen", address], &[address, "--insecure-http", "127.0.0.1"]).await;
    }
}
