//! Mail over TLS: nothing is said to a server whose name nobody vouches for, or that cannot
//! encrypt.

use onhand_server::adapters::mail::Sent;
use onhand_server::adapters::mail::smtp::{Encryption, SmtpConfig, Trust};
use rcgen::{CertificateParams, KeyPair};

use crate::office::{Office, config, mail, mailer, told};
use crate::refused::login;

/// A certificate for a name: with its key for the server, and alone for whoever believes it.
fn certificate(name: &str) -> (String, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (key.serialize_pem() + &certificate.pem(), certificate.der().to_vec())
}

/// Sends to a server that has this name, as somebody who believes it or nobody.
async fn check(name: &str, is_believed: bool, wanted: &str) {
    let office = Office::new();
    let (pem, der) = certificate(name);
    let (smtps, starttls) = office.encrypted_ports(pem).await;
    for (port, encryption) in [(smtps, Encryption::Tls), (starttls, Encryption::StartTls)] {
        let trust = if is_believed { Trust::Only(der.clone()) } else { Trust::System };
        let (host, login) = ("localhost".to_owned(), Some(login("correct-horse")));
        let config = SmtpConfig { host, encryption, trust, login, ..config(port) };
        let (mailer, mail) = (mailer(config), mail("ada"));
        let sent = mailer.send(&mail).await;
        assert_eq!(told(&sent).0, wanted, "{name} {is_believed} {encryption:?} {sent:?}");
        let mails = office.mails(&mail).await;
        assert_eq!(mails.len(), usize::from(sent == Sent::Done));
        assert!(mails.iter().all(|one| one.is_encrypted && one.user.is_some()), "{mails:?}");
    }
}

#[tokio::test]
async fn mail_is_encrypted_for_a_server_that_is_vouched_for() {
    check("localhost", true, "done").await;
}

#[tokio::test]
async fn a_server_that_is_not_vouched_for_gets_no_mail() {
    check("localhost", false, "retry server").await;
    check("mail.example", true, "retry server").await;
}

#[tokio::test]
async fn a_server_that_cannot_encrypt_gets_no_mail() {
    let office = Office::new();
    let port = office.port("plain").await;
    for encryption in [Encryption::StartTls, Encryption::Tls] {
        let login = Some(login("correct-horse"));
        let (mailer, mail) =
            (mailer(SmtpConfig { encryption, login, ..config(port) }), mail("ada"));
        let sent = mailer.send(&mail).await;
        assert_eq!(told(&sent).0, "retry server", "{encryption:?} {sent:?}");
        assert!(office.mails(&mail).await.is_empty());
    }
}
