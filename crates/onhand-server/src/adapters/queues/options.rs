//! How queues are configured: who keeps the work, and where events go. Whether a broker is there is
//! seen when it is used: a server starts without it, and takes orders.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::cloud_event::Source;
use super::relay::{Relay, Target, is_queue_url};
use super::{Queue, QueueError};
#[cfg(feature = "nats")]
use crate::accounts::options::configured;
use crate::auth::secrets::SecretError;
#[cfg(feature = "nats")]
use crate::auth::secrets::{Secret, read_whole};
use crate::limits::{QUEUE_LEASE_SECS_DEFAULT, QUEUE_LEASE_SECS_MAX};

/// Who keeps the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueueKind {
    /// The database, with everything else.
    Database,
    /// Amazon SQS.
    Sqs,
    /// NATS JetStream.
    Nats,
}

/// Who keeps the work, and where events go. Keys for AWS are found as its own tools find them.
/// Secrets for NATS come from ONHAND_NATS_PASSWORD or ONHAND_NATS_TOKEN, or from files that these
/// names with _FILE behind them name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Queues and events")]
pub struct QueueOptions {
    /// Who keeps the work of processing orders.
    #[arg(long, env = "ONHAND_QUEUE", value_enum, default_value_t = QueueKind::Database)]
    pub queue: QueueKind,
    /// For how many seconds a worker has a message to itself; it asks for more while it works. So
    /// long does a message wait whose worker died.
    #[arg(long, env = "ONHAND_QUEUE_LEASE_SECS", default_value_t = QUEUE_LEASE_SECS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(1..=QUEUE_LEASE_SECS_MAX))]
    queue_lease_secs: u64,
    /// The URL of the queue at SQS; one that ends in `.fifo` is used as such.
    #[arg(long, env = "AWS_SQS_QUEUE_URL")]
    sqs_queue_url: Option<String>,
    /// The URL of the queue at SQS for messages that are given up.
    #[arg(long, env = "ONHAND_SQS_DEAD_LETTER_URL")]
    sqs_dead_letter_url: Option<String>,
    /// Another address for SQS than that of its region.
    #[arg(long, env = "AWS_ENDPOINT_URL_SQS")]
    sqs_endpoint_url: Option<String>,
    /// Where NATS is: nats://host:4222 or tls://host:4222, several separated by commas.
    #[arg(
        long,
        env = "ONHAND_NATS_URL",
        hide_env_values = true,
        default_value = "nats://127.0.0.1:4222"
    )]
    nats_url: String,
    /// The user that we are at NATS.
    #[arg(long, env = "ONHAND_NATS_USER")]
    nats_user: Option<String>,
    /// A file of credentials for NATS: a token and the key that goes with it.
    #[arg(long, env = "ONHAND_NATS_CREDENTIALS_FILE")]
    nats_credentials_file: Option<PathBuf>,
    /// The stream at NATS, and its subject.
    #[arg(long, env = "ONHAND_NATS_STREAM", default_value = "onhand", value_parser = stream)]
    nats_stream: String,
    /// Where every event goes as a CloudEvent: `sqs:` and the URL of a queue, or `nats:` and a
    /// subject that a stream listens to.
    #[arg(long, env = "ONHAND_RELAY")]
    relay: Option<Target>,
    /// What those events name as their source; each installation has its own.
    #[arg(long, env = "ONHAND_RELAY_SOURCE", default_value = "/onhand", value_parser = source)]
    relay_source: Source,
}

/// Why queues cannot be used as they are configured.
#[derive(Debug, thiserror::Error)]
pub enum QueuesError {
    /// The program was built without it.
    #[error("this build cannot talk to {broker}: build it with `--features {feature}`")]
    NotBuilt {
        /// With whom.
        broker: &'static str,
        /// The feature of the build.
        feature: &'static str,
    },
    /// Something is missing.
    #[error("{option} is needed with --queue {queue}")]
    Missing {
        /// What.
        option: &'static str,
        /// For whom.
        queue: &'static str,
    },
    /// It is not the URL of a queue.
    #[error("{0} is not the URL of a queue")]
    Url(&'static str),
    /// Work and dead letters would be in the same place.
    #[error("--sqs-queue-url and --sqs-dead-letter-url are the same")]
    SameQueue,
    /// A secret cannot be had.
    #[error("{name}: {error}")]
    Secret {
        /// Which one.
        name: &'static str,
        /// Why.
        error: SecretError,
    },
    /// There is more than one way to say who we are, or half of one.
    #[error(
        "for NATS, one of ONHAND_NATS_PASSWORD (with --nats-user), ONHAND_NATS_TOKEN and \
         --nats-credentials-file is needed, or none"
    )]
    Login,
    /// The broker's own settings are of no use.
    #[error(transparent)]
    Broker(#[from] QueueError),
}

fn stream(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected 1 to 64 letters, digits, `-` and `_`".to_owned())
    }
}

fn source(text: &str) -> Result<Source, String> {
    Source::new(text)
        .ok_or_else(|| "expected a short reference to a URI, like `/onhand`".to_owned())
}

impl QueueOptions {
    /// The broker that keeps the work; `None` where the database does.
    ///
    /// # Errors
    /// [`QueuesError`].
    pub async fn broker(&self) -> Result<Option<Arc<dyn Queue>>, QueuesError> {
        match self.queue {
            QueueKind::Database => Ok(None),
            QueueKind::Sqs => {
                let (url, dead_letter_url) = self.sqs_urls()?;
                self.sqs(url, dead_letter_url).await.map(Some)
            }
            QueueKind::Nats => self.nats().await.map(Some),
        }
    }

    /// Where events go, if anywhere.
    ///
    /// # Errors
    /// [`QueuesError`].
    pub async fn relay(&self) -> Result<Option<Relay>, QueuesError> {
        match &self.relay {
            None => Ok(None),
            Some(Target::Sqs(url)) => self.sqs_relay(url.clone()).await.map(Some),
            Some(Target::Nats(subject)) => self.nats_relay(subject.clone()).await.map(Some),
        }
    }

    /// The queue of work and that of dead letters.
    fn sqs_urls(&self) -> Result<(String, String), QueuesError> {
        let given = |option, url: &Option<String>| {
            let url = url.clone().ok_or(QueuesError::Missing { option, queue: "sqs" })?;
            if is_queue_url(&url) { Ok(url) } else { Err(QueuesError::Url(option)) }
        };
        let work = given("--sqs-queue-url", &self.sqs_queue_url)?;
        let dead = given("--sqs-dead-letter-url", &self.sqs_dead_letter_url)?;
        if work == dead { Err(QueuesError::SameQueue) } else { Ok((work, dead)) }
    }

    /// For how long a worker has a message to itself.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.queue_lease_secs)
    }
}

#[cfg(feature = "aws")]
impl QueueOptions {
    async fn sqs_client(&self) -> Result<aws_sdk_sqs::Client, QueuesError> {
        use super::sqs::{AwsConfig, client};
        let endpoint_url = self.sqs_endpoint_url.clone();
        Ok(client(AwsConfig { endpoint_url, region: None }).await?)
    }

    async fn sqs(
        &self,
        url: String,
        dead_letter_url: String,
    ) -> Result<Arc<dyn Queue>, QueuesError> {
        use super::sqs::{Sqs, SqsConfig};
        let config = SqsConfig { url, dead_letter_url, lease: self.lease() };
        Ok(Arc::new(Sqs::new(self.sqs_client().await?, config)))
    }

    async fn sqs_relay(&self, url: String) -> Result<Relay, QueuesError> {
        use super::relay::Mode;
        use super::sqs::SqsSender;
        let carrier = Arc::new(SqsSender::new(self.sqs_client().await?, url));
        Ok(Relay::new(self.relay_source.clone(), Mode::Structured, carrier))
    }
}

#[cfg(not(feature = "aws"))]
impl QueueOptions {
    async fn sqs(&self, _: String, _: String) -> Result<Arc<dyn Queue>, QueuesError> {
        Err(QueuesError::NotBuilt { broker: "SQS", feature: "aws" })
    }

    async fn sqs_relay(&self, _: String) -> Result<Relay, QueuesError> {
        Err(QueuesError::NotBuilt { broker: "SQS", feature: "aws" })
    }
}

#[cfg(feature = "nats")]
impl QueueOptions {
    async fn nats_link(&self) -> Result<super::nats::NatsLink, QueuesError> {
        use super::nats::{NatsConfig, NatsLink, NatsLogin};
        let password = secret("ONHAND_NATS_PASSWORD")?;
        let token = secret("ONHAND_NATS_TOKEN")?;
        let credentials = self.nats_credentials_file.as_deref().map(read_whole).transpose();
        let credentials = credentials
            .map_err(|error| QueuesError::Secret { name: "--nats-credentials-file", error })?;
        let login = match (self.nats_user.clone(), password, token, credentials) {
            (None, None, None, None) => NatsLogin::Nobody,
            (Some(user), Some(password), None, None) => NatsLogin::User(user, password),
            (None, None, Some(token), None) => NatsLogin::Token(token),
            (None, None, None, Some(credentials)) => NatsLogin::Credentials(credentials),
            _ => return Err(QueuesError::Login),
        };
        Ok(NatsLink::open(NatsConfig { url: self.nats_url.clone(), login }).await?)
    }

    async fn nats(&self) -> Result<Arc<dyn Queue>, QueuesError> {
        let link = self.nats_link().await?;
        Ok(Arc::new(super::nats::Nats::new(link, self.nats_stream.clone(), self.lease())))
    }

    async fn nats_relay(&self, subject: String) -> Result<Relay, QueuesError> {
        use super::nats::NatsSender;
        use super::relay::Mode;
        let carrier = Arc::new(NatsSender::new(self.nats_link().await?, subject));
        Ok(Relay::new(self.relay_source.clone(), Mode::Binary, carrier))
    }
}

/// A secret that is configured.
#[cfg(feature = "nats")]
fn secret(name: &'static str) -> Result<Option<Secret>, QueuesError> {
    let read = configured(name).map(|given| given.read()).transpose();
    let read = read.map_err(|error| QueuesError::Secret { name, error })?;
    Ok(read.and_then(|secrets| secrets.into_iter().next()))
}

#[cfg(not(feature = "nats"))]
impl QueueOptions {
    async fn nats(&self) -> Result<Arc<dyn Queue>, QueuesError> {
        Err(QueuesError::NotBuilt { broker: "NATS", feature: "nats" })
    }

    async fn nats_relay(&self, _: String) -> Result<Relay, QueuesError> {
        Err(QueuesError::NotBuilt { broker: "NATS", feature: "nats" })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: QueueOptions,
    }

    const WORK: &str = "--sqs-queue-url=https://sqs.eu-west-1.amazonaws.com/1/work";
    const DEAD: &str = "--sqs-dead-letter-url=https://sqs.eu-west-1.amazonaws.com/1/dead";

    fn options(arguments: &[&str]) -> Option<QueueOptions> {
        let line = Line::try_parse_from(["onhand"].iter().chain(arguments));
        line.ok().map(|line| line.options)
    }

    #[test]
    fn the_database_keeps_the_work_unless_somebody_says_otherwise() {
        let options = options(&[]).unwrap();
        assert_eq!(options.queue, QueueKind::Database);
        assert_eq!(options.lease(), Duration::from_secs(QUEUE_LEASE_SECS_DEFAULT));
        assert!(options.relay.is_none());
    }

    #[test]
    fn words_that_mean_nothing_are_refused() {
        for arguments in [
            &["--queue=kafka"][..],
            &["--queue-lease-secs=0"],
            &["--queue-lease-secs=3601"],
            &["--nats-stream="],
            &["--nats-stream=a.b"],
            &["--nats-stream=a b"],
            &["--relay=events"],
            &["--relay-source="],
            &["--relay-source=two words"],
            &["--relay-source=\r\nx: y"],
        ] {
            assert!(options(arguments).is_none(), "{arguments:?}");
        }
    }

    #[test]
    fn sqs_needs_two_queues() {
        let same = "--sqs-dead-letter-url=https://sqs.eu-west-1.amazonaws.com/1/work";
        let odd = "--sqs-queue-url=work";
        for (arguments, expected) in [
            (&[WORK, DEAD][..], "fine"),
            (&[DEAD], "--sqs-queue-url is needed with --queue sqs"),
            (&[WORK], "--sqs-dead-letter-url is needed with --queue sqs"),
            (&[odd, DEAD], "--sqs-queue-url is not the URL of a queue"),
            (&[WORK, same], "--sqs-queue-url and --sqs-dead-letter-url are the same"),
        ] {
            let read = options(arguments).unwrap().sqs_urls();
            assert_eq!(read.err().map_or("fine".into(), |error| error.to_string()), expected);
        }
    }

    #[cfg(not(all(feature = "aws", feature = "nats")))]
    #[tokio::test]
    async fn a_build_without_a_broker_says_so() {
        let broker = async |arguments: &[&str]| {
            options(arguments).unwrap().broker().await.map(|_| ()).unwrap_err().to_string()
        };
        #[cfg(not(feature = "aws"))]
        assert_eq!(
            broker(&["--queue=sqs", WORK, DEAD]).await,
            "this build cannot talk to SQS: build it with `--features aws`"
        );
        #[cfg(not(feature = "nats"))]
        assert_eq!(
            broker(&["--queue=nats"]).await,
            "this build cannot talk to NATS: build it with `--features nats`"
        );
    }

    #[cfg(feature = "nats")]
    #[tokio::test]
    async fn an_error_about_nats_repeats_no_password() {
        let options =
            options(&["--queue=nats", "--nats-url=nats://me:hunter2@nats.example"]).unwrap();
        let error = options.broker().await.map(|_| ()).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
    }
}
