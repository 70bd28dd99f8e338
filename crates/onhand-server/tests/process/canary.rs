//! Secrets that sing when they are seen. The binary is given some in each way in which it takes
//! secrets, and whatever it writes or answers afterwards is searched for them; the log also for
//! what it was told about people, and for control characters, by which a caller could write lines
//! of it or colours of the terminal.

use std::ffi::OsString;
use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::encrypted::Identity;
use crate::installation::Installation;
use crate::server::{ONHAND, Server};

/// Longest wait for a command that is refused.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// In the URL of the database.
const DATABASE_PASSWORD: &str = "canary-of-the-database";
/// In the name of a file.
const KEY_NAME: &str = "canary-of-the-key";
/// After `Authorization: Bearer`.
const TOKEN: &str = "canary-of-the-token";
/// `canary:canary-of-basic`, after `Authorization: Basic`.
const BASIC: &str = "Y2FuYXJ5OmNhbmFyeS1vZi1iYXNpYw==";
/// In a cookie.
const COOKIE: &str = "canary-of-the-cookie";
/// In bodies, where a password belongs and where it does not.
const PASSWORD: &str = "canary-of-the-body";
/// In the query, where secrets never belong.
const QUERY: &str = "canary-of-the-query";

/// What tokens are signed with.
const TOKEN_SECRET: &str = "canary-that-signs-9f0c7d1e5b2a48c6813f6e0d7a94b25c";
/// What refresh tokens follow from.
const REFRESH_SECRET: &str = "canary-that-renews-4be1a07c93d25f68e0c14d7b8a6f3925";

/// All of them. What is given to the binary in a further way gets a canary of its own here.
const CANARIES: [&str; 9] = [
    DATABASE_PASSWORD,
    KEY_NAME,
    TOKEN,
    BASIC,
    COOKIE,
    PASSWORD,
    QUERY,
    TOKEN_SECRET,
    REFRESH_SECRET,
];

/// What is known of people: their answers may hold it, a log may not. What the server takes down
/// about people in a further way gets one of its own here.
const PEOPLE: [&str; 7] = [
    "canary-of-the-address@shop.example",
    "Canary of the Name",
    "Canary of the Recipient",
    "Canary of the Street",
    "Canary of the City",
    "CANARY-560001",
    "canary of the metadata",
];

/// Begins what callers try to have written on a line of its own.
const FORGED: &str = "FORGED";

/// Nothing of what was said may hold a secret.
fn check_silence(what: &str, said: &[u8], further: &[String]) {
    let text = String::from_utf8_lossy(said);
    for canary in CANARIES.into_iter().chain(further.iter().map(String::as_str)) {
        assert!(!text.contains(canary), "{what} holds {canary}: {text}");
    }
}

/// Lines of text, and nothing that could pass for one or tell a terminal what to do.
fn check_lines(what: &str, text: &str) {
    let is_text = |one: char| one == '\n' || !one.is_control();
    assert!(text.chars().all(is_text), "{what} has control characters: {text:?}");
    assert!(text.lines().all(|line| !line.starts_with(FORGED)), "{what} has a forged line: {text}");
}

/// What a command writes that is not given what it needs.
async fn check_command(arguments: &[&str], environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(ONHAND);
    command.args(arguments).envs(environment.iter().copied()).env("ONHAND_LOG", "trace");
    command.current_dir(folder.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(COMMAND_TIMEOUT, command.output()).await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let what = format!("{arguments:?} with {environment:?}");
    assert!(!said.is_empty(), "{what}");
    check_silence(&what, &said, &[]);
    check_lines(&what, &String::from_utf8(said).unwrap());
}

#[tokio::test]
async fn refusals_at_the_start_keep_secrets() {
    let password = DATABASE_PASSWORD;
    let urls = [
        format!("postgresql://onhand:{password}@127.0.0.1:1/shop"),
        format!("postgresql://onhand:p@{password}@127.0.0.1:1/shop"),
        format!("postgresql://127.0.0.1:1/shop?user=onhand&password={password}"),
        format!("postgresql://onhand:{password}@127.0.0.1:1/shop?sslmode=prefer"),
        format!("postgresql://onhand:p/{password}@127.0.0.1:1/shop"),
        format!("postgresql://onhand:p?{password}@127.0.0.1:1/shop"),
        format!("postgresql://onhand:p#{password}@127.0.0.1:1/shop"),
        format!("postgresql://onhand:{password}@[::1/shop"),
        format!("postgresql://onhand:{password}@127.0.0.1:port/shop"),
        format!("postgresql://onhand:{password}%@127.0.0.1:1/shop"),
        format!("mysql://onhand:{password}@127.0.0.1:1/shop"),
        format!("mysql://127.0.0.1:1/shop?password={password}"),
    ];
    for url in &urls {
        for arguments in [
            ["serve", "--listen", "127.0.0.1:0"].as_slice(),
            &["migrate", "up"],
            &["verify"],
            &["clear-data"],
            &["clear-data", "--yes"],
        ] {
            check_command(arguments, &[("ONHAND_DATABASE_URL", url)]).await;
        }
        let replica = ["serve", "--listen", "127.0.0.1:0"];
        check_command(&replica, &[("ONHAND_REPLICA_URL", url)]).await;
    }
    let key = format!("{KEY_NAME}.pem");
    let environment = [
        ("ONHAND_DATABASE_URL", urls[0].as_str()),
        ("ONHAND_REPLICA_URL", &urls[0]),
        ("ONHAND_TLS_CERT", "nowhere.pem"),
        ("ONHAND_TLS_KEY", &key),
    ];
    check_command(&["serve", "--help"], &environment).await;
}

/// Requests as they come, good and bad ones, each with secrets in it.
fn requests(api_key: &str) -> Vec<String> {
    let credentials = [
        format!("Authorization: Bearer {api_key}"),
        format!("X-Api-Key: {api_key}"),
        format!("Authorization: Bearer {TOKEN}"),
        format!("Authorization: Basic {BASIC}"),
        format!("Authorization: {TOKEN}"),
        format!("Cookie: session={COOKIE}"),
        format!("X-Api-Key: {TOKEN}"),
        format!("Proxy-Authorization: Basic {BASIC}"),
    ];
    let bodies = [
        format!(r#"{{"email":"a@shop.example","password":"{PASSWORD}"}}"#),
        format!(r#"{{"items":[{{"sku":"smartphone","quantity":1}}],"password":"{PASSWORD}"}}"#),
        format!(r#"{{"password":["{PASSWORD}"]}}"#),
        format!(r#"{{"password":"{PASSWORD}"#),
    ];
    let mut requests = Vec::new();
    for credential in &credentials {
        for path in ["/livez", "/v1/orders", "/nowhere", "/v1/orders/ord_1"] {
            requests.push(request("GET", path, credential, ""));
        }
        requests.push(request("GET", &format!("/v1/orders?access_token={QUERY}"), credential, ""));
        requests.push(request("BREW", "/v1/orders", credential, ""));
        for path in ["/v1/auth/login", "/v1/auth/register", "/v1/orders", "/v1/products"] {
            for body in &bodies {
                requests.push(request("POST", path, credential, body));
            }
        }
    }
    requests.push(format!("GET /livez HTTP/1.1\r\nAuthorization: {TOKEN}\r\nnonsense\r\n\r\n"));
    requests
}

/// Requests that try to write what is not theirs to write.
fn injections() -> Vec<String> {
    let mut requests = Vec::new();
    for text in ["%0d%0aFORGED", "%1b[31mFORGED", "%00FORGED", "%c2%9bFORGED"] {
        for path in ["/", "/v1/orders/", "/v1/stock/", "/v1/orders?limit=", "/v1/orders?"] {
            requests.push(request("GET", &format!("{path}{text}"), "X: x", ""));
        }
    }
    for text in [r"\r\nFORGED", r"\u001b[31mFORGED", r"\u0000FORGED", r"\u009bFORGED"] {
        for body in [
            format!(r#"{{"items":[{{"sku":"{text}","quantity":1}}]}}"#),
            format!(r#"{{"items":[{{"sku":"smartphone","quantity":1}}],"{text}":1}}"#),
            format!(r#"{{"items":"{text}"}}"#),
            format!(r#"{{"items":[{{"sku":"smartphone","quantity":1}}],"note":"{text}"}}"#),
            format!(
                r#"{{"name":"{text}","sku":"canary","price":{{"amount":1,"currency":"INR"}}}}"#
            ),
        ] {
            requests.push(request("POST", "/v1/orders", "X: x", &body));
            requests.push(request("POST", "/v1/products", "X: x", &body));
        }
    }
    for text in ["\x1b[31mFORGED", "\x07FORGED", "\nFORGED: x", "\rFORGED", "\u{9b}FORGED"] {
        for name in ["Request-Id", "Idempotency-Key", "User-Agent", "Host", "Authorization"] {
            requests.push(request("GET", "/v1/orders", &format!("{name}: {text}"), ""));
        }
    }
    requests
}

/// Requests with people in them, of which some do what they ask for: somebody registers, logs in,
/// orders, and is told what is wrong with it.
fn requests_of_people(api_key: &str) -> Vec<String> {
    let [email, name, recipient, street, city, postal_code, note] = PEOPLE;
    let account =
        format!(r#"{{"email":"{email}","password":"{PASSWORD} & bees","name":"{name}"}}"#);
    let login = format!(r#"{{"email":"{email}","password":"{PASSWORD} & bees"}}"#);
    let wrong = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let to = format!(
        r#""shipping_address":{{"name":"{recipient}","street":"{street}","city":"{city}",
        "postal_code":"{postal_code}","country":"IN"}},"metadata":{{"note":"{note}"}}"#
    );
    let order = format!(r#"{{"items":[{{"sku":"smartphone","quantity":1}}],{to}}}"#);
    let too_many = format!(r#"{{"items":[{{"sku":"smartphone","quantity":9999}}],{to}}}"#);
    let unlawful = format!(r#"{{"items":[],"{email}":"{recipient}",{to}}}"#);
    let credential = format!("Authorization: Bearer {api_key}");
    let mut requests = Vec::new();
    for (path, body) in [
        ("/v1/auth/register", &account),
        ("/v1/auth/register", &account),
        ("/v1/auth/login", &wrong),
        ("/v1/auth/login", &login),
        ("/v1/orders", &order),
        ("/v1/orders", &too_many),
        ("/v1/orders", &unlawful),
    ] {
        requests.push(request("POST", path, &credential, body));
    }
    let place = format!(r#"{{"shipping_address":"{street}"}}"#);
    requests.push(request("PATCH", "/v1/orders/ord_1", &credential, &place));
    let email = email.replace('@', "%40");
    requests.push(request("GET", &format!("/v1/users?email={email}"), &credential, ""));
    requests.push(request("GET", &format!("/v1/users/{email}"), &credential, ""));
    requests.push(request("GET", "/v1/users?limit=100", &credential, ""));
    requests
}

fn request(method: &str, path: &str, header: &str, body: &str) -> String {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    write!(request, "Content-Type: application/json\r\nIdempotency-Key: {}\r\n", body.len())
        .unwrap();
    write!(request, "{header}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    request
}

#[tokio::test]
async fn a_running_server_keeps_secrets_and_writes_only_lines_of_its_own() {
    let (installation, folder) = (Installation::fresh().await, tempfile::tempdir().unwrap());
    let identity = Identity::new();
    let (certificate, key) = identity.write(folder.path());
    let hidden = folder.path().join(KEY_NAME);
    std::fs::rename(key, &hidden).unwrap();
    // The lines of the key between the first and the last.
    let lines: Vec<_> = identity.key_pem.lines().map(str::to_owned).collect();
    let mut inside = lines[1..lines.len() - 1].to_vec();
    let environment = [
        ("ONHAND_TLS_CERT", OsString::from(certificate)),
        ("ONHAND_TLS_KEY", OsString::from(hidden)),
        ("ONHAND_LOG", OsString::from("trace")),
        ("ONHAND_TOKEN_SECRET", OsString::from(TOKEN_SECRET)),
        ("ONHAND_REFRESH_SECRET", OsString::from(REFRESH_SECRET)),
    ];
    let url = installation.url().replacen('@', &format!(":{DATABASE_PASSWORD}@"), 1);
    // One address does all of it.
    let extra = ["--migrate", "--rate-auth", "0"];
    let server = Server::start_on(url, folder.path(), &extra, &environment).await;
    inside.push(server.key.clone());
    for request in requests(&server.key).iter().chain(&injections()) {
        let answer = identity.answer(&server.url, request.as_bytes()).await;
        check_silence(request, &answer, &inside);
        // JSON has a spelling for those of ASCII only; programs read it, not terminals.
        let lines = String::from_utf8(answer).unwrap().replace("\r\n", "\n");
        check_lines(request, &lines.replace('\u{9b}', ""));
    }
    let mut answers = String::new();
    for request in requests_of_people(&server.key) {
        let answer = identity.answer(&server.url, request.as_bytes()).await;
        check_silence(&request, &answer, &inside);
        answers.push_str(&String::from_utf8(answer).unwrap());
    }
    for status in ["200 OK", "201 Created", "202 Accepted", "401 ", "409 ", "422 "] {
        assert!(answers.contains(&format!("HTTP/1.1 {status}")), "{status}: {answers}");
    }
    let command_line = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    check_silence("the command line", &command_line, &inside);
    let (output, log) = (server.output(), server.log());
    for (what, said) in [("the output", &output), ("the log", &log)] {
        assert!(!said.is_empty(), "{what}");
        check_silence(what, said.as_bytes(), &inside);
        check_lines(what, said);
        for canary in PEOPLE {
            assert!(!said.contains(canary), "{what} holds {canary}: {said}");
        }
    }
    server.stop_and_verify().await;
}
