//! How mail is configured: who delivers it, who writes, and which operators get some. What cannot
//! work is refused at the start, and not when the first mail is due.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::Sender;
use crate::accounts::options::configured;
use crate::adapters::mail::Mailer;
use crate::adapters::mail::address::{AddressError, Domain, Mailbox};
use crate::adapters::mail::folder::Folder;
#[cfg(feature = "aws")]
use crate::adapters::mail::ses::{NoRegion, Ses, SesConfig};
use crate::adapters::mail::smtp::{Encryption, Login, Smtp, SmtpConfig, SmtpError, Trust};
use crate::auth::secrets::SecretError;
use crate::limits::{MAIL_STEP_TIMEOUT, MAIL_STEP_TIMEOUT_SECS_MAX, OPERATOR_MAILS_MAX};

/// The variable that has the password; with `_FILE` behind it, the one that names a file.
const PASSWORD: &str = "ONHAND_MAIL_PASSWORD";
/// Steps in which a mail is handed over, each of which has a time of its own.
const MAIL_STEPS: u32 = 3;
/// Who writes where nobody reads it.
const NOBODY: &str = "onhand@localhost";
/// The ports that mail is submitted to, with TLS from the first byte and from the second.
const PORTS: (u16, u16) = (465, 587);

/// Who delivers mail, and who writes it.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Mail")]
pub struct MailOptions {
    /// Who delivers mail: `off` (nobody is written to), `log` (a line in the log), `folder:PATH`
    /// (a file for each), `smtp://host:port` (encrypted by STARTTLS; to this machine not at all;
    /// `?tls=none` or `?tls=starttls` say which), `smtps://host:port`, or `ses` (`ses:REGION`) for
    /// Amazon SES.
    #[arg(long, env = "ONHAND_MAIL", default_value = "log", hide_env_values = true)]
    mail: String,
    /// Who writes: `orders@example.com`, or `The Shop <orders@example.com>`.
    #[arg(long, env = "ONHAND_MAIL_FROM")]
    mail_from: Option<Mailbox>,
    /// The domain in Message-IDs, and the name that mail servers are told; that of the sender's
    /// address when absent. It must not change, or a mail that is sent again is another one.
    #[arg(long, env = "ONHAND_MAIL_DOMAIN")]
    mail_domain: Option<Domain>,
    /// The user at the mail server; the password comes from ONHAND_MAIL_PASSWORD, or from the file
    /// that ONHAND_MAIL_PASSWORD_FILE names.
    #[arg(long, env = "ONHAND_MAIL_USER")]
    mail_user: Option<String>,
    /// How many seconds each of the three steps of sending a mail may take.
    #[arg(long, env = "ONHAND_MAIL_TIMEOUT_SECS",
        default_value_t = MAIL_STEP_TIMEOUT.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=MAIL_STEP_TIMEOUT_SECS_MAX))]
    mail_timeout_secs: u64,
    /// Who is told of low stock, disabled webhooks and dead letters; may be given several times, or
    /// separated by commas.
    #[arg(long, env = "ONHAND_OPERATOR_MAIL", value_delimiter = ',')]
    operator_mail: Vec<Mailbox>,
}

/// Why there can be no mail as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// It is not known who is to deliver mail.
    #[error(
        "--mail `{value}`: {wrong}; expected `off`, `log`, `folder:PATH`, `smtp://host:port`, \
         `smtps://host:port` or `ses`"
    )]
    Route {
        /// What is configured, without what may be secret.
        value: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// Nobody writes.
    #[error("--mail-from is missing: expected `orders@example.com` or `Name <orders@example.com>`")]
    NoSender,
    /// There are more operators than are written to.
    #[error("--operator-mail: there are {0} addresses, expected at most {OPERATOR_MAILS_MAX}")]
    Operators(usize),
    /// The password cannot be had.
    #[error("{PASSWORD}: {0}")]
    Secret(SecretError),
    /// One half of a login.
    #[error("--mail-user and {PASSWORD} belong together: {0} is missing")]
    HalfLogin(&'static str),
    /// A password that everybody could read on its way.
    #[error("--mail: user and password are not sent without TLS; leave out `tls=none`")]
    OpenLogin,
    /// The folder cannot be used.
    #[error("--mail: the folder {path} cannot be written to: {error}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The mail server cannot be used.
    #[error("--mail: {0}")]
    Smtp(#[from] SmtpError),
    /// Nobody can write as this.
    #[error("--mail-from: {0}")]
    Sender(#[from] AddressError),
    /// Nobody says where SES is.
    #[cfg(feature = "aws")]
    #[error("--mail `ses`: {0}")]
    Ses(#[from] NoRegion),
    /// The program cannot speak to AWS.
    #[cfg(not(feature = "aws"))]
    #[error("--mail `ses`: this onhand was built without the feature `aws`")]
    NoAws,
}

/// What is needed to send mail.
#[derive(Debug)]
pub struct Mailing {
    /// Who delivers it.
    pub mailer: Mailer,
    /// Who writes.
    pub sender: Sender,
    /// Who gets what is for operators.
    pub operators: Vec<Mailbox>,
    /// How long handing a mail over may take.
    pub longest: Duration,
}

/// Who delivers mail, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Off,
    Log,
    Folder(PathBuf),
    Smtp { host: String, port: u16, encryption: Encryption, is_local: bool },
    Ses { region: Option<String> },
}

impl MailOptions {
    /// Puts together what is needed to send mail; nothing where nobody is written to. No server is
    /// asked yet.
    ///
    /// # Errors
    /// [`MailSetupError`] says which option is wrong, and what would be right.
    pub async fn build(&self) -> Result<Option<Mailing>, MailSetupError> {
        let route = Route::read(&self.mail)?;
        if route == Route::Off {
            return Ok(None);
        }
        if self.operator_mail.len() > OPERATOR_MAILS_MAX {
            return Err(MailSetupError::Operators(self.operator_mail.len()));
        }
        let from = match (&self.mail_from, &route) {
            (Some(from), _) => from.clone(),
            (None, Route::Off | Route::Log | Route::Folder(_)) => NOBODY.parse()?,
            (None, Route::Smtp { .. } | Route::Ses { .. }) => return Err(MailSetupError::NoSender),
        };
        let domain = match &self.mail_domain {
            Some(domain) => domain.clone(),
            None => from.address().domain(),
        };
        let longest = match route {
            Route::Off | Route::Log | Route::Folder(_) => Duration::ZERO,
            Route::Smtp { .. } | Route::Ses { .. } => {
                Duration::from_secs(self.mail_timeout_secs).saturating_mul(MAIL_STEPS)
            }
        };
        let mailer = self.mailer(route, &domain).await?;
        let sender = Sender { from, domain };
        Ok(Some(Mailing { mailer, sender, operators: self.operator_mail.clone(), longest }))
    }

    async fn mailer(&self, route: Route, hello: &Domain) -> Result<Mailer, MailSetupError> {
        let step_timeout = Duration::from_secs(self.mail_timeout_secs);
        match route {
            Route::Off | Route::Log => Ok(Mailer::Log),
            Route::Folder(path) => match Folder::open(&path) {
                Ok(folder) => Ok(Mailer::Folder(folder)),
                Err(error) => Err(MailSetupError::Folder { path, error }),
            },
            Route::Smtp { host, port, encryption, is_local } => {
                let login = self.login()?;
                if login.is_some() && encryption == Encryption::None && !is_local {
                    return Err(MailSetupError::OpenLogin);
                }
                let (trust, hello) = (Trust::System, hello.clone());
                let config =
                    SmtpConfig { host, port, encryption, trust, login, hello, step_timeout };
                Ok(Mailer::Smtp(Box::new(Smtp::new(config)?)))
            }
            Route::Ses { region } => ses(region, step_timeout).await,
        }
    }

    fn login(&self) -> Result<Option<Login>, MailSetupError> {
        let password = configured(PASSWORD).map(|given| given.read()).transpose();
        let mut passwords = password.map_err(MailSetupError::Secret)?.unwrap_or_default();
        if passwords.len() > 1 {
            return Err(MailSetupError::Secret(SecretError::TooMany { many: passwords.len() }));
        }
        match (&self.mail_user, passwords.pop()) {
            (Some(user), Some(password)) => Ok(Some(Login { user: user.clone(), password })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(MailSetupError::HalfLogin(PASSWORD)),
            (None, Some(_)) => Err(MailSetupError::HalfLogin("--mail-user")),
        }
    }
}

#[cfg(feature = "aws")]
async fn ses(region: Option<String>, timeout: Duration) -> Result<Mailer, MailSetupError> {
    Ok(Mailer::Ses(Ses::new(SesConfig { region, endpoint: None, timeout }).await?))
}

#[cfg(not(feature = "aws"))]
async fn ses(_: Option<String>, _: Duration) -> Result<Mailer, MailSetupError> {
    Err(MailSetupError::NoAws)
}

impl Route {
    fn read(text: &str) -> Result<Self, MailSetupError> {
        let wrong = |wrong| MailSetupError::Route { value: shown(text), wrong };
        if let Some(path) = text.strip_prefix("folder:") {
            let is_path = !path.is_empty();
            return is_path.then(|| Self::Folder(path.into())).ok_or(wrong("there is no path"));
        }
        if let Some(region) = text.strip_prefix("ses:") {
            let is_region = region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            let region = (is_region && !region.is_empty()).then(|| region.to_owned());
            return match region {
                Some(region) => Ok(Self::Ses { region: Some(region) }),
                None => Err(wrong("there is no region")),
            };
        }
        match text {
            "off" => Ok(Self::Off),
            "log" => Ok(Self::Log),
            "ses" => Ok(Self::Ses { region: None }),
            _ => Self::of_url(text).map_err(wrong),
        }
    }

    fn of_url(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "nobody is called so")?;
        let is_tls = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err("it is neither `smtp` nor `smtps`"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it has no host")?;
        let host = host.trim_matches(['[', ']']).to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err("user and password are configured apart from it");
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("there is something behind host and port");
        }
        let is_local =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let encryption = match (is_tls, url.query()) {
            (true, None) => Encryption::Tls,
            (false, Some("tls=none")) => Encryption::None,
            (false, None) if is_local => Encryption::None,
            (false, None | Some("tls=starttls")) => Encryption::StartTls,
            (true | false, Some(_)) => return Err("expected `?tls=none` or `?tls=starttls`"),
        };
        let port = url.port().unwrap_or(if is_tls { PORTS.0 } else { PORTS.1 });
        Ok(Self::Smtp { host, port, encryption, is_local })
    }
}

/// What was configured, without what stands in front of an `@`: it may be a password.
fn shown(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://..@{place}"),
        (None, Some((_, place))) => format!("..@{place}"),
        (_, None) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        mail: MailOptions,
    }

    fn options(arguments: &[&str]) -> Result<MailOptions, String> {
        let line = Line::try_parse_from(std::iter::once(&"onhand").chain(arguments));
        line.map(|line| line.mail).map_err(|error| error.to_string())
    }

    #[test]
    fn a_route_is_read_as_it_is_written() {
        fn check(text: &str, wanted: &str) {
            let read = Route::read(text);
            let shown = match read {
                Ok(Route::Smtp { host, port, encryption, is_local }) => {
                    format!("{host} {port} {encryption:?} {is_local}")
                }
                Ok(route) => format!("{route:?}"),
                Err(error) => error.to_string().split(';').next().unwrap().to_owned(),
            };
            assert_eq!(shown, wanted, "{text}");
        }
        check("off", "Off");
        check("log", "Log");
        check("folder:mail/out", "Folder(\"mail/out\")");
        check("folder:", "--mail `folder:`: there is no path");
        check("ses", "Ses { region: None }");
        check("ses:eu-central-1", "Ses { region: Some(\"eu-central-1\") }");
        check("ses:", "--mail `ses:`: there is no region");
        check("smtps://mail.example", "mail.example 465 Tls false");
        check("smtp://mail.example", "mail.example 587 StartTls false");
        check("smtp://mail.example:25?tls=none", "mail.example 25 None false");
        check("smtp://localhost:1025", "localhost 1025 None true");
        check("smtp://127.0.0.1:1025?tls=starttls", "127.0.0.1 1025 StartTls true");
        check("smtp://[::1]", "::1 587 None true");
        for (text, wrong) in [
            ("smtp://", "it has no host"),
            ("smpt://mail.example", "it is neither `smtp` nor `smtps`"),
            ("mail.example", "nobody is called so"),
            ("", "nobody is called so"),
            ("smtps://mail.example?tls=none", "expected `?tls=none` or `?tls=starttls`"),
            ("smtp://mail.example?tls=maybe", "expected `?tls=none` or `?tls=starttls`"),
            ("smtp://mail.example/x", "there is something behind host and port"),
        ] {
            check(text, &format!("--mail `{text}`: {wrong}"));
        }
    }

    #[test]
    fn a_password_in_the_wrong_place_is_not_repeated() {
        for text in ["smtp://ada:canary@mail.example", "ada:canary@mail.example"] {
            let error = Route::read(text).unwrap_err().to_string();
            assert!(error.contains("mail.example") && !error.contains("canary"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_with_what_would_be_right() {
        async fn check(arguments: &[&str], wanted: &str) {
            let error = match options(arguments) {
                Ok(options) => options.build().await.err().map(|error| error.to_string()),
                Err(error) => Some(error),
            };
            let error = error.unwrap_or_default();
            assert!(error.contains(wanted), "{arguments:?}: {error}");
        }
        check(&["--mail", "smtp://localhost"], "--mail-from is missing").await;
        check(&["--mail-from", "a\nb@x.example"], "--mail-from").await;
        check(&["--mail-from", "a@x.example\r\nBcc: b@x.example"], "control character").await;
        check(&["--mail-domain", "a b"], "expected a domain like").await;
        check(&["--operator-mail", "ops"], "expected an e-mail address like").await;
        check(&["--mail-timeout-secs", "0"], "--mail-timeout-secs").await;
        let from = ["--mail-from", "a@x.example", "--mail-user", "ada"];
        let half = ["--mail", "smtps://mail.example"];
        check(&[&half[..], &from].concat(), "ONHAND_MAIL_PASSWORD is missing").await;
        let many = vec!["a@x.example"; OPERATOR_MAILS_MAX + 1].join(",");
        check(&["--operator-mail", &many], "--operator-mail: there are 21 addresses").await;
        #[cfg(not(feature = "aws"))]
        check(&["--mail", "ses", "--mail-from", "a@x.example"], "the feature `aws`").await;
    }

    #[tokio::test]
    async fn the_default_is_the_log_and_needs_nothing_else() {
        assert!(options(&["--mail", "off"]).unwrap().build().await.unwrap().is_none());
        let mailing = options(&[]).unwrap().build().await.unwrap().unwrap();
        assert!(matches!(mailing.mailer, Mailer::Log));
        assert_eq!(mailing.sender.domain.as_str(), "localhost");
        let shop =
            ["--mail-from", "Shop <a@X.example>", "--operator-mail", "o@x.example,p@x.example"];
        let mailing = options(&shop).unwrap().build().await.unwrap().unwrap();
        assert_eq!(mailing.sender.domain.as_str(), "x.example");
        assert_eq!(mailing.operators.len(), 2);
    }
}
