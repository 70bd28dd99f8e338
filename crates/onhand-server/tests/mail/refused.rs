//! What a server says no to, and what that is worth.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use onhand_server::adapters::mail::Sent;
use onhand_server::adapters::mail::smtp::{Login, SmtpConfig};
use onhand_server::auth::secrets::Secret;

use crate::office::{Office, config, mail, mailer, told};

/// What comes of a mail to somebody whose address begins with a word.
async fn check(word: &str, wanted: &str, reason: &str) {
    let office = Office::new();
    let mailer = mailer(config(office.port("plain").await));
    let mail = mail(word);
    let sent = mailer.send(&mail).await;
    let (outcome, said) = told(&sent);
    assert_eq!(outcome, wanted, "{word}: {sent:?}");
    assert!(said.starts_with(reason), "{word}: {said}");
    assert!(office.mails(&mail).await.is_empty(), "{word}");
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    check("later", "retry mail", "451 4.3.0 come back later").await;
    check("full", "retry mail", "452 4.3.1 no room").await;
    check("never", "declined", "550 5.1.1 no such user").await;
    check("spam", "declined", "554 5.6.0 not to our taste").await;
    check("closing", "retry server", "421 4.3.2 closing").await;
}

#[tokio::test]
async fn that_a_server_takes_nothing_from_us_loses_no_mail() {
    let office = Office::new();
    let mut mail = mail("ada");
    mail.from = "banned@shop.example".parse().unwrap();
    let sent = mailer(config(office.port("plain").await)).send(&mail).await;
    assert_eq!(told(&sent).0, "retry server", "{sent:?}");
    assert!(!sent.is_answer());
}

pub(crate) fn login(password: &str) -> Login {
    Login { user: "shop".into(), password: Secret::new(password) }
}

#[tokio::test]
async fn who_logs_in_may_send() {
    let office = Office::new();
    let login = Some(login("correct-horse"));
    let (mailer, mail) =
        (mailer(SmtpConfig { login, ..config(office.port("login").await) }), mail("ada"));
    assert_eq!(mailer.send(&mail).await, Sent::Done);
    assert_eq!(office.mails(&mail).await[0].user.as_deref(), Some("shop"));
}

#[tokio::test]
async fn a_wrong_password_is_reported_without_it() {
    let office = Office::new();
    for (login, wanted) in [
        (Some(login("canary-horse")), "the mail server does not accept user and password (535"),
        (None, "the mail server does not accept user and password (530"),
    ] {
        let config = SmtpConfig { login, ..config(office.port("login").await) };
        let shown = format!("{config:?}");
        let (mailer, mail) = (mailer(config), mail("ada"));
        let sent = mailer.send(&mail).await;
        let (outcome, reason) = told(&sent);
        assert!(outcome == "retry server" && reason.starts_with(wanted), "{sent:?}");
        for text in [format!("{sent:?} {mailer:?}"), shown] {
            let encoded = STANDARD.encode("\0shop\0canary-horse");
            assert!(!text.contains("canary") && !text.contains(&encoded), "{text}");
        }
        assert!(office.mails(&mail).await.is_empty());
    }
}
