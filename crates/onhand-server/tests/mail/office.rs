//! The mail server of the tests, as they ask it; and mails and settings to try it with.

use std::time::Duration;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use onhand_server::adapters::mail::address::{Address, Domain, Mailbox};
use onhand_server::adapters::mail::message::{Body, Mail, MessageId, Subject};
use onhand_server::adapters::mail::smtp::{Encryption, Smtp, SmtpConfig, Trust};
use onhand_server::adapters::mail::{Mailer, Sent, Trouble};
use onhand_server::client::{self, Connection};
use onhand_server::random;
use serde_json::Value;

/// Longest step for whoever is not about to meet an answer that never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// For whoever is.
pub(crate) const IMPATIENCE: Duration = Duration::from_secs(2);

/// The server.
pub(crate) struct Office(client::Address);

/// A mail that it got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) content: Vec<u8>,
    pub(crate) session: String,
    pub(crate) hello: String,
    pub(crate) is_encrypted: bool,
    pub(crate) user: Option<String>,
}

impl Office {
    pub(crate) fn new() -> Self {
        let url = std::env::var("ONHAND_TEST_SMTP_URL");
        let url = url.expect("`cargo xtask test` or `cargo xtask services` starts a mail server");
        Self(client::Address::parse(&url).unwrap())
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Value {
        let mut connection = Connection::new(self.0.clone());
        let reply = connection.send(method, path, &[], body.into()).await.unwrap();
        assert_eq!(reply.status, 200, "{path}");
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// A port on which it takes mail.
    pub(crate) async fn port(&self, name: &str) -> u16 {
        port(&self.ask(Method::GET, "/ports", String::new()).await, name)
    }

    /// Two more ports, with this key and certificate: encrypted from the first byte, and later.
    pub(crate) async fn encrypted_ports(&self, pem: String) -> (u16, u16) {
        let ports = self.ask(Method::POST, "/tls", pem).await;
        (port(&ports, "smtps"), port(&ports, "starttls"))
    }

    /// What a recipient got, the oldest first.
    pub(crate) async fn mails(&self, to: &Mail) -> Vec<Received> {
        let to = to.to.address().as_str();
        let to: String = to.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mails = self.ask(Method::GET, &format!("/mails?to={to}"), String::new()).await;
        mails.as_array().unwrap().iter().map(Received::read).collect()
    }
}

fn port(ports: &Value, name: &str) -> u16 {
    ports[name].as_u64().unwrap().try_into().unwrap()
}

impl Received {
    fn read(mail: &Value) -> Self {
        let text = |name: &str| mail[name].as_str().unwrap().to_owned();
        Self {
            from: text("from"),
            content: STANDARD.decode(text("content")).unwrap(),
            session: mail["session"].to_string(),
            hello: text("hello"),
            is_encrypted: mail["is_encrypted"].as_bool().unwrap(),
            user: mail["user"].as_str().map(str::to_owned),
        }
    }
}

/// A mail to a recipient whom no other test has, whose address begins with a word.
pub(crate) fn mail(word: &str) -> Mail {
    let unique = random::uuid_v4().simple().to_string();
    let domain = Domain::new("shop.example").unwrap();
    let address = Address::new(&format!("{word}-{unique}@customer.example")).unwrap();
    Mail {
        message_id: MessageId::new(&format!("evt_1.test.{unique}"), &domain).unwrap(),
        template: "test",
        from: "The Shop <orders@shop.example>".parse().unwrap(),
        to: Mailbox::named("Ada Lovelace, née Byron", address).unwrap(),
        subject: Subject::new("Order Placed: ord_42, grüße").unwrap(),
        // What could end a mail too early, or be taken for something else.
        text: Body::new("Tea\n.\n..\r\n.\rFrom here on\nQUIT\n.RSET\n\n.\n"),
        html: Body::new(&format!("<p>Grüße</p>\n.\n<p>{}</p>", "x".repeat(2_000))),
        date: "2026-11-21T05:48:16Z".parse().unwrap(),
    }
}

/// How a port of this machine is reached in the clear.
pub(crate) fn config(port: u16) -> SmtpConfig {
    SmtpConfig {
        host: "127.0.0.1".into(),
        port,
        encryption: Encryption::None,
        trust: Trust::System,
        login: None,
        hello: Domain::new("shop.example").unwrap(),
        step_timeout: PATIENCE,
    }
}

pub(crate) fn mailer(config: SmtpConfig) -> Mailer {
    Mailer::Smtp(Box::new(Smtp::new(config).unwrap()))
}

/// An outcome in a word, and its reason.
pub(crate) fn told(sent: &Sent) -> (&'static str, &str) {
    match sent {
        Sent::Done => ("done", ""),
        Sent::Retry { reason, trouble: Trouble::Server, .. } => ("retry server", reason.as_str()),
        Sent::Retry { reason, trouble: Trouble::Message, .. } => ("retry mail", reason.as_str()),
        Sent::Declined(reason) => ("declined", reason.as_str()),
        Sent::Unknown(reason) => ("unknown", reason.as_str()),
    }
}
