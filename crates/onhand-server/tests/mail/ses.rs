//! Mail through SES, against moto, which speaks its protocol. `cargo xtask test` starts one, and
//! names it as ONHAND_TEST_MOTO_URL; by hand, requests are to be signed with whichever credentials:
//! `AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test`.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::adapters::mail::message::Mail;
use onhand_server::adapters::mail::ses::{Ses, SesConfig};
use onhand_server::adapters::mail::{Mailer, Sent};
use onhand_server::client::{Address, Connection};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::office::{IMPATIENCE, PATIENCE, mail, told};

/// As whom moto knows us: it looks at the region and the service, and at no signature.
const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=test/20261121/eu-central-1/ses/aws4_request, \
                          SignedHeaders=host, Signature=00";

fn moto() -> String {
    std::env::var("ONHAND_TEST_MOTO_URL").expect("ONHAND_TEST_MOTO_URL names a running moto_server")
}

async fn ask(method: Method, path: &str, body: String) -> Value {
    let mut connection = Connection::new(Address::parse(&moto()).unwrap());
    let who = (HeaderName::from_static("authorization"), HeaderValue::from_static(CREDENTIAL));
    let reply = connection.send(method, path, &[who], body.into()).await.unwrap();
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

async fn ses(endpoint: String, timeout: Duration) -> Mailer {
    let config =
        SesConfig { region: Some("eu-central-1".into()), endpoint: Some(endpoint), timeout };
    Mailer::Ses(Ses::new(config).await.unwrap())
}

/// Every mail that moto has for a recipient.
async fn received(mail: &Mail) -> Vec<String> {
    let all = ask(Method::GET, "/moto-api/data.json", String::new()).await;
    let all = all["ses"]["RawMessage"].as_array().unwrap();
    let raw = all.iter().map(|one| one["raw_data"].as_str().unwrap());
    raw.filter(|raw| raw.contains(mail.to.address().as_str())).map(str::to_owned).collect()
}

#[tokio::test]
async fn ses_gets_the_whole_mail_with_our_id_where_it_stays() {
    let identity = json!({ "EmailIdentity": "shop.example" }).to_string();
    ask(Method::POST, "/v2/email/identities", identity).await;
    let mail = mail("ada");
    assert_eq!(ses(moto(), PATIENCE).await.send(&mail).await, Sent::Done);
    let mails = received(&mail).await;
    let sent = String::from_utf8(mail.to_bytes_with_own_header().unwrap()).unwrap();
    assert_eq!(mails, [sent]);
    assert!(mails[0].contains(&format!("X-Onhand-Message-ID: {}\r\n", mail.message_id)));
}

#[tokio::test]
async fn what_ses_refuses_is_declined() {
    let mut mail = mail("ada");
    mail.from = "orders@stranger.example".parse().unwrap();
    let sent = ses(moto(), PATIENCE).await.send(&mail).await;
    let (outcome, reason) = told(&sent);
    assert!(outcome == "declined" && reason.starts_with("MessageRejected"), "{sent:?}");
    assert!(received(&mail).await.is_empty());
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sent = ses(url, PATIENCE).await.send(&mail("ada")).await;
    assert_eq!(told(&sent), ("retry server", "SES cannot be reached"));
}

#[tokio::test]
async fn of_a_request_without_an_answer_nobody_knows() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (mailer, mail) = (ses(url, IMPATIENCE).await, mail("ada"));
    let sent = timeout(PATIENCE, mailer.send(&mail)).await.expect("it ends by itself");
    assert_eq!(told(&sent).0, "unknown", "{sent:?}");
}
