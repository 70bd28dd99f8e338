//! Where the binary finds its settings, what it says of them, and what else it tells of itself:
//! health, completions, manual pages.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use crate::documents_read::root;
use crate::encrypted::Identity;
use crate::server::{ONHAND, Server};

const SECRET: &str = "9f0c7d1e5b2a48c6813f6e0d7a94b25c";

/// Runs a command in a folder, in an environment that has this and nothing else.
async fn run(folder: &Path, words: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(ONHAND);
    command.args(words.split(' ')).current_dir(folder).env_clear();
    command.envs(environment.iter().copied()).output().await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn flags_go_before_the_environment_before_dotenv_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(
        folder,
        "onhand.toml",
        "rate_reads = 1\nrate_writes = 1\nrate_auth = 1\nmigrate = true\n",
    );
    write(folder, ".env", "ONHAND_RATE_READS=2\nONHAND_RATE_WRITES='2'\nexport PORT=4002 # ours\n");
    let environment = [("ONHAND_RATE_READS", "3"), ("ONHAND_CACHE_BYTES", "1000000")];
    let checked = run(folder, "config check -- --cache-bytes 2000000", &environment).await;
    let told = said(&checked);
    let lines: Vec<_> =
        told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for wanted in [
        "rate_reads 3 (ONHAND_RATE_READS)",
        "rate_writes 2 (ONHAND_RATE_WRITES in .env)",
        "rate_auth 1 (onhand.toml:3)",
        "migrate true (onhand.toml:4)",
        "cache_bytes 2000000 (flag)",
        "listen 127.0.0.1:4002 (PORT in .env)",
        "the server could start with this",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {told}");
    }
    assert!(!told.contains("rate_checkout"), "what nobody has set is not told: {told}");
    assert_eq!(checked.status.code(), Some(0), "{told}");
    assert!(!folder.join("onhand-data").exists(), "nothing is made");
    let all = said(&run(folder, "config check --all", &[]).await);
    assert!(all.contains("rate_checkout") && all.contains("(default)"), "{all}");
}

#[tokio::test]
async fn what_is_wrong_in_a_file_ends_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "onhand.toml", "lisen = '127.0.0.1:1'\ntoken_secret = 'hunter2'\n");
    for words in ["serve", "verify", "config check", "migrate status"] {
        let refused = run(folder, words, &[]).await;
        let told = said(&refused);
        assert_eq!(refused.status.code(), Some(78), "{words}: {told}");
        assert!(told.contains("onhand.toml:1: there is no setting `lisen`"), "{told}");
        assert!(told.contains("onhand.toml:2: `token_secret` is a secret"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let other = run(folder, "config check --config gone.toml", &[]).await;
    assert_eq!(other.status.code(), Some(78));
    assert!(said(&other).contains("gone.toml: No such file"), "{}", said(&other));
    write(folder, "fine.toml", "rate_auth = 7");
    let fine = run(folder, "config check", &[("ONHAND_CONFIG", "fine.toml")]).await;
    assert!(said(&fine).contains("fine.toml:1"), "{}", said(&fine));
    std::fs::remove_file(folder.join("onhand.toml")).unwrap();
    write(folder, ".env", "ONHAND_LOG=info\nthis is hunter2\n");
    let refused = run(folder, "config check", &[]).await;
    assert_eq!(refused.status.code(), Some(78));
    let told = said(&refused);
    assert!(told.contains(".env:2") && !told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_check_tells_all_that_the_start_would_refuse_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(
        folder,
        "onhand.toml",
        "listen = '0.0.0.0:80'\nproduction = true\nwarehouse_url = 'http://w.example'\n\
         tls_cert = 'cert.pem'\ndatabase_url = 'postgresql://a:hunter2@db/x'\nmail = 'pigeon'\n",
    );
    let environment = [("ONHAND_TOKEN_SECRET", "hunter2"), ("ONHAND_LOG", "a=b=c")];
    let checked = run(folder, "config check", &environment).await;
    let told = said(&checked);
    assert_eq!(checked.status.code(), Some(78), "{told}");
    for wanted in [
        "--tls-key is missing",
        "--production refuses",
        "is not `https`",
        "--mail `pigeon`",
        "ONHAND_LOG",
        "token_secret",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn the_settings_of_kubernetes_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token-secret", SECRET);
    let file = root().join("packaging/kubernetes/onhand.toml");
    let words = format!("config check --config {}", file.display());
    let environment = [
        ("ONHAND_DATABASE_URL", "postgresql://onhand:hunter2@db.example/shop"),
        ("ONHAND_TOKEN_SECRET_FILE", "token-secret"),
    ];
    let checked = run(folder.path(), &words, &environment).await;
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    assert!(!said(&checked).contains("hunter2"));
}

/// A secret that a file of settings leads to is the one that logs people in.
#[tokio::test]
async fn a_file_of_settings_leads_to_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "secret", "short");
    write(folder, "onhand.toml", "token_secret_file = 'secret'\nproduction = true\n");
    let refused = run(folder, "serve --listen 127.0.0.1:0", &[]).await;
    assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
    assert!(said(&refused).contains("expected at least 32"), "{}", said(&refused));
}

#[tokio::test]
async fn health_asks_where_the_settings_say_that_the_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--ops-listen", "127.0.0.1:0"]).await;
    let operations = server.output_with("/health").await;
    let operations = operations.lines().find(|line| line.contains("operations")).unwrap();
    let operations =
        operations.rsplit_once("http://").unwrap().1.trim_end_matches("/health").to_owned();
    let listen = server.url.trim_start_matches("http://").to_owned();
    let ask = async |words: &str, environment: &[(&str, &str)]| {
        let asked = run(folder.path(), words, environment).await;
        (asked.status.code(), said(&asked))
    };
    // The public address has /livez only.
    let public = [("ONHAND_LISTEN", &*listen)];
    assert_eq!(ask("health --live", &public).await.0, Some(0));
    assert_eq!(ask("health", &public).await.0, Some(1));
    let both = [("ONHAND_LISTEN", &*listen), ("ONHAND_OPS_LISTEN", &*operations)];
    let (code, told) = ask("health", &both).await;
    assert_eq!((code, told.contains("/readyz: 200")), (Some(0), true), "{told}");
    let by_name = format!("health --url http://{operations}/");
    assert_eq!(ask(&by_name, &[]).await.0, Some(0));
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0));
    let (code, told) = ask("health", &both).await;
    assert_eq!((code, told.contains("/readyz: ")), (Some(1), true), "{told}");
}

#[tokio::test]
async fn health_speaks_tls_where_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = Identity::new().write(folder.path());
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let server = Server::start(folder.path(), &["--tls-cert", certificate, "--tls-key", key]).await;
    let listen = server.url.trim_start_matches("https://");
    let environment = [("ONHAND_LISTEN", listen), ("ONHAND_TLS_CERT", certificate)];
    let asked = run(folder.path(), "health", &environment).await;
    assert_eq!(asked.status.code(), Some(0), "{}", said(&asked));
    assert!(said(&asked).starts_with("https://"), "{}", said(&asked));
}

#[tokio::test]
async fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let written = run(folder, &format!("completions {shell}"), &[]).await;
        assert_eq!(written.status.code(), Some(0), "{shell}");
        let told = said(&written);
        assert!(told.contains("payments-chaos") && told.contains("payment-hold-secs"), "{shell}");
    }
    let written = run(folder, "man pages", &[]).await;
    assert_eq!(written.status.code(), Some(0), "{}", said(&written));
    for page in ["onhand.1", "onhand-serve.1", "onhand-migrate-up.1", "onhand-config-check.1"] {
        let text = std::fs::read_to_string(folder.join("pages").join(page)).unwrap();
        assert!(text.contains(".TH onhand"), "{page}");
    }
}
