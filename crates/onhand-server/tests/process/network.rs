//! The binary at the edge of its network, as its operator configures it: who can reach it, over
//! what, and what happens when a certificate is renewed.

use std::path::Path;
use std::time::{Duration, Instant};

use onhand_server::limits::HANDSHAKE_TIMEOUT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::edges::{Raw, SLACK};
use crate::encrypted::Identity;
use crate::server::{Server, database, run};

/// `EX_CONFIG`: starting again cannot help.
const EXIT_CONFIGURATION: Option<i32> = Some(78);
/// Longest wait for a renewal that was asked for.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(20);
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A start that is refused in these words, before anything is made.
async fn check_refused(arguments: &[&str], wanted: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), "serve", arguments).await;
    let text = &refused.text;
    assert_eq!(refused.code, EXIT_CONFIGURATION, "{arguments:?}: {text}");
    assert!(wanted.iter().all(|part| text.contains(part)), "{arguments:?}: {wanted:?}: {text}");
    let path = database(folder.path());
    assert!(!Path::new(path.trim_start_matches("sqlite:")).exists(), "{arguments:?}");
}

#[tokio::test]
async fn plain_http_that_others_could_read_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3000"] {
        let wanted = [address, "--tls-cert", "--insecure-http", "127.0.0.1"];
        check_refused(&["--listen", address], &wanted).await;
        check_refused(&["--listen", "127.0.0.1:0", "--ops-listen", address], &wanted).await;
    }
}

/// A start with these two files is refused; the words name one of them.
async fn check_files(certificate: &str, key: &str, wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    let paths = [("cert.pem", certificate), ("key.pem", key)].map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let arguments = ["--listen", "127.0.0.1:0", "--tls-cert", &paths[0], "--tls-key", &paths[1]];
    check_refused(&arguments, &["TLS cannot be spoken", wanted, ".pem"]).await;
}

#[tokio::test]
async fn certificates_that_no_client_would_accept_are_refused() {
    let (good, other) = (Identity::new(), Identity::new());
    let expired = Identity::with(|one| one.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = Identity::with(|one| one.not_before = rcgen::date_time_ymd(3000, 1, 1));
    let damaged = good.certificate_pem.replacen("MII", "!!!", 1);
    let no_certificate =
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let large = "x\n".repeat(200 << 10);
    for (certificate, key, wanted) in [
        (&good.certificate_pem, &other.key_pem, "is not the one of the certificate"),
        (&expired.certificate_pem, &expired.key_pem, "expired at 2020-01-01T00:00:00Z"),
        (&early.certificate_pem, &early.key_pem, "is good from 3000-01-01T00:00:00Z on"),
        (&good.key_pem, &good.key_pem, "there is no certificate in"),
        (&good.certificate_pem, &good.certificate_pem, "there is no private key in"),
        (&damaged, &good.key_pem, "is not in PEM"),
        (&no_certificate, &good.key_pem, "cannot be read"),
        (&large, &good.key_pem, "has more than 262144 bytes"),
    ] {
        check_files(certificate, key, wanted).await;
    }
    let nowhere = ["--tls-cert", "nowhere.pem", "--tls-key", "nowhere-either.pem"];
    check_refused(&nowhere, &["cannot read nowhere", "No such file"]).await;
}

async fn serve_as(identity: &Identity, folder: &Path, listen: &str) -> Server {
    let (certificate, key) = identity.write(folder);
    let files = [&certificate, &key].map(|path| path.to_str().unwrap());
    let extra = ["--tls-cert", files[0], "--tls-key", files[1]];
    Server::start_listening(folder, listen, &extra).await
}

#[tokio::test]
async fn with_a_certificate_answers_come_over_tls_and_only_so() {
    let (identity, folder) = (Identity::new(), tempfile::tempdir().unwrap());
    // All addresses: it may be reached from outside now.
    let server = serve_as(&identity, folder.path(), "0.0.0.0:0").await;
    for version in [&TLS12, &TLS13] {
        let stream = identity.connect_with(&server.url, &[version]).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(version.version));
        assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
    }
    let answer = String::from_utf8(identity.answer(&server.url, LIVEZ).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert!(Identity::new().connect(&server.url).await.is_err());

    let mut plain = Raw::connect(&server.url.replace("https:", "http:")).await;
    plain.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!plain.read_lossy().await.contains("HTTP"));
    server.stop_and_verify().await;
}

#[tokio::test]
async fn whoever_shakes_no_hands_is_cut_off_and_holds_up_nobody() {
    let (identity, folder) = (Identity::new(), tempfile::tempdir().unwrap());
    let server = serve_as(&identity, folder.path(), "127.0.0.1:0").await;
    let address = server.url.strip_prefix("https://").unwrap();
    let begun = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    for _ in 0..10 {
        let asked = Instant::now();
        assert!(identity.answer(&server.url, LIVEZ).await.starts_with(b"HTTP/1.1 200 "));
        assert!(asked.elapsed() < SLACK, "{:?}", asked.elapsed());
    }
    for stream in &mut silent {
        let closed = timeout(HANDSHAKE_TIMEOUT + SLACK, stream.read(&mut [0; 1])).await.unwrap();
        assert_eq!(closed.unwrap_or_default(), 0);
        assert!(begun.elapsed() >= HANDSHAKE_TIMEOUT, "{:?}", begun.elapsed());
    }
    // One that has just begun does not hold up a stop.
    let _begun = TcpStream::connect(address).await.unwrap();
    let stopping = Instant::now();
    server.stop_and_verify().await;
    assert!(stopping.elapsed() < HANDSHAKE_TIMEOUT, "{:?}", stopping.elapsed());
}

#[tokio::test]
async fn a_hangup_takes_over_a_new_certificate_and_never_a_bad_one() {
    let (old, new) = (Identity::new(), Identity::new());
    let folder = tempfile::tempdir().unwrap();
    let server = serve_as(&old, folder.path(), "127.0.0.1:0").await;
    let mut kept = old.connect(&server.url).await.unwrap();

    let (certificate, _) = new.write(folder.path());
    std::fs::write(&certificate, "").unwrap();
    server.hang_up();
    let told = async {
        let mut ticks = interval(Duration::from_millis(20));
        while !server.log().contains("there is no certificate in") {
            ticks.tick().await;
        }
    };
    timeout(RENEWAL_TIMEOUT, told).await.unwrap();
    assert!(old.connect(&server.url).await.is_ok());

    new.write(folder.path());
    server.hang_up();
    let renewed = async {
        let mut ticks = interval(Duration::from_millis(20));
        while new.connect(&server.url).await.is_err() {
            ticks.tick().await;
        }
    };
    timeout(RENEWAL_TIMEOUT, renewed).await.unwrap();
    assert!(old.connect(&server.url).await.is_err());
    // Whoever is connected stays.
    kept.write_all(LIVEZ).await.unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn without_a_certificate_a_hangup_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]).await;
    server.hang_up();
    assert_eq!(server.exit_code().await, None);
}

#[tokio::test]
async fn operators_have_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--ops-listen", "127.0.0.1:0"]).await;
    for (path, status) in [("/livez", 200), ("/v1/orders", 200), ("/health", 200), ("/docs", 404)] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        // Clients of a dialect ask for it; how much there is to do is told nobody here.
        assert!(!String::from_utf8_lossy(&answer.body).contains("committer"), "{path}");
    }
    let output = server.output_with("/docs").await;
    let line = output.lines().find_map(|line| line.trim().strip_prefix("operations ")).unwrap();
    let url = line.trim().strip_suffix("/health").unwrap();
    let mut raw = Raw::connect(url).await;
    raw.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = raw.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.stop_and_verify().await;
}
