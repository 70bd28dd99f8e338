//! Mail over SMTP: connections that are kept, and the steps of one mail. It goes step by step, and
//! not in one call of the library, because only so is it known whether a mail was handed over when
//! something went wrong. What an answer is worth is said in `judge.rs`.

mod judge;

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Severity;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use self::judge::{GO_ON, Step, judge, out_of_turn, timed_out};
use super::address::Domain;
use super::message::Mail;
use super::{Sent, Trouble};
use crate::auth::secrets::Secret;
use crate::limits::{MAIL_CONNECTIONS_MAX, MAIL_IDLE_MAX, MAIL_PER_CONNECTION_MAX};

/// How a connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte, mostly on port 465.
    Tls,
    /// It begins in the clear and is encrypted before anything else is said, mostly on port 587. A
    /// server that cannot is not told anything.
    StartTls,
    /// Not at all.
    None,
}

/// Whose word is taken for a server's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those whom the system trusts.
    System,
    /// This certificate in DER, and nobody else.
    Only(Vec<u8>),
}

/// Who asks to be let in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name of the user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Which server takes the mail, and how it is reached.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Whose word is taken for its name.
    pub trust: Trust,
    /// As whom we log in.
    pub login: Option<Login>,
    /// Who we say to be.
    pub hello: Domain,
    /// How long one step of sending may take; see
    /// [`MAIL_STEP_TIMEOUT`](crate::limits::MAIL_STEP_TIMEOUT).
    pub step_timeout: Duration,
}

/// Why a server cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
    /// A password that is no text cannot be sent.
    #[error("the password of the mail server is not text in UTF-8")]
    Password,
}

/// A mail server, with the connections to it.
pub struct Smtp {
    server: (String, u16),
    tls: Option<(Encryption, TlsParameters)>,
    credentials: Option<Credentials>,
    hello: ClientId,
    step_timeout: Duration,
    kept: Mutex<Vec<Kept>>,
    turns: Semaphore,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A connection, what it has done, and since when it does nothing.
struct Kept {
    connection: AsyncSmtpConnection,
    mails: u32,
    since: Instant,
}

impl Smtp {
    /// A server. Nothing is connected yet.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(config: SmtpConfig) -> Result<Self, SmtpError> {
        let SmtpConfig { host, port, encryption, trust, login, hello, step_timeout } = config;
        let tls = match encryption {
            Encryption::Tls | Encryption::StartTls => Some((encryption, parameters(&host, trust)?)),
            Encryption::None => None,
        };
        let credentials = match login {
            Some(Login { user, password }) => {
                let password = std::str::from_utf8(password.expose());
                let password = password.map_err(|_| SmtpError::Password)?;
                Some(Credentials::new(user, password.to_owned()))
            }
            None => None,
        };
        Ok(Self {
            server: (host, port),
            tls,
            credentials,
            hello: ClientId::Domain(hello.as_str().to_owned()),
            step_timeout,
            kept: Mutex::default(),
            turns: Semaphore::new(MAIL_CONNECTIONS_MAX),
        })
    }

    pub(super) async fn send(&self, mail: &Mail) -> Sent {
        let bytes = match mail.to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return Sent::declined(&error.to_string()),
        };
        let Ok(Ok(_turn)) = timeout(self.step_timeout, self.turns.acquire()).await else {
            return Sent::retry(Trouble::Server, "all connections to the mail server are busy");
        };
        let mut kept = match self.connection().await {
            Ok(kept) => kept,
            Err(sent) => return sent,
        };
        kept.mails += 1;
        let offered = timeout(self.step_timeout, offer(&mut kept.connection, mail, &bytes)).await;
        match offered {
            Ok(Ok(())) => {}
            Ok(Err(sent)) => {
                // A mail that was refused is no reason to give up the connection.
                if sent.is_answer() {
                    self.keep(kept).await;
                }
                return sent;
            }
            Err(_) => return timed_out(Step::Recipient),
        }
        // From here on the server may have the mail, whatever becomes of the connection. The end of
        // the last line is added by the library.
        let message = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
        let handed = timeout(self.step_timeout, kept.connection.message(message)).await;
        let sent = match handed {
            Ok(Ok(taken)) if taken.code().severity == Severity::PositiveCompletion => Sent::Done,
            Ok(Ok(_)) => out_of_turn(Step::Message),
            Ok(Err(error)) => judge(Step::Message, &error),
            Err(_) => timed_out(Step::Message),
        };
        if sent.is_answer() {
            self.keep(kept).await;
        }
        sent
    }

    /// A connection over which a mail can be sent at once: one that is kept and still answers, or a
    /// new one.
    async fn connection(&self) -> Result<Kept, Sent> {
        loop {
            let Some(mut kept) = self.kept.lock().await.pop() else { break };
            if kept.since.elapsed() > MAIL_IDLE_MAX {
                continue;
            }
            // Forgets a mail that was refused, and shows whether the server is still there.
            let reset = timeout(self.step_timeout, kept.connection.command(Rset)).await;
            if matches!(reset, Ok(Ok(_))) {
                return Ok(kept);
            }
        }
        match timeout(self.step_timeout, self.connect()).await {
            Ok(connected) => {
                connected.map(|connection| Kept { connection, mails: 0, since: Instant::now() })
            }
            Err(_) => Err(timed_out(Step::Connect)),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Sent> {
        let from_the_first_byte = match &self.tls {
            Some((Encryption::Tls, tls)) => Some(tls.clone()),
            Some((Encryption::StartTls | Encryption::None, _)) | None => None,
        };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (self.server.0.as_str(), self.server.1),
            Some(self.step_timeout),
            &self.hello,
            from_the_first_byte,
            None,
        );
        let failed = |error| judge(Step::Connect, &error);
        let mut connection = connecting.await.map_err(failed)?;
        if let Some((Encryption::StartTls, tls)) = &self.tls {
            connection.starttls(tls.clone(), &self.hello).await.map_err(failed)?;
        }
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            let let_in = connection.auth(&ways, credentials).await;
            let_in.map_err(|error| judge(Step::Login, &error))?;
        }
        Ok(connection)
    }

    async fn keep(&self, kept: Kept) {
        if kept.mails < MAIL_PER_CONNECTION_MAX {
            self.kept.lock().await.push(Kept { since: Instant::now(), ..kept });
        }
    }
}

/// Whom a connection trusts.
fn parameters(host: &str, trust: Trust) -> Result<TlsParameters, SmtpError> {
    let builder = TlsParameters::builder(host.to_owned());
    let builder = match trust {
        Trust::System => builder,
        Trust::Only(certificate) => builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_der(certificate)?),
    };
    Ok(builder.build_rustls()?)
}

/// Says from whom and to whom, until the server wants to have the mail.
async fn offer(
    connection: &mut AsyncSmtpConnection,
    mail: &Mail,
    bytes: &[u8],
) -> Result<(), Sent> {
    let mut parameters = Vec::new();
    let (from, to) = (mail.from.address(), mail.to.address());
    if !(from.is_ascii() && to.is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let reason = "the mail server takes addresses of ASCII letters only";
            return Err(Sent::declined(reason));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    // Only an address brings other bytes than those of ASCII into a mail.
    if !bytes.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let sender = connection.command(From::new(Some(from.to_lettre()), parameters)).await;
    sender.map_err(|error| judge(Step::Sender, &error))?;
    let recipient = connection.command(Rcpt::new(to.to_lettre(), Vec::new())).await;
    recipient.map_err(|error| judge(Step::Recipient, &error))?;
    let data = connection.command(Data).await;
    let data = data.map_err(|error| judge(Step::Recipient, &error))?;
    // An answer too many, also one that somebody has slipped in before encryption began, would
    // make each one after it pass for the next.
    if data.has_code(GO_ON) { Ok(()) } else { Err(out_of_turn(Step::Recipient)) }
}
