//! What arrives, and over how many connections.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use onhand_server::adapters::mail::Sent;
use onhand_server::adapters::mail::address::{Address, Mailbox};
use onhand_server::limits::{MAIL_CONNECTIONS_MAX, MAIL_PER_CONNECTION_MAX};
use onhand_server::notifications::samples::sample;
use onhand_server::notifications::{Notice, Sender, TEMPLATES, write};

use crate::office::{Office, config, mail, mailer};

#[tokio::test]
async fn a_mail_arrives_byte_for_byte() {
    let office = Office::new();
    let (mailer, mail) = (mailer(config(office.port("plain").await)), mail("ada"));
    assert_eq!(mailer.send(&mail).await, Sent::Done);
    let mails = office.mails(&mail).await;
    assert_eq!(mails.len(), 1);
    let sent = mail.to_bytes().unwrap();
    assert_eq!(String::from_utf8_lossy(&mails[0].content), String::from_utf8_lossy(&sent));
    assert_eq!(
        (mails[0].from.as_str(), mails[0].hello.as_str()),
        ("orders@shop.example", "shop.example")
    );
    let text = String::from_utf8(sent).unwrap();
    for wanted in [
        &format!("Message-ID: {}\r\n", mail.message_id),
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[tokio::test]
async fn every_template_arrives_byte_for_byte() {
    let office = Office::new();
    let mailer = mailer(config(office.port("plain").await));
    let from: Mailbox = "The Shop <orders@shop.example>".parse().unwrap();
    let sender = Sender { domain: from.address().domain(), from };
    for template in TEMPLATES {
        let to = mail(template.name).to;
        let at = "2026-11-21T05:48:16Z".parse().unwrap();
        let notice = Notice { event_seq: 108, at, recipient_key: "cus_7", to: &to };
        let sample = sample(template.name).unwrap().unwrap();
        let mail = write(&sender, template, &sample.facts(), &notice).unwrap().unwrap();
        assert_eq!(mailer.send(&mail).await, Sent::Done, "{}", template.name);
        let mails = office.mails(&mail).await;
        assert_eq!(mails[0].content, mail.to_bytes().unwrap(), "{}", template.name);
    }
}

#[tokio::test]
async fn connections_are_kept_also_after_a_refusal_and_not_for_ever() {
    let office = Office::new();
    let mailer = mailer(config(office.port("plain").await));
    let mut sessions = Vec::new();
    // One of them is refused.
    for number in 0..=MAIL_PER_CONNECTION_MAX {
        let mail = mail(if number == 1 { "never" } else { "ada" });
        let sent = mailer.send(&mail).await;
        assert_eq!(sent == Sent::Done, number != 1, "{number}: {sent:?}");
        sessions.extend(office.mails(&mail).await.into_iter().map(|one| one.session));
    }
    let last = sessions.pop().unwrap();
    let first: BTreeSet<_> = sessions.into_iter().collect();
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(!first.contains(&last), "the last one has a new connection");
}

#[tokio::test]
async fn many_at_once_arrive_once_each_over_few_connections() {
    let office = Office::new();
    let mailer = mailer(config(office.port("plain").await));
    let mails: Vec<_> = (0..5 * MAIL_CONNECTIONS_MAX).map(|_| mail("ada")).collect();
    for sent in join_all(mails.iter().map(|mail| mailer.send(mail))).await {
        assert_eq!(sent, Sent::Done);
    }
    let mut sessions = BTreeSet::new();
    for mail in &mails {
        let received = office.mails(mail).await;
        assert_eq!(received.len(), 1);
        sessions.extend(received.into_iter().map(|one| one.session));
    }
    assert!(sessions.len() <= MAIL_CONNECTIONS_MAX, "{}", sessions.len());
}

#[tokio::test]
async fn addresses_beyond_ascii_go_to_servers_that_take_them() {
    let office = Office::new();
    let mut mail = mail("ada");
    let address = format!("grüße-{}", mail.to.address().as_str());
    mail.to = Address::new(&address).unwrap().into();
    let sent = mailer(config(office.port("plain").await)).send(&mail).await;
    assert_eq!(sent, Sent::Done);
    assert_eq!(office.mails(&mail).await[0].content, mail.to_bytes().unwrap());
    let login = crate::refused::login("correct-horse");
    let other = mailer(onhand_server::adapters::mail::smtp::SmtpConfig {
        login: Some(login),
        ..config(office.port("login").await)
    });
    let sent = other.send(&mail).await;
    assert!(matches!(sent, Sent::Declined(_)), "{sent:?}");
}
