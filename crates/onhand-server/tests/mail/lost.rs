//! Servers that go away, at every step, and those that never answer.

use std::time::Duration;

use onhand_server::adapters::mail::Sent;
use onhand_server::adapters::mail::smtp::SmtpConfig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::office::{IMPATIENCE, Office, PATIENCE, config, mail, mailer, told};

/// What comes of a mail to somebody whose address begins with a word, and how often it arrived.
async fn check(word: &str, step_timeout: Duration, wanted: &str, arrived: usize) {
    let office = Office::new();
    let config = SmtpConfig { step_timeout, ..config(office.port("plain").await) };
    let (mailer, mail) = (mailer(config), mail(word));
    let sent = timeout(PATIENCE, mailer.send(&mail)).await.expect("it ends by itself");
    assert_eq!(told(&sent).0, wanted, "{word}: {sent:?}");
    assert!(!sent.is_answer(), "{word}");
    assert_eq!(office.mails(&mail).await.len(), arrived, "{word}");
}

#[tokio::test]
async fn before_the_mail_was_handed_over_it_is_known_not_to_be_sent() {
    check("slowly", IMPATIENCE, "retry server", 0).await;
}

#[tokio::test]
async fn after_the_mail_was_handed_over_nobody_knows() {
    check("middle", PATIENCE, "unknown", 0).await;
    check("drop", PATIENCE, "unknown", 1).await;
    check("silent", IMPATIENCE, "unknown", 1).await;
}

#[tokio::test]
async fn a_mail_that_is_sent_again_is_the_same() {
    let office = Office::new();
    let mailer = mailer(config(office.port("plain").await));
    let mail = mail("drop");
    for _ in 0..2 {
        let sent = mailer.send(&mail).await;
        assert!(matches!(sent, Sent::Unknown(_)), "{sent:?}");
    }
    let mails = office.mails(&mail).await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].content, mails[1].content);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let sent = mailer(config(port)).send(&mail("ada")).await;
    assert_eq!(told(&sent).0, "retry server", "{sent:?}");
    let nowhere = SmtpConfig { host: "mail.invalid".into(), ..config(25) };
    let sent = mailer(nowhere).send(&mail("ada")).await;
    assert_eq!(told(&sent).0, "retry server", "{sent:?}");
}

#[tokio::test]
async fn a_server_that_never_greets_is_given_up() {
    // It is in the listener's backlog, and nobody takes it out.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mailer = mailer(SmtpConfig { step_timeout: IMPATIENCE, ..config(port) });
    let mail = mail("ada");
    let sent = timeout(PATIENCE, mailer.send(&mail)).await.expect("it ends by itself");
    assert_eq!(told(&sent), ("retry server", "no answer of the mail server in time"));
    drop(listener);
}

/// Passes the connections that it gets on to a port, one after the other, each until it is told to
/// end it; says when it has.
async fn front(port: u16) -> (u16, mpsc::Sender<oneshot::Sender<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().port();
    let (cut, mut cuts) = mpsc::channel::<oneshot::Sender<()>>(1);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let ended = tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => None,
                ended = cuts.recv() => ended,
            };
            drop((near, far));
            if let Some(ended) = ended {
                ended.send(()).unwrap();
            }
        }
    });
    (at, cut)
}

#[tokio::test]
async fn a_kept_connection_that_has_died_costs_no_mail() {
    let office = Office::new();
    let (port, cut) = front(office.port("plain").await).await;
    let mailer = mailer(config(port));
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let mail = mail("ada");
        assert_eq!(mailer.send(&mail).await, Sent::Done);
        sessions.push(office.mails(&mail).await[0].session.clone());
        let (ended, has_ended) = oneshot::channel();
        cut.send(ended).await.unwrap();
        has_ended.await.unwrap();
    }
    assert_ne!(sessions[0], sessions[1]);
}

/// A server that says yes to everything, and to one command twice.
async fn twice(command: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (lines, mut answers) = stream.into_split();
        let mut lines = BufReader::new(lines).lines();
        let mut said = "220 mail.test\r\n".to_owned();
        let mut is_mail = false;
        loop {
            if answers.write_all(said.as_bytes()).await.is_err() {
                return;
            }
            let Ok(Some(line)) = lines.next_line().await else { return };
            let yes = match line.as_str() {
                "." => "250 OK\r\n",
                _ if is_mail => "",
                "DATA" => "354 go on\r\n",
                _ => "250 OK\r\n",
            };
            is_mail = line != "." && (is_mail || line == "DATA");
            said = yes.repeat(if line.starts_with(command) { 2 } else { 1 });
        }
    });
    port
}

#[tokio::test]
async fn an_answer_too_many_passes_for_no_yes() {
    for (command, wanted) in [("RCPT", "retry server"), ("DATA", "unknown"), ("none", "done")] {
        let sent = mailer(config(twice(command).await)).send(&mail("ada")).await;
        assert_eq!(told(&sent).0, wanted, "{command}: {sent:?}");
    }
}
