//! A start that is meant for production refuses what is only fit for trying out, in one line and
//! with the exit code of a configuration error; and what it leaves to an operator can be done.

use std::ffi::OsString;
use std::path::Path;

use crate::server::{Server, run, run_with};

const GOOD: &str = "9f0c7d1e5b2a48c6813f6e0d7a94b25c";

async fn refused(folder: &Path, extra: &[&str], secret: &str, wanted: &str) {
    let arguments: Vec<_> =
        ["--production", "--listen", "127.0.0.1:0"].iter().chain(extra).copied().collect();
    let environment = [("ONHAND_TOKEN_SECRET", OsString::from(secret))];
    let ended = run_with(folder, "serve", &arguments, &environment).await;
    assert_eq!(ended.code, Some(78), "{extra:?} {secret}: {}", ended.text);
    assert!(ended.text.contains(wanted), "{extra:?}: {}", ended.text);
    assert!(!ended.text.contains(GOOD), "{}", ended.text);
}

#[tokio::test]
async fn production_refuses_what_everybody_knows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    refused(folder, &["--demo"], GOOD, "refuses demo users").await;
    for (secret, wanted) in [
        ("your_jwt_secret_key", "placeholder"),
        ("9f0c7d1e", "expected at least 32"),
        (&"ab".repeat(20), "repeats itself"),
    ] {
        refused(folder, &[], secret, wanted).await;
    }
    let seeded = run(folder, "seed", &[]).await;
    assert_eq!(seeded.code, Some(0), "{}", seeded.text);
    refused(folder, &[], GOOD, "onhand users list").await;
}

#[tokio::test]
async fn an_operator_can_put_somebody_else_in_charge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let seeded = run(folder, "seed", &[]).await;
    assert_eq!(seeded.code, Some(0), "{}", seeded.text);
    let disable = async |email| run(folder, "users", &["disable", "--email", email]).await;
    let last = disable("admin@example.com").await;
    assert!(last.code != Some(0) && last.text.contains("last_admin"), "{}", last.text);
    let ada = ["create", "--email", "Ada@Example.com ", "--role", "admin"];
    let created = run(folder, "users", &ada).await;
    assert_eq!(created.code, Some(0), "{}", created.text);
    let again = run(folder, "users", &ada).await;
    assert!(again.code != Some(0) && again.text.contains("email_taken"), "{}", again.text);
    for email in ["admin@example.com", "user@example.com"] {
        let disabled = disable(email).await;
        assert_eq!(disabled.code, Some(0), "{}", disabled.text);
    }
    let listed = run(folder, "users", &["list"]).await.text;
    assert!(listed.contains("ada@example.com") && listed.matches("disabled").count() == 2);
    let made = run(folder, "keys", &["create", "--name", "till", "--scopes", "orders:own"]).await;
    assert!(made.code != Some(0) && made.text.contains("unlawful_scopes"), "{}", made.text);
    let made = run(folder, "keys", &["create", "--name", "till", "--scopes", "orders:read"]).await;
    assert_eq!(made.code, Some(0), "{}", made.text);
    let revoked = run(folder, "keys", &["revoke", "key_1"]).await;
    assert!(revoked.text.contains("is revoked"), "{}", revoked.text);
    let verified = run(folder, "verify", &[]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

#[tokio::test]
async fn while_a_server_has_the_database_commands_say_how_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]).await;
    for (command, arguments) in [
        ("users", ["disable", "--email", "user@example.com"].as_slice()),
        ("users", &["list"]),
        ("keys", &["create", "--name", "till", "--scopes", "orders:read"]),
        ("keys", &["revoke", "key_1"]),
    ] {
        let refused = run(folder, command, arguments).await;
        assert_eq!(refused.code, Some(3), "{}", refused.text);
        for wanted in ["/v1/users", "/v1/api-keys", "another onhand process", "lock file"] {
            assert!(refused.text.contains(wanted), "{command} {arguments:?}: {}", refused.text);
        }
    }
    server.stop_and_verify().await;
}
